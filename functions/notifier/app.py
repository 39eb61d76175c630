"""An example consumer: settled orders as messages for people, in a table that whoever delivers them reads.

A message is kept under the user and the id of the event, so an event that comes again writes the same message
again. What went wrong is said in our own words; the broker's own text is for support (docs/gateway.md §6.1).
"""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from securities_transactions import aws, logging
from securities_transactions.domain import order_errors, statuses
from securities_transactions.domain.orders import Order
from securities_transactions.events.consumer import Received, each_message
from securities_transactions.events.schemas import OrdersSettled
from securities_transactions.storage.dynamodb import to_attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

logger = logging.logger()


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Write the messages for a batch of events; events that failed are returned to the queue."""
    return each_message(event, lambda received: handle(received, client(), os.environ["MESSAGES_TABLE"]), failed)


@cache
def client() -> "DynamoDBClient":
    """One client for all invocations."""
    return aws.client("dynamodb")


def failed(message_id: str, error: Exception) -> None:
    """Log the failure of one event."""
    logger.error("nobody was told", exc_info=error, extra={"message_id": message_id})


def handle(received: Received, client: "DynamoDBClient", table: str) -> None:
    """Write the message for one event. A replay from the archive tells nobody what they were told long ago."""
    settled = received.event
    if received.replay is not None or not isinstance(settled, OrdersSettled):
        return
    item = {
        "notes": settled.notes,
        "message": f"{settled.occurredAt}#{settled.eventId}",
        "transactionId": settled.transactionId,
        "lines": list(lines(settled)),
    }
    client.put_item(TableName=table, Item=to_attributes(item))
    logger.info("told", extra={"transaction_id": settled.transactionId})


def lines(settled: OrdersSettled) -> Iterator[str]:
    """What to tell the user of a settled transaction: a line for each security."""
    if settled.orders is None:
        yield "Your order is complete. Open the app to see the details."
        return
    for order in settled.orders:
        yield _line(order)
    for order in settled.unplaced or []:
        yield f"{_asked(order)}: {order_errors.user_message(order.status, order.errorCode, placed=False)}"


def _line(order: Order) -> str:
    filled = order.filledQuantity or 0
    if filled:
        verb = "Bought" if order.transactionType == "BUY" else "Sold"
        wanted = f" of {order.quantity}" if filled != order.quantity else ""
        price = f" at ₹{order.averagePrice:,.2f}" if order.averagePrice is not None else ""
        return f"{verb} {filled}{wanted} {order.tradingsymbol}{price}."
    if statuses.canonical(order.status) in (statuses.CANCELLED, statuses.CANCELLED_AMO):
        said = f"{_asked(order)} was cancelled."
    elif order.status == statuses.REJECTED:
        said = f"{_asked(order)} was rejected."
    else:
        said = f"{_asked(order)} has the status {order.status}."
    message = order_errors.user_message(order.status, order.errorCode, placed=True)
    return f"{said} {message}" if message else said


def _asked(order: Order) -> str:
    return f"Your order to {order.transactionType.lower()} {order.quantity} {order.tradingsymbol}"
