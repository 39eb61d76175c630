"""Leases of references while a transaction is created, in the Idempotency table.

The write that stores the transaction decides which one gets the reference (`users.Users.create`). A lease only keeps a
second request with the same reference from calling the Gateway meanwhile. After a crash, TTL deletes it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from securities_transactions.storage.dynamodb import written

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

# Longer than an invocation, so the holder of an expired lease is not running any more.
LEASE: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class ReferenceLeases:
    """Leases by user and reference, under a hash of both. `holder` distinguishes two requests."""

    client: "DynamoDBClient"
    table: str

    def take(self, user_id: str, reference: str, holder: str, now: datetime) -> bool:
        """True if `holder` has the lease from `now` (aware) on; also where a repeated call finds its own."""
        return written(
            lambda: self.client.put_item(
                TableName=self.table,
                Item={
                    "id": {"S": _key(user_id, reference)},
                    "holder": {"S": holder},
                    "expiration": {"N": str(int((now + LEASE).timestamp()))},
                },
                ConditionExpression="attribute_not_exists(id) OR expiration <= :now OR holder = :holder",
                ExpressionAttributeValues={":now": {"N": str(int(now.timestamp()))}, ":holder": {"S": holder}},
            )
        )

    def release(self, user_id: str, reference: str, holder: str) -> None:
        """End the lease of `holder`; another's is left alone."""
        written(
            lambda: self.client.delete_item(
                TableName=self.table,
                Key={"id": {"S": _key(user_id, reference)}},
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={":holder": {"S": holder}},
            )
        )


def _key(user_id: str, reference: str) -> str:
    named = f"{reference}\n{user_id}".encode("utf-8", "surrogatepass")
    return f"reference#{hashlib.sha256(named).hexdigest()[:32]}"
