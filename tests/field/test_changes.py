"""The Gateway changes a state later, under the same timestamp or in its order of rows: the API follows it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.field.documents import Document, batch, completed_batch, filled_order, limit_order, order
from tests.field.harness import Field, rupees, timestamp_of


@pytest.mark.parametrize(
    ("first", "later", "read", "wanted"),
    [
        pytest.param(
            completed_batch(order(status="REJECTED")),
            completed_batch(order(status="REJECTED", errorCode="marginsExceeded", statusMessage="RMS: margin")),
            lambda shown: shown["orders"][0].get("errorCode"),
            "marginsExceeded",
            id="error_code",
        ),
        pytest.param(
            completed_batch(filled_order(price=1498.2)),
            completed_batch(filled_order(price=1498.2, exchangeOrderId="1100000012345678")),
            lambda shown: shown["orders"][0].get("exchangeOrderId"),
            "1100000012345678",
            id="exchange_order_id",
        ),
        pytest.param(
            completed_batch(filled_order(price=1498.2), completedDate=None),
            completed_batch(filled_order(price=1498.2)),
            lambda shown: shown.get("completedDate"),
            "2026-01-15T04:33:10.000Z",
            id="completed_date",
        ),
    ],
)
def test_fact_that_comes_after_settling_is_shown(
    field: Field, first: Document, later: Document, read: Callable[[dict[str, Any]], Any], wanted: str
) -> None:
    """The API shows what the Gateway adds to a settled outcome; no second settlement is needed for it."""
    transaction_id = field.create()
    field.report(transaction_id, first)
    field.later(minutes=2)
    response = field.report(transaction_id, later)
    field.later(hours=1)
    assert read(field.orders(transaction_id, refresh=True)) == wanted, f"the webhook was answered {response.text}"


def test_changed_limit_price_is_shown_although_its_webhook_was_lost(field: Field) -> None:
    """The API shows the state that a pull returned wherever it differs from the stored state."""
    transaction_id = field.create()
    field.report(transaction_id, batch(limit_order(1450)), "PROCESSING")
    field.gateway.holds(transaction_id, "PROCESSING", batch(limit_order(1460)))
    field.later(hours=2)
    assert field.orders(transaction_id, refresh=True)["orders"][0]["price"] == 1460


def test_pull_decides_between_two_states_under_one_timestamp(field: Field) -> None:
    """Two states under one timestamp have no order of their own: the Gateway's state is pulled and shown."""
    lost = []
    for n in range(16):
        transaction_id, timestamp = field.create(), timestamp_of(field.now())
        for price in (1450 + n, 2000 + n):
            state = batch(limit_order(price), batchId=f"b{n}")
            field.gateway.holds(transaction_id, "PROCESSING", state)
            field.webhook(transaction_id, state, timestamp)
        field.later(minutes=30)
        if field.orders(transaction_id, refresh=True)["orders"][0]["price"] != 2000 + n:
            lost.append(n)
    assert not lost, f"{len(lost)} of 16 second states are lost, though every pull returns them"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            filled_order(shares=3, exchangeOrderId="1"),
            order(quantity=5, exchangeOrderId="2"),
            id="of_one_ticker",
        ),
        pytest.param(
            order("INFY", quantity=1),
            order("TCS", quantity=2),
            id="of_two_tickers",
        ),
    ],
)
def test_same_orders_in_another_order_of_rows_change_nothing(field: Field, one: Document, other: Document) -> None:
    """The same rows in another order are the same state: no new version and no event."""
    transaction_id = field.create()
    field.report(transaction_id, batch(one, other), "PROCESSING")
    field.later(seconds=20)
    version, published = field.orders(transaction_id)["version"], len(field.events)
    field.webhook(transaction_id, batch(other, one))
    assert field.orders(transaction_id)["version"] == version, field.events[-1].detail.get("changes")
    assert len(field.events) == published


@pytest.mark.parametrize(
    ("ticker", "shares"),
    [
        pytest.param("TCS", 2, id="of_two_tickers"),
        pytest.param(
            "INFY",
            5,
            id="of_one_ticker",
        ),
    ],
)
def test_progress_in_another_order_of_rows_names_its_leg_alone(field: Field, ticker: str, shares: int) -> None:
    """A leg's progress is published for that leg alone, also where the rows come in another order."""
    one = order("INFY", quantity=1, exchangeOrderId="1")
    other, executed = order(ticker, quantity=shares, exchangeOrderId="2"), filled_order(ticker, shares, 3000)
    transaction_id = field.create()
    field.report(transaction_id, batch(one, other), "PROCESSING")
    field.later(seconds=20)
    published = len(field.events)
    field.report(transaction_id, batch(executed | {"exchangeOrderId": "2"}, one), "PROCESSING")
    changes = [each for event in field.events[published:] for each in event.detail.get("changes") or []]
    named = [(each["tradingsymbol"], each["previousStatus"], each["status"]) for each in changes]
    assert named == [(ticker, "PLACED", "COMPLETE")]


def test_order_settled_as_unplaced_that_executes_later_is_booked(field: Field) -> None:
    """A fresh webhook with an order that was settled as unplaced is suspicious: pulls follow until none can lag."""
    bought = filled_order()
    transaction_id = field.create()
    unplaced = (order("TCS", "ERROR", 5, errorCode="adapterError"),)
    field.report(transaction_id, completed_batch(bought, unplaced=unplaced))
    field.later(hours=1)
    response = field.report(transaction_id, batch(bought, order("TCS", "PLACED", 5)), "PROCESSING")
    # The webhook about the execution is lost.
    field.gateway.holds(transaction_id, "COMPLETED", completed_batch(bought, filled_order("TCS", 5, 3000)))
    field.later(hours=1)
    assert field.booked.get("TCS"), f"the webhook was answered {response.text}; booked {field.booked}"


def test_partial_order_is_checked_until_its_transaction_completes(field: Field) -> None:
    """Checks end only once the Gateway's transaction is COMPLETED."""
    transaction_id = field.create()
    field.report(transaction_id, batch(order(status="PARTIAL", filled=4, price=1500)), "PROCESSING")
    # The final webhook is lost.
    field.gateway.holds(transaction_id, "COMPLETED", completed_batch(filled_order(price=1501)))
    field.later(days=2)
    assert field.booked == rupees(10, "15010.00")
