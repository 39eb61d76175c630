"""The pace at which the Gateway is called: one record for all invocations, in the Idempotency table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from securities_transactions.domain.pace import Pace
from securities_transactions.domain.times import parse_time, timestamp_text
from securities_transactions.storage.dynamodb import of_attributes, present, to_attributes

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

_KEY: Final = {"id": {"S": "pace#gateway"}}
# What was learned on one trading day says little about the next.
_LIFETIME: Final = timedelta(hours=12)


@dataclass(frozen=True)
class Paces:
    """The record in `table`."""

    client: "DynamoDBClient"
    table: str

    def read(self) -> Pace:
        """The pace as it is now; the one to begin with where there is none."""
        response = self.client.get_item(TableName=self.table, Key=_KEY, ConsistentRead=True)
        if "Item" not in response:
            return Pace()
        item = of_attributes(response["Item"])
        refused_at = item.get("refusedAt")
        return Pace(
            float(item["inFlight"]),
            None if refused_at is None else float(refused_at),
            parse_time(item.get("closedUntil")),
            int(item["version"]),
            parse_time(item.get("halvedAt")),
        )

    def replace(self, before: Pace, after: Pace, now: datetime) -> bool:
        """Store `after` if the record still is as `before`; False where another invocation changed it meanwhile."""
        item: dict[str, Any] = {
            "id": _KEY["id"]["S"],
            "inFlight": Decimal(repr(after.in_flight)),
            "refusedAt": None if after.refused_at is None else Decimal(repr(after.refused_at)),
            "closedUntil": _text(after.closed_until),
            "halvedAt": _text(after.halved_at),
            "version": after.version,
            "expiration": int((now + _LIFETIME).timestamp()),
        }
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_attributes(present(item)),
                ConditionExpression="attribute_not_exists(id) OR #version = :before",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":before": {"N": str(before.version)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp_text(moment)
