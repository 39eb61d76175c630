"""The Transactions table's stream, read beside the publisher: every change is kept, with its cause."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], None]


def make_handler(application: Application) -> Handler:
    """Record a record batch; raise where the table does not take it, and the stream delivers the batch again."""
    histories = application.record_history

    def handler(event: Mapping[str, Any], context: object) -> None:
        recorded = histories.record(event["Records"])
        logger.info("recorded", extra={"records": len(event["Records"]), "entries": recorded})

    return application.deadline.bounds(handler)


handler = start(make_handler, os.environ)
