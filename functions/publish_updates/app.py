"""The tables' streams are the outbox: what changed is put on the bus, in order, until the bus has taken it."""

import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sst import aws, logs
from sst.bus import Entry, entry, publish
from sst.exact import dumps
from sst.outbox import events_of

logger = logs.logger()
BUS = os.environ["EVENT_BUS"]
DEAD_LETTERS = os.environ["DEAD_LETTER_QUEUE_URL"]
eventbridge = aws.client("events")
sqs = aws.client("sqs")


def handler(event: Mapping[str, Any], context: object) -> None:
    """Publish what the stream's records amount to; raise where the bus does not take it, and the batch comes again."""
    count = publish(eventbridge, entries(event["Records"]), pause)
    logger.info("published", extra={"records": len(event["Records"]), "events": count})


def entries(records: list[Mapping[str, Any]]) -> Iterator[Entry]:
    """The bus entries for stream records, in their order; a record that nobody can read is set aside, whole."""
    for record in records:
        try:
            found = [entry(each, BUS) for each in events_of(record)]
        except Exception:  # one poison record must not hold back every other transaction until it expires
            logger.exception("a record cannot be read")
            sqs.send_message(QueueUrl=DEAD_LETTERS, MessageBody=dumps({"record": record}))
            continue
        yield from found


def pause(attempt: int) -> None:
    """Wait a moment before what the bus refused is put again."""
    time.sleep(0.1 * 2**attempt * (0.5 + random.random()))  # noqa: S311  # spreads retries, guards nothing
