"""A quantity or a price is missing, impossible or has many digits: unknown is not zero, and money is exact."""

from typing import Any

import pytest

from tests.field.documents import completed_batch, filled_order, order
from tests.field.harness import Field, rupees


def settle(field: Field, leg: dict[str, Any]) -> str:
    """The id of a transaction that the Gateway completes with one order."""
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(leg))
    return transaction_id


@pytest.mark.parametrize(
    "filled",
    [
        pytest.param(
            None,
            id="null",
        ),
        pytest.param(
            0,
            id="zero_beside_a_price",
        ),
    ],
)
def test_complete_order_without_filled_quantity_is_not_a_rejection(field: Field, filled: int | None) -> None:
    """COMPLETE means that `quantity` shares traded: they are booked or set aside, and never called rejected."""
    transaction_id = settle(field, order(status="COMPLETE", filled=filled, price=1498.2))
    field.later(minutes=5)
    assert not any("rejected" in line for line in field.messages), f"the user reads {field.messages}"
    assert field.booked or field.unbooked, f"nothing is booked or set aside: {field.orders(transaction_id)}"


def test_price_that_comes_after_settling_is_booked_without_a_webhook(field: Field) -> None:
    """Checks continue until a filled order has its price."""
    transaction_id = settle(field, filled_order(price=0))
    field.gateway.holds(transaction_id, "COMPLETED", completed_batch(filled_order(price=1498.2), buyAmount=14982.0))
    field.later(days=2)
    assert field.booked == rupees(10, "14982.00"), f"two days later the API shows {field.orders(transaction_id)}"


def test_user_does_not_read_a_price_of_zero(field: Field) -> None:
    """A message to the user leaves out a price that is not known."""
    settle(field, filled_order(price=0))
    assert field.messages
    assert not any("₹0.00" in line for line in field.messages), f"the user reads {field.messages}"


def test_amount_is_exact_where_the_average_price_has_many_digits(field: Field) -> None:
    """30,000 shares for 370,000.00 rupees are booked as 370,000.00 rupees."""
    transaction_id = field.create("YESBANK", 30000)
    leg = filled_order("YESBANK", 30000, 12.333333333333334)
    field.report(transaction_id, completed_batch(leg, buyAmount=370000.0))
    assert field.booked == rupees(30000, "370000.00", "YESBANK")


@pytest.mark.parametrize(
    "price",
    [
        pytest.param(
            price,
        )
        for price in (-1500, -1)
    ],
)
def test_negative_average_price_is_not_booked(field: Field, price: int) -> None:
    """A negative price per share is never booked as money received: it is left to an operator."""
    settle(field, filled_order(price=price))
    assert not field.booked, f"the user reads {field.messages}"
