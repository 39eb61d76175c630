"""`python -m operations.republish SINCE`: emit again where every transaction stands that changed since then.

For an outage that outlived the streams, which keep a change for a day. The event ids are those of the first time, so
consumers drop what they have seen. What happened in between is not emitted, and consumers see the gap.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.stored_webhook import KeptWebhook
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.events.builder import latest
from securities_transactions.events.publisher import Entry, PublishError, entry, publish_all
from securities_transactions.services.publish_updates import of_kept
from securities_transactions.storage.dynamodb import of_attributes

_CHANGED = ("createdAt", "reportedAt", "confirmedAt", "askedAt", "pullRequestedAt")


def republish(stage: Stage, since: datetime) -> int:
    """Emit the latest events of what changed since `since` (aware); how many. Raises
    `securities_transactions.events.publisher.PublishError`.
    """
    found = entries(stage, timestamp_text(since))
    return publish_all(stage.events, found, lambda attempt: time.sleep(0.2 * 2**attempt))


def entries(stage: Stage, since: str) -> Iterator[Entry]:
    """The bus entries for the transactions, and the webhooks that were kept, since `since` (UTC, ISO 8601)."""
    bus, value = stage.outputs["EventBusName"], {":since": {"S": since}}
    changed = " OR ".join(f"{name} >= :since" for name in _CHANGED)
    for item in stage.items(
        stage.outputs["TransactionsTable"], FilterExpression=changed, ExpressionAttributeValues=value
    ):
        for event in latest(Transaction.of_item(of_attributes(item))):
            yield entry(event, bus)
    for item in stage.items(
        stage.outputs["WebhooksTable"], FilterExpression="receivedAt >= :since", ExpressionAttributeValues=value
    ):
        for each in of_kept(KeptWebhook.of_item(of_attributes(item))):
            yield entry(each, bus)


def moment(text: str) -> datetime:
    """A time with its offset, or in UTC where it has none; `ArgumentTypeError` for anything else."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 2026-01-15T00:00:00Z") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def main(arguments: list[str]) -> int:
    """0 where all was emitted, 1 where not: then do it again, repeats do no harm."""
    parser = stages.parser(__doc__)
    parser.add_argument("since", type=moment, help="a time, as 2026-01-15T00:00:00Z")
    options = parser.parse_args(arguments)
    try:
        count = republish(stages.of(options), options.since)
    except (BotoCoreError, ClientError, PublishError) as error:
        print(f"not all was emitted: {error}", file=sys.stderr)
        return 1
    print(f"{count} events emitted again")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
