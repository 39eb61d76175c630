"""Every minute: request a pull of every transaction whose check is due."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], None]


def make_handler(application: Application) -> Handler:
    """Send every due transaction to the queue of `reconcile`."""
    check_due = application.check_due

    def handler(event: Mapping[str, Any], context: object) -> None:
        logger.info("checks requested", due=check_due.run())

    return application.deadline.bounds(handler)


handler = start(make_handler, os.environ)
