"""Counters with a bound, in the Idempotency table, each gone by TTL when its time is over."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from securities_transactions.storage.dynamodb import written

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

# Of webhooks with one proof in a day. A genuine one comes four times at most, and few states of a batch share a
# millisecond.
MOST_WEBHOOKS: Final = 20
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class CreationCounts:
    """How many transactions each user has created in the current minute: by a hash of the user's id, not the id."""

    client: "DynamoDBClient"
    table: str

    def count(self, user_id: str, now: datetime, most: int) -> bool:
        """Count one more creation at `now` (aware), unless the minute has `most` already: then `False`.

        Two minutes side by side have twice as many in the worst case.
        """
        minute = int(now.timestamp() // _MINUTE.total_seconds())
        user = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        end = int((minute + 1) * _MINUTE.total_seconds())
        return _count(self.client, self.table, f"creations#{minute}#{user}", end, most)


@dataclass(frozen=True)
class WebhookCounts:
    """How many webhooks that change nothing came with one proof today.

    The checksum does not cover the body: who has seen one webhook can send any number of others with its timestamp,
    smallcaseAuthId and checksum.
    """

    client: "DynamoDBClient"
    table: str

    def count(self, proof: str, now: datetime) -> bool:
        """Count one more at `now` (aware), unless the UTC day has `MOST_WEBHOOKS` already: then `False`."""
        end = int((now + _DAY).timestamp())
        return _count(self.client, self.table, f"webhooks#{now:%Y-%m-%d}#{proof}", end, MOST_WEBHOOKS)


def _count(client: "DynamoDBClient", table: str, key: str, end: int, most: int) -> bool:
    """A call that botocore repeats after a lost response may count twice, which is harmless here."""
    return written(
        lambda: client.update_item(
            TableName=table,
            Key={"id": {"S": key}},
            UpdateExpression="SET #count = if_not_exists(#count, :zero) + :one, #expiration = :end",
            ConditionExpression="attribute_not_exists(#count) OR #count < :most",
            ExpressionAttributeNames={"#count": "count", "#expiration": "expiration"},
            ExpressionAttributeValues={
                ":zero": {"N": "0"},
                ":one": {"N": "1"},
                ":end": {"N": str(end)},
                ":most": {"N": str(most)},
            },
        )
    )
