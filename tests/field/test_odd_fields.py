"""One field of a batch has an unusual form: the fields that identify an order and its progress are read anyway."""

import random
from typing import Any, Final

from tests.field.documents import completed_batch, filled_order, order
from tests.field.harness import Field, assert_shown, rupees

BOUGHT: Final = rupees(10, "14982.00")


def bought(**more: Any) -> dict[str, Any]:
    """Ten shares for 14,982 rupees, with a field that a case adds."""
    return filled_order(price=1498.2) | more


def test_basket_without_an_odd_field_is_shown_and_booked(field: Field) -> None:
    """A completed batch is settled, shown and booked."""
    assert_shown(field, completed_batch(bought()), BOUGHT)


def test_null_unplaced_list_does_not_hide_the_basket(field: Field) -> None:
    """A null list is an empty list."""
    assert_shown(field, completed_batch(bought()) | {"unplaced": None}, BOUGHT)


def test_blank_average_price_of_a_rejected_leg_hides_no_other_leg(field: Field) -> None:
    """A blank price is no price, and one odd leg never hides another."""
    assert_shown(field, completed_batch(bought(), order("TCS", "REJECTED", 5, 0, "")), BOUGHT)


def test_blank_limit_price_does_not_hide_the_basket(field: Field) -> None:
    """A blank price is no price."""
    assert_shown(field, completed_batch(bought(price="")), BOUGHT)


def test_null_orders_list_does_not_hide_the_unplaced_ones(field: Field) -> None:
    """A batch with null orders and one unplaced order is shown as UNPLACED."""
    transaction_id = field.create()
    unplaced = (order(status="ERROR", errorCode="marginsExceeded"),)
    field.report(transaction_id, completed_batch(unplaced=unplaced) | {"orders": None})
    field.later(hours=3)
    assert field.orders(transaction_id)["status"] == "UNPLACED"


def test_error_code_that_is_an_empty_list_does_not_hide_the_basket(field: Field) -> None:
    """An unreadable optional field is absent."""
    assert_shown(field, completed_batch(bought(errorCode=[])), BOUGHT)


def test_trigger_price_that_is_a_dash_does_not_hide_the_basket(field: Field) -> None:
    """An unreadable optional number is absent."""
    assert_shown(field, completed_batch(bought(triggerPrice="-")), BOUGHT)


def test_null_row_in_the_unplaced_list_does_not_hide_the_basket(field: Field) -> None:
    """A null row is no order, and hides none."""
    assert_shown(field, completed_batch(bought()) | {"unplaced": [None]}, BOUGHT)


def test_status_message_of_500_kb_does_not_hide_the_basket(field: Field) -> None:
    """A statusMessage is cut to what fits; shares, prices and statuses are stored."""
    chance = random.Random(1)
    message = "".join(chr(chance.randrange(0x20, 0x7F)) for _ in range(500_000))
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(filled_order(statusMessage=message)))
    field.later(minutes=30)
    shown = field.orders(transaction_id)
    assert shown["settled"], f"{shown['status']} with {len(shown['orders'])} orders; events: {field.event_types}"
