"""An example consumer: books settled orders in a ledger of each user's trades per security."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.events.consumer import Received, each_message
from securities_transactions.events.schemas import OrdersSettled
from securities_transactions.examples.ledger import Positions

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def make_handler(application: Application) -> Handler:
    """Book the settled orders of a message batch. Failed messages are returned to the queue."""
    positions = Positions(application.clients.dynamodb, application.settings.positions_table)

    def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
        return each_message(event, lambda received: handle(received, positions), failed)

    return application.deadline.bounds(handler)


def failed(message_id: str, error: Exception) -> None:
    """Log the failure of one message."""
    logger.error("booking failed", exc_info=error, extra={"message_id": message_id})


def handle(received: Received, positions: "Positions") -> None:
    """Book one event. Events of other types and of test accounts are ignored."""
    if isinstance(received.event, OrdersSettled) and not received.event.test:
        booked = positions.book(received.event)
        logger.info("settled", extra={"transaction_id": received.event.transactionId, "booked": booked})


handler = start(make_handler, os.environ)
