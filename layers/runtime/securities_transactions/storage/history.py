"""The History table: every change of every transaction, in plain JSON, for a set time.

    transactionId       entry
    <transactionId>     <version, ten digits>#<sequence number in the stream, forty digits>

A stream record that is delivered again is the same item again. Within a version, the stream's numbers are the order in
which its changes were made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.history import Entry
from securities_transactions.domain.times import timestamp_text
from securities_transactions.storage import mapper
from securities_transactions.storage.dynamodb import Pause, of_attributes, present, to_attributes

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

_MOST_WRITES: Final = 25
_ATTEMPTS: Final = 5


class NotWritten(Exception):
    """DynamoDB left some of the entries unwritten at every attempt."""


@dataclass(frozen=True)
class HistoryPage:
    """Entries in the order in which the changes were made, and the key to go on after."""

    entries: Sequence[Entry]
    after: str | None


class History:
    """The History table named `table`. Entries are kept for `retention`, for ever where it is `None`.

    `pause(attempt)` waits before what DynamoDB left unwritten is written again.
    """

    def __init__(self, client: "DynamoDBClient", table: str, retention: timedelta | None, pause: Pause) -> None:
        self.client = client
        self.table = table
        self.retention = retention
        self.pause = pause

    def put(self, entries: Sequence[Entry]) -> None:
        """Write every entry, over itself where it is written already. Raises `NotWritten` where some are not."""
        left = [{"PutRequest": {"Item": to_attributes(item)}} for item in map(self._item, entries)]
        while left:
            left = self._written(left[:_MOST_WRITES]) + left[_MOST_WRITES:]

    def _written(self, writes: list[Any]) -> list[Any]:
        """Nothing, once all of at most 25 writes are made."""
        for attempt in range(_ATTEMPTS):
            response = self.client.batch_write_item(RequestItems={self.table: writes})
            unwritten: Any = response.get("UnprocessedItems", {}).get(self.table, [])
            if not unwritten:
                return []
            writes = unwritten
            self.pause(attempt)
        raise NotWritten(f"{len(writes)} entries of the history")

    def page(self, transaction_id: str, limit: int, after: str | None = None) -> HistoryPage:
        """At most `limit` entries of a transaction, the oldest first, those after the key `after`."""
        start = {"transactionId": {"S": transaction_id}, "entry": {"S": after}} if after is not None else None
        response = self.client.query(
            TableName=self.table,
            KeyConditionExpression="transactionId = :id",
            ExpressionAttributeValues={":id": {"S": transaction_id}},
            Limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),  # type: ignore[arg-type]  # an absent argument has no type
        )
        last = response.get("LastEvaluatedKey")
        entries = [_entry(of_attributes(item)) for item in response["Items"]]
        return HistoryPage(entries, of_attributes(last)["entry"] if last else None)

    def _item(self, entry: Entry) -> dict[str, Any]:
        expires = None if self.retention is None else int((entry.at + self.retention).timestamp())
        return present(
            {
                "transactionId": entry.transaction_id,
                "entry": f"{entry.version:010d}#{entry.sequence:0>40}",
                "version": entry.version,
                "at": timestamp_text(entry.at),
                "facts": entry.facts,
                "cause": None if entry.cause is None else _of_cause(entry.cause),
                "expiresAt": expires,
            }
        )


def _entry(item: Mapping[str, Any]) -> Entry:
    cause = item.get("cause")
    return Entry(
        transaction_id=item["transactionId"],
        version=int(item["version"]),
        sequence=item["entry"].partition("#")[2].lstrip("0") or "0",
        at=mapper.time_of(item["at"]),
        facts=item["facts"],
        cause=None if cause is None else _to_cause(cause),
    )


def _of_cause(cause: Cause) -> dict[str, Any]:
    return present(
        {
            "kind": cause.kind.value,
            "requestId": cause.request_id,
            "webhookId": cause.webhook_id,
            "subject": cause.subject,
            "client": cause.client,
        }
    )


def _to_cause(stored: Mapping[str, Any]) -> Cause:
    return Cause(
        kind=CauseKind(stored["kind"]),
        request_id=stored.get("requestId"),
        webhook_id=stored.get("webhookId"),
        subject=stored.get("subject"),
        client=stored.get("client"),
    )
