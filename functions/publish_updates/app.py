"""The tables' streams are the outbox: what changed is put on the bus, in order, until the bus has taken it."""

import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from sst import aws
from sst.bus import Entry, entry, publish
from sst.outbox import events_of

logger = Logger()
BUS = os.environ["EVENT_BUS"]
eventbridge = aws.client("events")


def handler(event: Mapping[str, Any], context: object) -> None:
    """Publish what the stream's records amount to; raise where the bus does not take it, and the batch comes again."""
    count = publish(eventbridge, entries(event["Records"]), pause)
    logger.info("published", records=len(event["Records"]), events=count)


def entries(records: list[Mapping[str, Any]]) -> Iterator[Entry]:
    """The bus entries for stream records, in their order."""
    for record in records:
        for each in events_of(record):
            yield entry(each, BUS)


def pause(attempt: int) -> None:
    """Wait a moment before what the bus refused is put again."""
    time.sleep(0.1 * 2**attempt * (0.5 + random.random()))  # noqa: S311  # spreads retries, guards nothing
