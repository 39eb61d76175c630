"""Leases that limit the pulls of a transaction that is not stored, in the Idempotency table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from securities_transactions.storage.dynamodb import written

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient


@dataclass(frozen=True)
class AdoptionLeases:
    """Leases by key. Each is granted once until it ends. TTL then deletes it."""

    client: "DynamoDBClient"
    table: str

    def take(self, key: str, now: datetime, interval: timedelta) -> bool:
        """Take the lease of `key` at `now` (aware) for `interval`. Returns False if it is taken."""
        start, end = int(now.timestamp()), int((now + interval).timestamp())
        return written(
            lambda: self.client.put_item(
                TableName=self.table,
                Item={"id": {"S": f"adoption#{key}"}, "expiration": {"N": str(end)}},
                ConditionExpression="attribute_not_exists(id) OR expiration <= :start",
                ExpressionAttributeValues={":start": {"N": str(start)}},
            )
        )
