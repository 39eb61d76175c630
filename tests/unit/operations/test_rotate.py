"""A secret of the Gateway's is changed step by step, and no step is done that would refuse genuine requests."""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest

from operations import rotate
from operations.rotate import Refused, State
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway.errors import SecretsError
from securities_transactions.gateway.exchange import BoundedClient, SendsRequests
from securities_transactions.gateway.secrets import parse

NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
GATEWAY, OLD, NEW = "gateway-secret-of-forty-letters-aaaaaaaa", "old-api-secret-0123", "new-api-secret-0123"
STORED: Final = {"gatewaySecret": GATEWAY, "apiSecret": OLD}
NEXT: Final = {**STORED, "nextApiSecret": NEW}
SWITCHED: Final = {"gatewaySecret": GATEWAY, "apiSecret": NEW, "previousApiSecret": OLD}


def test_steps_of_a_change_keep_every_secret_that_may_still_be_used() -> None:
    following = rotate.step(STORED, "api", "next", NEW)
    assert following == NEXT
    switched = rotate.step(following, "api", "switch")
    assert switched == SWITCHED
    assert rotate.step(switched, "api", "finish") == {"gatewaySecret": GATEWAY, "apiSecret": NEW}
    assert rotate.step(following, "api", "abort") == STORED


def test_gateway_secret_is_changed_by_the_same_steps() -> None:
    following = rotate.step(STORED, "gateway", "next", "n" * 40)
    assert following == {**STORED, "nextGatewaySecret": "n" * 40}
    switched = rotate.step(following, "gateway", "switch")
    assert switched == {"gatewaySecret": "n" * 40, "apiSecret": OLD, "previousGatewaySecret": GATEWAY}


@pytest.mark.parametrize(
    ("members", "step", "secret", "reason"),
    [
        (STORED, "next", OLD, "stored already"),
        (SWITCHED, "next", OLD, "stored already"),
        (STORED, "next", "", "no secret was given"),
        (STORED, "switch", None, "no next secret is stored"),
    ],
)
def test_step_that_makes_no_sense_is_refused(
    members: dict[str, str], step: rotate.Step, secret: str | None, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        rotate.step(members, "api", step, secret)


@pytest.mark.parametrize("secret", ["hunter2", " " + NEW, GATEWAY])
def test_secret_that_functions_could_not_read_is_not_stored(secret: str) -> None:
    with pytest.raises(SecretsError) as caught:
        rotate.step(STORED, "api", "next", secret)
    assert secret not in str(caught.value)


def state(signed: Sequence[str] = (), **calls: Any) -> State:
    roles: dict[Any, Any] = calls
    return State(tuple(roles), roles, Counter(signed))


def test_finish_waits_for_retries_of_webhooks_and_for_the_gateway() -> None:
    with pytest.raises(Refused, match="has signed webhooks within 3 days"):
        rotate.check("finish", state(["current", "previous"], current="accepted", previous="refused"))
    with pytest.raises(Refused, match="does not accept the current secret"):
        rotate.check("finish", state(current="refused", previous="accepted"))
    rotate.check("finish", state(["current"], current="accepted", previous="refused"))


def test_next_secret_is_not_removed_once_the_gateway_accepts_it_alone() -> None:
    with pytest.raises(Refused, match="accepts the next secret alone"):
        rotate.check("abort", state(current="refused", next="accepted"))
    rotate.check("abort", state(current="accepted", next="refused"))


@dataclass
class Changing:
    """A stage whose secret is changed: Secrets Manager, the log and the Gateway behind it."""

    secret: dict[str, str] = field(default_factory=lambda: dict(STORED))
    lines: Sequence[str] = ()
    accepts: str = OLD

    outputs: Mapping[str, str] = field(default_factory=lambda: {"GatewaySecretArn": "arn", "LogGroup": "log"})
    parameters: Mapping[str, str] = field(
        default_factory=lambda: {
            "GatewayUrl": "https://gateway.example",
            "GatewayName": "gw",
            "GatewayOrdersPath": "/{gatewayName}/orders",
            "CredentialsRefused": "401,403",
        }
    )

    @property
    def secretsmanager(self) -> "Changing":
        return self

    @property
    def logs(self) -> "Changing":
        return self

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        assert SecretId == "arn"
        return {"SecretString": json.dumps(self.secret)}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:
        assert SecretId == "arn"
        self.secret = json.loads(SecretString)

    def get_paginator(self, operation: str) -> "Changing":
        assert operation == "filter_log_events"
        return self

    def paginate(self, *, logGroupName: str, startTime: int, filterPattern: str) -> Iterator[dict[str, Any]]:
        assert (logGroupName, startTime) == ("log", int(datetime(2026, 1, 12, 4, 30, tzinfo=UTC).timestamp() * 1000))
        for line in self.lines:
            yield {"events": [{"message": line}]}

    @property
    def http(self) -> SendsRequests:
        """The Gateway, which accepts one API secret and knows no transaction."""

        def answer(request: httpx.Request) -> httpx.Response:
            if request.headers["x-gateway-secret"] != self.accepts:
                return httpx.Response(401, json={"success": False, "errors": ["invalid secret"]})
            return httpx.Response(400, json={"success": False, "errors": ["invalid transactionId"]})

        return BoundedClient(httpx.Client(base_url="https://gateway", transport=httpx.MockTransport(answer)))


def shown(stage: Any, http: SendsRequests) -> list[str]:
    return list(rotate.lines_of("api", rotate.state(stage, "api", rotate.members_of(stage), NOW, http)))


def test_state_shows_what_the_gateway_accepts_and_what_signed_webhooks() -> None:
    line = json.dumps({"message": "webhook", "api_secret": "next"})
    stage = Changing(dict(NEXT), [line, line, "no JSON", '{"message": "webhook"}', "[]"], accepts=NEW)
    assert shown(stage, stage.http) == [
        "apiSecret: refused in calls, signed 0 webhooks in 3 days",
        "nextApiSecret: accepted in calls, signed 2 webhooks in 3 days",
        "the vendor accepts the next secret: STEP=switch",
    ]
    stage.accepts = OLD
    assert shown(stage, stage.http)[-1] == "wait until the vendor has switched"


def test_gateway_that_is_down_is_not_taken_for_a_refusal() -> None:
    stage: Any = Changing(dict(NEXT))

    transport = httpx.MockTransport(lambda request: httpx.Response(503))
    down = BoundedClient(httpx.Client(base_url="https://gateway", transport=transport))

    found = rotate.state(stage, "gateway", rotate.members_of(stage), NOW, down)
    assert found == State(("current",), {"current": "unknown"}, Counter())


def test_secret_is_read_from_standard_input() -> None:
    assert rotate.entered("nextApiSecret", io.StringIO(NEW + "\n")) == NEW


def test_kinds_of_secret_have_types_of_their_own() -> None:
    """Each attempt is a pair: the API secret of one role with the current gateway secret, or the other way round."""
    secrets = parse(json.dumps({**NEXT, "previousGatewaySecret": "p" * 40}))
    pair = rotate._pair(secrets, "api", "next")
    assert (pair.api, pair.gateway) == (ApiSecret(NEW), GatewaySecret(GATEWAY))
    pair = rotate._pair(secrets, "gateway", "previous")
    assert (pair.api, pair.gateway) == (ApiSecret(OLD), GatewaySecret("p" * 40))
