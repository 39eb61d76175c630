"""A status or a side is new or spelled in another way: it never decides in the direction that loses money."""

from tests.field.documents import completed_batch, filled_order, order
from tests.field.harness import Field, assert_shown, rupees


def test_unknown_transaction_status_is_not_shown_as_failed(field: Field) -> None:
    """FAILED means that no order will come of the transaction, so an unknown status of the Gateway waits."""
    transaction_id = field.create()
    field.gateway.holds(transaction_id, "QUEUED")
    field.later(hours=2)
    shown = field.transaction(transaction_id)
    assert shown["status"] != "FAILED", f"error {shown.get('error')}"


def test_transaction_status_in_another_case_is_recognized(field: Field) -> None:
    """The case of the Gateway's transaction status does not matter."""
    transaction_id = field.create()
    field.gateway.holds(transaction_id, "Completed")
    rows = [completed_batch(filled_order(price=1498.2)) | {"transactionId": transaction_id}]
    field.gateway.order_rows[transaction_id] = rows
    field.later(hours=2)
    assert field.transaction(transaction_id)["status"] == "COMPLETED"


def test_order_status_in_another_case_is_recognized(field: Field) -> None:
    """The case of an order's status does not matter."""
    leg = order(status="Complete", filled=10, price=1498.2)
    assert_shown(field, completed_batch(leg), rupees(10, "14982.00"))


def test_unknown_order_status_in_a_completed_transaction_is_escalated(field: Field) -> None:
    """In a COMPLETED transaction an order status that the product does not know is escalated within hours."""
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(order(status="CANCELED")))
    field.later(hours=6)
    shown = field.transaction(transaction_id)
    assert field.is_escalated(transaction_id) or shown["status"] == "UNFILLED", f"six hours later: {shown['status']}"


def test_message_does_not_call_a_purchase_in_lower_case_a_sale(field: Field) -> None:
    """A message never calls a purchase a sale, with its side in any case."""
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(filled_order(transactionType="buy")))
    assert field.messages
    assert not any("Sold" in line for line in field.messages), f"the user reads {field.messages}"


def test_purchase_in_mixed_case_is_booked(field: Field) -> None:
    """The case of an order's side does not matter."""
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(filled_order(transactionType="Buy")))
    assert field.booked == rupees(10, "15000.00"), f"set aside: {field.unbooked}"


def test_message_does_not_call_a_wholly_rejected_basket_complete(field: Field) -> None:
    """A basket whose orders were all rejected is not called complete, also where its event leaves out the orders."""
    why = {"errorCode": "marginsExceeded", "statusMessage": "RMS: Margin Exceeds " * 150}
    transaction_id = field.create()
    field.report(transaction_id, completed_batch(*[order(f"T{n}", "REJECTED", 5, **why) for n in range(100)]))
    field.later(minutes=10)
    assert field.orders(transaction_id)["settled"]
    assert field.messages
    assert not any("complete" in line for line in field.messages), f"the user reads {field.messages}"
