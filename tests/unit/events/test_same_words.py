"""The notifier and the API say the same of each order, in each status and in both places."""

from typing import Any

import pytest

from securities_transactions.domain.orders import Order
from securities_transactions.domain.statuses import OrderStatus
from securities_transactions.events.schemas import OrdersSettled
from securities_transactions.examples.messages import lines
from securities_transactions.http.views import OrderView

NOT_PLACED = "This order was not placed."
NOT_KNOWN = "It is not known yet"
FILLED = {"COMPLETE": 10, "PARTIAL": 4}
CODES = (None, "adapterError", "marginsExceeded", "somethingNew")


def order(status: str, code: str | None, filled: int) -> Order:
    return Order.model_validate(
        {
            "tradingsymbol": "INFY", "transactionType": "BUY", "status": status, "quantity": 10,
            "filledQuantity": filled, "averagePrice": 1500 if filled else 0, "errorCode": code,
        }
    )  # fmt: skip


def told(each: Order, *, placed: bool) -> str:
    """The notifier's line."""
    settled: Any = OrdersSettled.model_construct(orders=[each] if placed else [], unplaced=[] if placed else [each])
    (line,) = lines(settled)
    return line


def shown(each: Order, *, placed: bool) -> str:
    """The API's text, which is empty where the status says all."""
    return OrderView.of(each, placed=placed, for_support=False).userMessage or ""


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("placed", [True, False], ids=["orders", "unplaced"])
@pytest.mark.parametrize("status", list(OrderStatus))
def test_notifier_says_what_the_api_says(status: OrderStatus, placed: bool, code: str | None) -> None:
    each = order(status, code, FILLED.get(status, 0) if placed else 0)
    line, text = told(each, placed=placed), shown(each, placed=placed)
    assert text in line
    assert (NOT_PLACED in line) == (NOT_PLACED in text) == (not placed)
    assert (NOT_KNOWN in line) == (NOT_KNOWN in text) == (placed and status == OrderStatus.ERROR)
    assert line.startswith("Bought") == bool(each.filledQuantity)


def test_order_that_is_filled_in_part_and_unknown_is_unknown() -> None:
    each = order("ERROR", "adapterError", 4)
    assert told(each, placed=True).startswith("Bought 4 of 10 INFY")
    assert NOT_KNOWN in told(each, placed=True)


def test_price_that_was_computed_is_shown_as_such() -> None:
    computed = order("COMPLETE", None, 10).model_copy(update={"derived": ["averagePrice"]})
    assert OrderView.of(computed, placed=True, for_support=False).derived == ["averagePrice"]
