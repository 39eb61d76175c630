"""Brakes that operators set without a deployment, in the Idempotency table: without a time, so TTL leaves them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from securities_transactions.domain.times import timestamp_text

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

Brake = Literal["creates"]
_REASON: Final = "reason"


@dataclass(frozen=True)
class Brakes:
    """The brakes that operators have set."""

    client: "DynamoDBClient"
    table: str

    def is_set(self, brake: Brake) -> bool:
        """True if the brake is set, as of now."""
        return "Item" in self.client.get_item(TableName=self.table, Key=_key(brake), ConsistentRead=True)

    def reason(self, brake: Brake) -> str | None:
        """The reason of the brake and its time; `None` where it is not."""
        item = self.client.get_item(TableName=self.table, Key=_key(brake), ConsistentRead=True).get("Item")
        return None if item is None else item[_REASON]["S"]

    def set(self, brake: Brake, reason: str, now: datetime) -> None:
        """Stop it, at `now` (aware)."""
        text = f"{reason}, since {timestamp_text(now)}"
        self.client.put_item(TableName=self.table, Item={**_key(brake), _REASON: {"S": text}})

    def release(self, brake: Brake) -> None:
        """Let it go on."""
        self.client.delete_item(TableName=self.table, Key=_key(brake))


def _key(brake: Brake) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"brake#{brake}"}}
