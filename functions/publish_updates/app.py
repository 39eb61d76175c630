"""The tables' streams are the outbox: what changed is put on the bus, in order, until the bus has taken it."""

import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from securities_transactions import aws, logging
from securities_transactions.events import dead_letters
from securities_transactions.events.publisher import Entry, entry, publish
from securities_transactions.services.publish_updates import events_of

logger = logging.logger()
BUS = os.environ["EVENT_BUS"]
DEAD_LETTERS = os.environ["DEAD_LETTER_QUEUE_URL"]
eventbridge = aws.client("events")
sqs = aws.client("sqs")

Records = list[Mapping[str, Any]]


def handler(event: Mapping[str, Any], context: object) -> None:
    """Publish what the stream's records amount to; raise where the bus does not take it, and the batch comes again.

    What can never be published is set aside: a record that cannot be read, an entry that the bus refuses for good.
    It is set aside last, so that a batch that comes again and again does not set it aside again and again.
    """
    unreadable: list[str] = []
    origins: dict[str, Mapping[str, Any]] = {}
    outcome = publish(eventbridge, entries(event["Records"], unreadable, origins), pause)
    for letter in unreadable:
        set_aside(letter)
    for refusal in outcome.refused:
        set_aside(dead_letters.of_entry(refusal, origins[refusal.entry["Detail"]]))
        logger.error("an event was refused for good", extra=dead_letters.named_by(refusal))
    logger.info(
        "published",
        extra={"records": len(event["Records"]), "events": outcome.accepted, "refused": len(outcome.refused)},
    )


def entries(records: Records, unreadable: list[str], origins: dict[str, Mapping[str, Any]]) -> Iterator[Entry]:
    """The bus entries for stream records, in their order.

    Adds a message to `unreadable` for each record that cannot be read, and to `origins` the record of each detail.
    """
    for record in records:
        try:
            found = [entry(each, BUS) for each in events_of(record)]
        except Exception as error:  # one poison record must not hold back every other transaction until it expires
            logger.exception("a record cannot be read")
            unreadable.append(dead_letters.of_record(record, error))
            continue
        origins |= {each["Detail"]: record for each in found}
        yield from found


def set_aside(message: str) -> None:
    """Keep what can never be published; raises where SQS does not take it, and the batch comes again."""
    sqs.send_message(QueueUrl=DEAD_LETTERS, MessageBody=message)


def pause(attempt: int) -> None:
    """Wait a moment before what the bus refused is put again."""
    time.sleep(0.1 * 2**attempt * (0.5 + random.random()))  # noqa: S311  # spreads retries, guards nothing
