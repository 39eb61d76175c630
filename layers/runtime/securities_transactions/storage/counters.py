"""Counters with a limit, in the Idempotency table. TTL deletes each when its period is over."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from securities_transactions.storage.dynamodb import written

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

# Per proof and day. A genuine webhook arrives at most four times, and few states of a batch share a millisecond.
MOST_WEBHOOKS: Final = 20
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class CreationCounts:
    """Counts the transactions that each user creates per minute, by a hash of the user id."""

    client: "DynamoDBClient"
    table: str

    def count(self, user_id: str, now: datetime, most: int) -> bool:
        """Count one more creation at `now` (aware). Returns False if the minute already has `most`.

        In the worst case, two adjacent minutes have twice as many.
        """
        minute = int(now.timestamp() // _MINUTE.total_seconds())
        user = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        end = int((minute + 1) * _MINUTE.total_seconds())
        return _count(self.client, self.table, f"creations#{minute}#{user}", end, most)


@dataclass(frozen=True)
class WebhookCounts:
    """Counts the webhooks with the same proof per day that change nothing.

    The checksum does not cover the body: anyone who has seen one webhook can send any number of others with its
    timestamp, smallcaseAuthId and checksum.
    """

    client: "DynamoDBClient"
    table: str

    def count(self, proof: str, now: datetime) -> bool:
        """Count one more at `now` (aware). Returns False if the UTC day already has `MOST_WEBHOOKS`."""
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
