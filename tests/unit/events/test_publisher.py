"""The entries on the bus: exact numbers, absent values instead of null, and never over the limits of the bus."""

import json
from decimal import Decimal
from typing import Any

import pytest

from securities_transactions.domain.decimal_json import loads
from securities_transactions.events.consumer import parse
from securities_transactions.events.publisher import PublishError, entry
from securities_transactions.events.schemas import CATALOGUE, Event
from tools.contracts.examples import examples, received
from tools.contracts.store import ROOT
from tools.contracts.validation import violations

_LIMIT = 256 * 1024


def event_of(name: str, **changes: Any) -> Event:
    event = parse(examples()[name] | {"detail": examples()[name]["detail"] | changes}).event
    assert event is not None
    return event


def detail_of(event: Event) -> dict[str, Any]:
    put = entry(event, "securities-transactions-dev")
    assert len(put["Detail"].encode()) + len(put["DetailType"]) + len(put["Source"]) <= _LIMIT
    detail: dict[str, Any] = loads(put["Detail"])
    return detail


def test_rupees_are_numbers_with_their_own_digits() -> None:
    detail = entry(event_of("OrdersSettled", buyAmount=Decimal("99999999999.9999")), "securities-transactions-dev")[
        "Detail"
    ]

    assert '"buyAmount":99999999999.9999' in detail
    assert '"averagePrice":1498.2}' in detail


@pytest.mark.parametrize("name", [model.detail_type for model in CATALOGUE])
def test_what_is_not_known_is_absent_and_never_null(name: str) -> None:
    assert "null" not in entry(event_of(name), "securities-transactions-dev")["Detail"]


def test_an_event_is_addressed_by_its_type_and_bus() -> None:
    put = entry(event_of("OrdersSettled"), "securities-transactions-dev")

    assert (put["Source"], put["DetailType"], put["EventBusName"]) == (
        "securities-transactions",
        "OrdersSettled",
        "securities-transactions-dev",
    )


@pytest.mark.parametrize("name", ["OrdersPlaced", "OrdersProgressed", "OrdersSettled", "OrdersUnknown"])
def test_too_large_event_names_where_to_read_its_orders_and_counts_them(name: str) -> None:
    """Rules on counts, status and amounts go on working."""
    [order, *_] = examples()[name]["detail"]["orders"]
    event = event_of(name, orders=[order | {"statusMessage": "x" * 400}] * 900)

    detail = detail_of(event)

    assert detail["readAt"] == f"/transactions/{detail['transactionId']}/orders"
    assert not {"orders", "unplaced", "changes"} & set(detail)
    assert detail["counts"] == examples()[name]["detail"]["counts"]
    assert violations(received(name, detail)) == []


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("OrdersUnknown", {"requested": {"securities": ["x" * 300_000]}}),
        ("OrdersUnknown", {"changes": [examples()["OrdersUnknown"]["detail"]["changes"][0]] * 3000}),
        ("TransactionCreated", {"requested": {"securities": ["₹" * 100_000]}}),
        ("WebhookReceived", {"body": {"securities": ["x" * 300_000]}}),
    ],
)
def test_any_event_fits_the_bus_and_keeps_to_its_contract(name: str, changes: dict[str, Any]) -> None:
    assert violations(received(name, detail_of(event_of(name, **changes)))) == []


def test_an_event_that_can_never_fit_is_an_error_before_it_is_put() -> None:
    """The bus would refuse it for as long as the stream brings it, and everything behind it would wait."""
    with pytest.raises(PublishError, match="too large"):
        entry(event_of("TransactionFailed", errorMessage="x" * 300_000), "securities-transactions-dev")


def test_the_readme_s_event_is_one_that_could_have_been_published() -> None:
    """It is what a newcomer copies."""
    text = (ROOT / "README.md").read_text()
    [sample] = [block for block in text.split("```json\n")[1:] if '"detail-type"' in block]
    shown = json.loads(sample.split("```")[0], parse_float=Decimal)

    assert violations(received(shown["detail-type"], shown["detail"])) == []
