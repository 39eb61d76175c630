"""Contracts and docs/reference/values.md have every known value of the open sets, and give each moment its format."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from securities_transactions.domain import order_errors
from securities_transactions.domain.order_config import LIMIT_ORDER_BROKERS
from securities_transactions.domain.sdk_errors import ERROR_CODES
from securities_transactions.domain.statuses import GatewayStatus, OrderStatus, Side, Status
from securities_transactions.domain.transaction import FailureReason
from securities_transactions.http.views import UNREADABLE
from tools.contracts import known_values, openapi
from tools.contracts.answers import answers
from tools.contracts.examples import examples
from tools.contracts.schemas import schemas
from tools.contracts.store import CONTRACTS
from tools.gateway_simulator.brokers import BROKERS

OPENAPI = yaml.safe_load((CONTRACTS / openapi.NAME).read_text())
RESPONSES = OPENAPI["components"]["schemas"]
EVENTS = schemas()


@pytest.mark.parametrize(
    ("values", "defined"),
    [
        (known_values.TRANSACTION, {*Status, UNREADABLE}),
        (known_values.ORDER, {*OrderStatus, UNREADABLE}),
        (known_values.SIDE, set(Side)),
        (known_values.GATEWAY, set(GatewayStatus)),
        (known_values.BATCH, set(Status) - {Status.CREATED, Status.FAILED}),
        (known_values.REASON, set(FailureReason)),
        (known_values.SDK_ERROR, set(ERROR_CODES)),
    ],
    ids=lambda each: each.title.replace(" ", "-") if isinstance(each, known_values.Values) else "",
)
def test_set_has_every_value_that_the_code_has(values: known_values.Values, defined: set[Any]) -> None:
    assert set(values.meanings) == defined


def test_error_codes_of_orders_are_those_with_a_text_of_their_own() -> None:
    general = order_errors.user_message(OrderStatus.REJECTED, "noSuchCode", placed=True)
    assert general not in known_values.ORDER_ERROR.meanings.values()


def test_brokers_are_those_of_the_simulator_and_of_limit_orders() -> None:
    assert set(known_values.BROKER.meanings) == set(BROKERS)
    assert set(BROKERS) >= LIMIT_ORDER_BROKERS


def test_page_has_every_value_with_its_meaning() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (\S.*) \|$", known_values.PAGE.read_text(), re.MULTILINE)
    assert set(rows) >= {(str(value), text) for each in known_values.ALL for value, text in each.meanings.items()}


def fields(schema: Any) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Each field that a schema describes, and whether it is an order's."""
    if isinstance(schema, list):
        for each in schema:
            yield from fields(each)
    if isinstance(schema, Mapping):
        described = schema.get("properties", {})
        yield from ((name, field, "tradingsymbol" in described) for name, field in described.items())
        for each in schema.values():
            yield from fields(each)


@pytest.mark.parametrize(
    ("schema", "name", "of_order", "values"),
    [
        (RESPONSES["OrderView"], "status", True, known_values.ORDER),
        (RESPONSES["OrderView"], "transactionType", True, known_values.SIDE),
        (RESPONSES["OrderView"], "orderType", True, known_values.ORDER_TYPE),
        (RESPONSES["OrderView"], "errorCode", True, known_values.ORDER_ERROR),
        (RESPONSES["OrdersView"], "status", False, known_values.TRANSACTION),
        (RESPONSES["OrdersView"], "variety", False, known_values.VARIETY),
        (RESPONSES["OrdersView"], "broker", False, known_values.BROKER),
        (RESPONSES["TransactionView"], "gatewayStatus", False, known_values.GATEWAY),
        (RESPONSES["Failure"], "reason", False, known_values.REASON),
        (EVENTS["OrdersSettled"], "status", True, known_values.ORDER),
        (EVENTS["OrdersSettled"], "status", False, known_values.TRANSACTION),
        (EVENTS["OrdersSettled"], "errorCode", True, known_values.ORDER_ERROR),
        (EVENTS["TransactionFailed"], "errorCode", False, known_values.SDK_ERROR),
    ],
)
def test_field_of_an_open_set_has_its_known_values(
    schema: Any, name: str, of_order: bool, values: known_values.Values
) -> None:
    found = [field for each, field, is_order in fields(schema) if (each, is_order) == (name, of_order)]
    assert found
    for field in found:
        assert field["examples"] == list(values.meanings)
        assert all(meaning in field["description"] for meaning in values.meanings.values())
        assert "enum" not in field


def test_every_field_that_has_a_moment_has_the_format_of_one() -> None:
    """The product writes its own moments in one form; what the Gateway wrote is passed on as it came."""
    theirs = {"orderTimestamp", "completedDate"}
    moments = {name for name, value in values_of([answers(), examples()]) if re.match(r"\d{4}-\d\d-\d\dT.*Z$", value)}
    assert len(moments) >= 6
    for schema in (OPENAPI["components"]["schemas"], EVENTS):
        for name, field, _ in fields(schema):
            assert ("format" in field) == (name in moments - theirs or name == "orderLogo"), name


def test_free_json_is_described_field_by_field() -> None:
    for schema in (RESPONSES, EVENTS):
        for name, field, _ in fields(schema):
            if name in ("requested", "error", "sdkError"):
                assert "$ref" in field or field["properties"], name


def values_of(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each text in a document, with the name of its field."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from values_of(value, key)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from values_of(each, name)
    elif isinstance(node, str):
        yield name, node
