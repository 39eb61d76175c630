"""Every minute: the closing of the day's books begins or goes on, once it is time for it."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.books import Phase

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], None]


def make_handler(application: Application) -> Handler:
    """Go on with the closing that is under way, or begin the one that is due."""
    close_books = application.close_books

    def handler(event: Mapping[str, Any], context: object) -> None:
        run = close_books.run()
        if run is None:
            logger.info("books", extra={"phase": "not due"})
            return
        counts = {"day": run.closing.day.isoformat(), "phase": run.phase.value, "scheduled": run.scheduled}
        counts |= {"corrected": run.tally.corrected, "drift": run.tally.drift}
        logger.info("books", extra=counts)
        if run.phase is Phase.CLOSED and run.tally.drift:
            logger.error("the books were closed with drift", extra=counts)

    return application.deadline.bounds(handler)


handler = start(make_handler, os.environ)
