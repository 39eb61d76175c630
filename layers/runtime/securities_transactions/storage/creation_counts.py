"""How many transactions each user has created in the current minute, in the Idempotency table."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class CreationCounts:
    """One counter for each user and minute of the clock, gone by TTL. It has a hash of the user's id, not the id."""

    client: "DynamoDBClient"
    table: str

    def count(self, user_id: str, now: datetime, most: int) -> bool:
        """Count one more creation at `now` (aware), unless the minute has `most` already: then `False`.

        A call that botocore repeats after a lost response may count twice, which is harmless here. Two minutes side by
        side have twice as many in the worst case.
        """
        minute = int(now.timestamp() // _MINUTE.total_seconds())
        end = int((minute + 1) * _MINUTE.total_seconds())
        user = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        try:
            self.client.update_item(
                TableName=self.table,
                Key={"id": {"S": f"creations#{minute}#{user}"}},
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
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True
