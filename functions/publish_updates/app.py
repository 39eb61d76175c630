"""Publishes the tables' streams, which are the outbox: events go to the bus, in order, until it has accepted them."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.services.publish_updates import Published

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], None]


def make_handler(application: Application) -> Handler:
    """Publish a record batch. Raises if the bus rejects it, so that the stream delivers it again."""
    updates = application.publish_updates

    def handler(event: Mapping[str, Any], context: object) -> None:
        published = updates.publish(event["Records"])
        logger.info("published", extra={"records": len(event["Records"]), **facts(published)})

    return application.deadline.bounds(handler)


def facts(published: Published) -> dict[str, Any]:
    """Return the log fields of a record batch; metric filters count them."""
    found = dict(vars(published))
    levels = found.pop("levels")
    return found if levels is None else found | {k: v for k, v in vars(levels).items() if v is not None}


handler = start(make_handler, os.environ)
