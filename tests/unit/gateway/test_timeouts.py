"""The order of deadlines: each one is shorter than the deadline of its caller, so that no caller hangs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway.client import PULL_SECONDS, Gateway
from securities_transactions.gateway.credentials import CredentialsInUse
from securities_transactions.gateway.errors import GatewayUnavailable
from securities_transactions.gateway.exchange import CALL_SECONDS, Answer
from securities_transactions.gateway.secrets import GatewaySecrets

TEMPLATE: Final = Path(__file__).parents[3] / "template.yaml"
# API Gateway's own, which nothing can raise.
HTTP_API_SECONDS: Final = 30
# What tables and Secrets Manager take of an invocation beside the Gateway.
OUR_OWN_SECONDS: Final = 5
ORDERS_PATH: Final = "/v1/{gatewayName}/engine/orders/sst"
SECRETS: Final = GatewaySecrets(GatewaySecret("g" * 40), ApiSecret("a" * 40))


class _Plain(yaml.SafeLoader):
    """CloudFormation's short forms as what they are made of."""


def _short_form(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node)


_Plain.add_multi_constructor("!", _short_form)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """template.yaml."""
    return dict(yaml.load(TEMPLATE.read_text(), _Plain))  # noqa: S506  # the loader is a safe one


def timeout_of(template: dict[str, Any], function: str) -> int:
    """A function's timeout in seconds."""
    properties = template["Resources"][function]["Properties"]
    return int(properties.get("Timeout", template["Globals"]["Function"]["Timeout"]))


def with_event(template: dict[str, Any], kind: str) -> dict[str, list[dict[str, Any]]]:
    """The functions that have events of a kind, and those events' properties."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, resource in template["Resources"].items():
        for event in resource["Properties"].get("Events", {}).values() if "Properties" in resource else ():
            if isinstance(event, dict) and event.get("Type") == kind:
                found.setdefault(name, []).append(event["Properties"])
    return found


def test_every_route_answers_before_api_gateway_gives_up(template: dict[str, Any]) -> None:
    """Five seconds before, so that what API Gateway itself takes does not matter."""
    routes = with_event(template, "HttpApi")
    assert len(routes) == 9
    for function in routes:
        assert timeout_of(template, function) <= HTTP_API_SECONDS - 5, function


def test_the_gateway_is_given_up_before_the_function_is(template: dict[str, Any]) -> None:
    """A slow Gateway is a 503 that says when to try again, not an invocation that Lambda ends."""
    calling = [
        name for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
        and "GATEWAY_URL" in resource["Properties"].get("Environment", {}).get("Variables", {})
        and name in with_event(template, "HttpApi")
    ]  # fmt: skip
    assert {"CreateTransaction", "FetchTransaction", "FetchOrders"} <= set(calling)
    for function in calling:
        left = timeout_of(template, function) - PULL_SECONDS
        assert left >= OUR_OWN_SECONDS, function


def test_the_two_calls_of_a_usual_pull_each_have_their_full_deadline() -> None:
    assert PULL_SECONDS >= 2 * CALL_SECONDS


class SlowGateway:
    """A Gateway whose calls take as long as `shares` of their deadline, and which refuses both ids in one call.

    `now` is the clock that it and the client go by.
    """

    def __init__(self, *shares: float) -> None:
        self.shares = list(shares)
        self.now = 1000.0
        self.took: list[float] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]],
        content: str | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
        """Answer late."""
        self.took.append(self.shares[len(self.took)] * seconds)
        self.now += self.took[-1]
        if url.endswith("transactiondetails"):
            batches = b'[{"batchId": "b1"}]'
            return Answer(200, {}, b'{"data": {"status": "COMPLETED", "success": {"data": {"batches": %b}}}}' % batches)
        if "batchId" in dict(params):
            return Answer(400, {}, b'{"success": false, "errors": ["one of both"]}')
        return Answer(200, {}, b'{"data": []}')

    def pull(self) -> None:
        """Pull from it."""
        Gateway(self, "demo", CredentialsInUse(lambda *, fresh=False: SECRETS), ORDERS_PATH, lambda: self.now).pull(
            "TRX_1", datetime(2026, 1, 15, tzinfo=UTC)
        )


@pytest.mark.parametrize("shares", [(0, 0, 1), (0.5, 0.5, 1), (1, 0.5, 1), (0.6, 1, 1), (1, 0.66, 1)])
def test_three_slow_calls_of_a_pull_end_in_its_time(shares: tuple[float, ...]) -> None:
    """The third call has what the others leave."""
    slow = SlowGateway(*shares)
    slow.pull()
    assert len(slow.took) == 3
    assert sum(slow.took) <= PULL_SECONDS + 1e-6
    assert slow.took[2] == pytest.approx(min(CALL_SECONDS, PULL_SECONDS - sum(slow.took[:2])))


@pytest.mark.parametrize("shares", [(1, 1), (1, 0.7)])
def test_no_third_call_begins_without_time_for_it(shares: tuple[float, ...]) -> None:
    slow = SlowGateway(*shares)
    with pytest.raises(GatewayUnavailable, match="too little time"):
        slow.pull()
    assert len(slow.took) == 2


def test_slow_pulls_of_one_batch_end_before_the_function_does(template: dict[str, Any]) -> None:
    """They run at once; others begin only with time for a call (tests/unit/services/test_reconcile_batch.py)."""
    assert timeout_of(template, "Reconcile") - PULL_SECONDS >= OUR_OWN_SECONDS + CALL_SECONDS


def test_a_message_stays_hidden_for_six_invocations_of_who_reads_it(template: dict[str, Any]) -> None:
    """Lambda's advice for a queue that feeds a function: otherwise a slow batch is read twice at once."""
    reading = with_event(template, "SQS")
    assert "Reconcile" in reading
    for function, sources in reading.items():
        for source in sources:
            queue = source["Queue"].removesuffix(".Arn")
            visibility = template["Resources"][queue]["Properties"]["VisibilityTimeout"]
            assert visibility >= 6 * timeout_of(template, function), function
