"""An example consumer: writes messages about settled orders to a table, from which another service delivers them.

A message is stored under the user and the event id, so a repeated event writes the same message. Failures are described
in our own words; the broker's text is for support only (docs/reference/gateway.md §6.1).
"""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.events.consumer import Received, each_message
from securities_transactions.events.schemas import OrdersSettled
from securities_transactions.examples.messages import lines
from securities_transactions.storage.dynamodb import to_attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def make_handler(application: Application) -> Handler:
    """Write the messages for a message batch of events. Failed events are returned to the queue."""
    client, table = application.clients.dynamodb, application.settings.messages_table

    def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
        return each_message(event, lambda received: handle(received, client, table), failed)

    return application.deadline.bounds(handler)


def failed(message_id: str, error: Exception) -> None:
    """Log the failure of one event."""
    logger.error("notification failed", exc_info=error, extra={"message_id": message_id})


def handle(received: Received, client: "DynamoDBClient", table: str) -> None:
    """Write the message for one event. A replay from the archive sends no message again."""
    settled = received.event
    if received.replay is not None or not isinstance(settled, OrdersSettled) or settled.test:
        return
    item = {
        "notes": settled.notes,
        "message": f"{settled.occurredAt}#{settled.eventId}",
        "transactionId": settled.transactionId,
        "lines": list(lines(settled)),
    }
    client.put_item(TableName=table, Item=to_attributes(item))
    logger.info("message stored", extra={"transaction_id": settled.transactionId})


handler = start(make_handler, os.environ)
