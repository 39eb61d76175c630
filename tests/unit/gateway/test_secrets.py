"""The Gateway's two secrets (docs/reference/gateway.md §5, §10): not confused, validated when read, never shown."""

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from securities_transactions.domain import checksum
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway import secrets, tokens
from securities_transactions.gateway.errors import SecretsError
from securities_transactions.gateway.secrets import GatewaySecrets

GATEWAY, API, OLD, NEW = "gateway-secret-0123", "api-secret-0123456", "old-api-secret-012", "new-api-secret-012"


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
    ({"previousApiSecret": GATEWAY}, "gatewaySecret and previousApiSecret are the same"),
    ({"nextApiSecret": GATEWAY}, "gatewaySecret and nextApiSecret are the same"),
    ({"nextApiSecret": 12345678}, "nextApiSecret is missing"),
    ({"nextGatewaySecret": API}, "nextGatewaySecret and apiSecret are the same"),
    ({"previousGatewaySecret": "old"}, "previousGatewaySecret has blanks around it or is shorter"),
]


@pytest.mark.parametrize(("members", "said"), WRONG)
def test_error_names_the_wrong_member_not_its_value(members: dict[str, object], said: str) -> None:
    with pytest.raises(SecretsError) as caught:
        parse(**members)
    assert str(caught.value).startswith(said)
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(value in shown for value in (GATEWAY, API))


@pytest.mark.parametrize("text", ["", "not json: hunter2-hunter2", '"hunter2-hunter2"', "[]", '{"gatewaySecret":'])
def test_error_for_a_non_object_does_not_repeat_it(text: str) -> None:
    with pytest.raises(SecretsError) as caught:
        secrets.parse(text)
    assert "gatewaySecret and apiSecret" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r:>40}".format, lambda each: f"{[each]}"])
def test_no_way_of_printing_shows_a_secret(shown: object) -> None:
    assert callable(shown)
    text = (
        shown(parse(previousApiSecret=OLD, nextGatewaySecret=NEW))
        + shown(GatewaySecret(GATEWAY))
        + shown(ApiSecret(API))
    )
    assert not any(value in text for value in (GATEWAY, API, OLD, NEW))


def test_webhooks_are_checked_with_every_stored_api_secret() -> None:
    assert parse().api_keys == (ApiSecret(API),)
    assert parse(previousApiSecret=OLD).api_keys == (ApiSecret(API), ApiSecret(OLD))
    assert parse(nextApiSecret=NEW, previousApiSecret=OLD).api_keys == (ApiSecret(API), ApiSecret(NEW), ApiSecret(OLD))
    assert parse(nextApiSecret=None, previousApiSecret="").api_keys == (ApiSecret(API),)


def test_tokens_are_checked_with_every_stored_gateway_secret() -> None:
    both = parse(nextGatewaySecret=NEW, previousGatewaySecret=OLD)
    assert both.gateway_keys == (GatewaySecret(GATEWAY), GatewaySecret(NEW), GatewaySecret(OLD))


def test_role_of_a_secret_follows_from_its_kind() -> None:
    stored = parse(nextApiSecret=NEW, previousApiSecret=OLD, nextGatewaySecret="g" * 8)
    assert [stored.role(ApiSecret(each)) for each in (API, NEW, OLD, "other")] == ["current", "next", "previous", None]
    assert [stored.role(GatewaySecret(each)) for each in (GATEWAY, "g" * 8, NEW)] == ["current", "next", None]
    assert stored.role(None) is None


class Vault:
    """Secrets Manager with one secret; counts how often it is read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.api = API
        self.before_answer: Callable[[], None] = lambda: None

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        self.reads.append(SecretId)
        answer = {"SecretString": json.dumps({"gatewaySecret": GATEWAY, "apiSecret": self.api})}
        self.before_answer()
        return answer


class Reading:
    """A reader over a vault, with a clock that a test moves."""

    def __init__(self, rereads_per_second: float = 10) -> None:
        self.vault = Vault()
        self.now = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
        vault: Any = self.vault
        age = timedelta(minutes=5)
        self.read = secrets.SecretReader(vault, "arn", lambda: self.now, age, rereads_per_second)

    def after(self, wait: timedelta, *, fresh: bool = False) -> int:
        """Return the number of reads of the secret once it was wanted again after `wait`."""
        self.now += wait
        self.read(fresh=fresh)
        return len(self.vault.reads)


def test_secrets_are_read_again_when_they_are_old() -> None:
    reading = Reading()
    assert [reading.after(timedelta()), reading.after(timedelta(minutes=4, seconds=59))] == [1, 1]
    reading.vault.api = OLD
    assert reading.after(timedelta(seconds=1)) == 2
    assert reading.read().api == ApiSecret(OLD)
    assert set(reading.vault.reads) == {"arn"}


def test_fresh_secrets_are_those_of_now_while_one_is_wanted_each_second() -> None:
    """One forged webhook a second for an hour spends nothing: a genuine one finds the secret of that moment."""
    reading = Reading()
    for second in range(3600):
        reading.after(timedelta(seconds=1), fresh=True)
        reading.vault.api = f"api-secret-{second:08d}"
        assert reading.read(fresh=True).api == ApiSecret(reading.vault.api)


def test_a_flood_is_compared_with_a_secret_that_is_a_tenth_of_a_second_old_at_most() -> None:
    reading = Reading()
    for _ in range(2000):
        reading.after(timedelta(milliseconds=1), fresh=True)
    assert len(reading.vault.reads) <= 1 + 10 + 20
    reading.vault.api = OLD
    flood = [reading.after(timedelta(milliseconds=1), fresh=True) for _ in range(100)]
    assert flood[-1] > flood[0]
    assert reading.read().api == ApiSecret(OLD)


def test_a_budget_below_one_a_second_is_refilled_too() -> None:
    reading = Reading(rereads_per_second=0.1)
    reads = [reading.after(timedelta(seconds=1), fresh=True) for _ in range(21)]
    assert reads[-1] == 1 + 2


def test_a_read_that_began_earlier_does_not_replace_a_later_one() -> None:
    """Two threads read at once: the answer of the earlier read may be from before the change."""
    reading = Reading()
    reading.read()

    def meanwhile() -> None:
        reading.vault.before_answer = lambda: None
        reading.vault.api = OLD
        reading.now += timedelta(seconds=1)
        reading.read(fresh=True)

    reading.vault.before_answer = meanwhile
    assert reading.read(fresh=True).api == ApiSecret(API)
    assert reading.read().api == ApiSecret(OLD)
