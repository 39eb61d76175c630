"""The timeline that `make run` prints."""

import io
from decimal import Decimal
from typing import Any

from operations.timeline import Timeline, lines_of, order_line


def event(kind: str, **detail: Any) -> dict[str, Any]:
    return {"detail-type": kind, "detail": detail}


def test_seconds_count_from_the_last_title() -> None:
    moments = iter([0.0, 100.0, 101.25])
    out = io.StringIO()
    timeline = Timeline(out, lambda: next(moments))
    timeline.title("An order")
    timeline.tell("event", "OrdersPlaced", "  INFY")
    assert out.getvalue() == "\nAn order\n   1.25 s  event        OrdersPlaced\n" + " " * 24 + "  INFY\n"


def test_nothing_but_text_goes_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    Timeline(out).check(False, "so it is not")
    assert "\x1b" not in out.getvalue()
    assert "✗ so it is not" in out.getvalue()


def test_event_is_printed_with_the_change_of_each_security() -> None:
    change = {
        "tradingsymbol": "M&M",
        "transactionType": "BUY",
        "previousStatus": "PLACED",
        "status": "COMPLETE",
        "previousFilledQuantity": 1,
        "filledQuantity": 2,
        "averagePrice": Decimal("3306.325"),
    }
    progressed = event("OrdersProgressed", sequence=8, status="PLACED", confirmation="reported", changes=[change])
    first, second = lines_of(progressed)
    assert first == "OrdersProgressed #8 (PLACED, reported)"
    assert "M&M" in second
    assert "2 at ₹3,306.32" in second
    assert second.endswith("COMPLETE  (was 1 PLACED)")


def test_settled_event_shows_amounts_paid_and_received() -> None:
    *_, last = lines_of(event("OrdersSettled", sequence=5, buyAmount=Decimal("4499.9"), sellAmount=None))
    assert last == "  bought for ₹4,499.90, sold for nothing"


def test_event_without_a_transaction_is_printed_by_its_kind() -> None:
    assert list(lines_of(event("WebhookReceived", changes=None))) == ["WebhookReceived"]


def test_an_order_that_was_rejected_has_no_price() -> None:
    order = {"tradingsymbol": "TCS", "transactionType": "SELL", "quantity": 3, "status": "REJECTED"}
    assert order_line(order) == "SELL TCS            0 of 3  REJECTED"
