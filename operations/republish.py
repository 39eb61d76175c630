"""`python -m operations.republish SINCE`: republish the state of every transaction that changed since then.

For an outage longer than the retention of the streams, which is a day. The event ids are the original ones, so
consumers drop the events that they have received. Intermediate events are not published, so consumers detect a gap.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.times import timestamp_text
from securities_transactions.events.publisher import Entry, PublishError, entry, publish_all
from securities_transactions.services.publish_updates import Published, Update, latest_of
from securities_transactions.services.pull_queue import PullQueue, SendError
from securities_transactions.storage.dynamodb import of_attributes
from securities_transactions.storage.mapper import Attribute

_CHANGED: Final = (
    Attribute.CREATED_AT,
    Attribute.REPORTED_AT,
    Attribute.CONFIRMED_AT,
    Attribute.ESCALATED_AT,
    Attribute.PULL_REQUESTED_AT,
)


# Called with the name of an item that cannot be read, and what is wrong.
Unreadable = Callable[[str, Exception], None]


def republish(stage: Stage, since: datetime, unreadable: Unreadable) -> Published:
    """Emit the latest events of what changed since `since` (aware), and request the pulls of suspicious webhooks again.

    An item that cannot be read is `unreadable`, and the others are emitted. Raises `PublishError` where the bus does
    not accept an event, and `SendError` where the queue refuses a request.
    """
    pulls: list[PullRequest] = []
    bus = stage.outputs["EventBusName"]

    def entries() -> Iterator[Entry]:
        for update in updates(stage, timestamp_text(since), unreadable):
            pulls.extend([] if update.pull is None else [update.pull])
            for event in update.events:
                yield entry(event, bus)

    events = publish_all(stage.events, entries(), lambda attempt: time.sleep(0.2 * 2**attempt))
    return Published(events, PullQueue(stage.sqs, stage.outputs["PullQueueUrl"]).send(pulls))


def updates(stage: Stage, since: str, unreadable: Unreadable) -> Iterator[Update]:
    """The updates of each transaction that changed, and each webhook stored, since `since` (UTC, ISO 8601)."""
    value = {":since": {"S": since}}
    changed = " OR ".join(f"{name} >= :since" for name in _CHANGED)
    for table, condition in (("TransactionsTable", changed), ("WebhooksTable", "receivedAt >= :since")):
        for item in stage.items(stage.outputs[table], FilterExpression=condition, ExpressionAttributeValues=value):
            try:
                update = latest_of(of_attributes(item))
            except Exception as error:  # one item must not keep the others from being emitted
                unreadable(_named(item), error)
                continue
            yield update


def _named(item: Mapping[str, Any]) -> str:
    """The key of an item."""
    for name in ("transactionId", "webhookId"):
        key = item.get(name)
        if isinstance(key, Mapping) and isinstance(key.get("S"), str):
            return f"{name} {key['S']}"
    return "an item without a key"


def moment(text: str) -> datetime:
    """Parse a time. Without an offset it is UTC. Raises `ArgumentTypeError` for any other text."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: use the form 2026-01-15T00:00:00Z") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def main(arguments: list[str]) -> int:
    """0 where all was emitted, 1 where not: then do it again, repeats do no harm. What cannot be read is named."""
    parser = stages.parser(__doc__)
    parser.add_argument("since", type=moment, help="a time, for example 2026-01-15T00:00:00Z")
    options = parser.parse_args(arguments)
    left = list[str]()

    def unreadable(name: str, error: Exception) -> None:
        print(f"{name} cannot be read: {type(error).__name__}", file=sys.stderr)
        left.append(name)

    try:
        published = republish(stages.of(options), options.since, unreadable)
    except (BotoCoreError, ClientError, PublishError, SendError) as error:
        print(f"republishing failed: {error}", file=sys.stderr)
        return 1
    print(f"{published.events} events published again, {published.pulls} pulls requested again")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
