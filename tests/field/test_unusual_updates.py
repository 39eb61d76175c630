"""Unusual but genuine updates: other number formats, mixed sides, corrections and duplicates change no outcome."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.field.documents import completed_batch, filled_order, order
from tests.field.harness import Field, rupees


@pytest.mark.parametrize(
    ("document", "booked"),
    [
        pytest.param(
            completed_batch(
                filled_order(), order(status="COMPLETE", quantity=4, filled=4, price=1510, transactionType="SELL")
            ),
            rupees(6, "8960.00"),
            id="purchase_and_sale_of_one_ticker",
        ),
        pytest.param(
            completed_batch(
                order(status="COMPLETE", quantity="10", filled="10.0", price="1498.20"), buyAmount="14982.00"
            ),
            rupees(10, "14982.00"),
            id="numbers_as_text",
        ),
        pytest.param(
            completed_batch(order(status="COMPLETE", quantity=1e1, filled=10.0, price=1.4982e3)),
            rupees(10, "14982.00"),
            id="numbers_with_exponents_and_fractions",
        ),
        pytest.param(
            completed_batch(filled_order("M&M-BE", 2, 100.05)),
            rupees(2, "200.10", "M&M-BE"),
            id="ticker_with_punctuation",
        ),
        pytest.param(
            completed_batch(filled_order(shares=6, price=100)),
            rupees(6, "600.00"),
            id="quantity_reduced_after_placing",
        ),
    ],
)
def test_unusual_basket_is_booked_exactly(
    field: Field, document: dict[str, Any], booked: dict[str, tuple[int, Decimal]]
) -> None:
    """The form of a number, the characters of a ticker and a mix of sides do not change what is booked."""
    transaction_id = field.create()
    field.report(transaction_id, document)
    field.later(minutes=30)
    assert field.booked == booked


def test_cancelled_order_with_fills_is_booked_for_the_filled_shares(field: Field) -> None:
    """Shares filled before a cancellation are booked, and the message names their number."""
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(order(status="CANCELLED", filled=4, price=1500)))
    field.later(minutes=30)
    assert field.booked == rupees(4, "6000.00")
    assert field.messages == ["Bought 4 of 10 INFY at ₹1,500.00."]


def test_outcome_that_is_corrected_downwards_replaces_what_was_booked(field: Field) -> None:
    """A later final outcome replaces what the earlier one booked."""
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(filled_order()))
    field.later(hours=1)
    field.report(transaction_id, completed_batch(order(status="PARTIAL", filled=7, price=1500)))
    field.later(minutes=30)
    assert field.booked == rupees(7, "10500.00")


def test_notes_echoed_with_a_blank_do_not_keep_the_transaction_open(field: Field) -> None:
    """A webhook whose notes differ by a blank leads to the Gateway's state all the same."""
    transaction_id = field.create()
    completed = completed_batch(filled_order())
    field.gateway.holds(transaction_id, "COMPLETED", completed)
    field.webhook(transaction_id, completed, notes="user-42 ")
    field.later(minutes=30)
    assert field.orders(transaction_id)["settled"]


def test_five_equal_webhooks_settle_once(field: Field) -> None:
    """A duplicate webhook is accepted and publishes nothing."""
    transaction_id = field.create()
    completed = completed_batch(filled_order())
    field.gateway.holds(transaction_id, "COMPLETED", completed)
    body = json.dumps(field.webhook_body(transaction_id, completed))
    assert [field.post_webhook(body).status for _ in range(5)] == [200] * 5
    assert field.event_types.count("OrdersSettled") == 1
