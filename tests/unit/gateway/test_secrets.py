"""The Gateway's two secrets (docs/reference/gateway.md §5, §10): told apart, checked when read, and never shown."""

import json
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from securities_transactions.domain import checksum
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway import secrets, tokens
from securities_transactions.gateway.errors import SecretsError
from securities_transactions.gateway.secrets import GatewaySecrets

GATEWAY, API, OLD = "gateway-secret-0123", "api-secret-0123456", "old-api-secret-012"


def parse(**members: object) -> GatewaySecrets:
    """The stored secret with these members."""
    return secrets.parse(json.dumps({"gatewaySecret": GATEWAY, "apiSecret": API, **members}))


def test_both_are_read_each_as_its_own_type() -> None:
    read = parse()
    assert (read.gateway, read.api, read.previous_api) == (GatewaySecret(GATEWAY), ApiSecret(API), None)


def test_the_two_are_never_equal_even_where_their_text_is() -> None:
    """They are types of their own, so mypy refuses one for the other, and a comparison does too."""
    assert len({GatewaySecret(API), ApiSecret(API)}) == 2
    assert not issubclass(GatewaySecret, ApiSecret)
    assert not issubclass(ApiSecret, GatewaySecret)
    assert tokens.verify.__annotations__["secret"] is GatewaySecret
    assert ApiSecret in checksum.sign.__annotations__.values()


WRONG: list[tuple[dict[str, object], str]] = [
    ({"gatewaySecret": None}, "gatewaySecret is missing"),
    ({"gatewaySecret": ""}, "gatewaySecret is missing"),
    ({"gatewaySecret": 12345678}, "gatewaySecret is missing"),
    ({"gatewaySecret": GATEWAY + "\n"}, "gatewaySecret has blanks around it"),
    ({"gatewaySecret": "short"}, "gatewaySecret has blanks around it or is shorter"),
    ({"apiSecret": None}, "apiSecret is missing"),
    ({"apiSecret": " " + API}, "apiSecret has blanks around it"),
    ({"apiSecret": GATEWAY}, "gatewaySecret and apiSecret are the same"),
    ({"previousApiSecret": "old"}, "previousApiSecret has blanks around it or is shorter"),
    ({"previousApiSecret": GATEWAY}, "previousApiSecret equals gatewaySecret"),
]


@pytest.mark.parametrize(("members", "said"), WRONG)
def test_which_member_is_wrong_is_said_and_its_value_is_not(members: dict[str, object], said: str) -> None:
    with pytest.raises(SecretsError) as caught:
        parse(**members)
    assert str(caught.value).startswith(said)
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(value in shown for value in (GATEWAY, API))


@pytest.mark.parametrize("text", ["", "not json: hunter2-hunter2", '"hunter2-hunter2"', "[]", '{"gatewaySecret":'])
def test_what_is_not_an_object_is_told_without_repeating_it(text: str) -> None:
    with pytest.raises(SecretsError) as caught:
        secrets.parse(text)
    assert "gatewaySecret and apiSecret" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r:>40}".format, lambda each: f"{[each]}"])
def test_no_way_of_printing_shows_a_secret(shown: object) -> None:
    assert callable(shown)
    text = shown(parse(previousApiSecret=OLD)) + shown(GatewaySecret(GATEWAY)) + shown(ApiSecret(API))
    assert not any(value in text for value in (GATEWAY, API, OLD))


def test_webhooks_are_checked_with_the_api_secret_alone_and_while_rotating_with_the_one_before_too() -> None:
    assert parse().webhook_keys == (ApiSecret(API),)
    assert parse(previousApiSecret=OLD).webhook_keys == (ApiSecret(API), ApiSecret(OLD))
    assert parse(previousApiSecret="").webhook_keys == (ApiSecret(API),)


class Vault:
    """Secrets Manager with one secret; counts how often it is read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.api = API

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        self.reads.append(SecretId)
        return {"SecretString": json.dumps({"gatewaySecret": GATEWAY, "apiSecret": self.api})}


def test_secrets_are_read_again_when_they_are_old_or_fresh_ones_are_wanted() -> None:
    """A flood of wrong checksums reads them once in half a minute."""
    vault: Any = Vault()
    now = [datetime(2026, 1, 15, 4, 30, tzinfo=UTC)]
    read = secrets.SecretReader(vault, "arn", lambda: now[0], timedelta(minutes=5), timedelta(seconds=30))

    def reads_after(wait: timedelta, *, fresh: bool = False) -> int:
        now[0] += wait
        read(fresh=fresh)
        return len(vault.reads)

    assert [reads_after(timedelta()), reads_after(timedelta(minutes=4, seconds=59))] == [1, 1]
    vault.api = OLD
    assert reads_after(timedelta(seconds=1)) == 2
    assert read().api == ApiSecret(OLD)
    assert [reads_after(timedelta(seconds=29), fresh=True), reads_after(timedelta(seconds=1), fresh=True)] == [2, 3]
    assert set(vault.reads) == {"arn"}
