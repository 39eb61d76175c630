"""The Books table: the closing of each day, while it is under way and once it is closed.

One item a day, which each step replaces under an optimistic lock: a closing goes on where it stopped, and of two
invocations at once one stops.
"""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from securities_transactions.domain.books import BrokerBooks, Closing, Doubt, Phase, Run, Tally
from securities_transactions.domain.times import timestamp_text
from securities_transactions.storage.dynamodb import of_attributes, present, to_attributes
from securities_transactions.storage.mapper import time_of

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

# All days are in one partition: a few hundred items a year, each written some thousand times in an evening.
_BOOKS: Final = {"book": {"S": "closing"}}


class Books:
    """The Books table named `table`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.client = client
        self.table = table

    def of_day(self, day: date) -> Run | None:
        """The closing of a day, `None` where there is none."""
        key: Any = {**_BOOKS, "day": {"S": day.isoformat()}}
        response = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return run_of(of_attributes(response["Item"])) if "Item" in response else None

    def newest(self) -> Run | None:
        """The closing of the newest day."""
        response = self.client.query(
            TableName=self.table,
            KeyConditionExpression="book = :book",
            ExpressionAttributeValues={":book": _BOOKS["book"]},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=1,
        )
        return run_of(of_attributes(response["Items"][0])) if response["Items"] else None

    def save(self, run: Run) -> bool:
        """Store `run`, which is one step further than what is stored; False where another invocation was faster.

        A repeated request whose first response was lost finds its own work done.
        """
        item = to_attributes(item_of(run))
        try:
            self.client.put_item(
                TableName=self.table,
                Item={**_BOOKS, **item},
                ConditionExpression=(
                    "attribute_not_exists(book) OR #step = :before OR (#step = :step AND startedAt = :startedAt)"
                ),
                ExpressionAttributeNames={"#step": "step"},
                ExpressionAttributeValues={
                    ":before": {"N": str(run.step - 1)},
                    ":step": item["step"],
                    ":startedAt": item["startedAt"],
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def item_of(run: Run) -> dict[str, Any]:
    """The item of a closing without its partition. Times are UTC, ISO 8601 with milliseconds."""
    tally, closing = run.tally, run.closing
    return present(
        {
            "day": closing.day.isoformat(),
            "since": timestamp_text(closing.since),
            "until": timestamp_text(closing.until),
            "number": run.number,
            "phase": run.phase.value,
            "step": run.step,
            "startedAt": timestamp_text(run.started_at),
            "scheduled": run.scheduled,
            "scheduledUntil": timestamp_text(run.scheduled_until),
            "shard": run.shard,
            "after": run.after,
            "closedAt": None if run.closed_at is None else timestamp_text(run.closed_at),
            "failed": tally.failed,
            "open": tally.open,
            "corrected": tally.corrected,
            "correctedIds": list(tally.corrected_ids),
            "brokers": {name: _of_broker(books) for name, books in tally.brokers.items()},
            "doubtful": {doubt.value: count for doubt, count in tally.doubtful.items()},
            "unresolved": [{"transactionId": id_, "reason": doubt.value} for id_, doubt in tally.unresolved],
        }
    )


def run_of(item: Mapping[str, Any]) -> Run:
    """The closing in an item."""
    tally = Tally(
        failed=int(item["failed"]),
        open=int(item["open"]),
        corrected=int(item["corrected"]),
        corrected_ids=tuple(item["correctedIds"]),
        brokers={name: _to_broker(books) for name, books in item["brokers"].items()},
        doubtful={Doubt(word): int(count) for word, count in item["doubtful"].items()},
        unresolved=tuple((each["transactionId"], Doubt(each["reason"])) for each in item["unresolved"]),
    )
    return Run(
        closing=Closing(date.fromisoformat(item["day"]), time_of(item["since"]), time_of(item["until"])),
        number=int(item["number"]),
        phase=Phase(item["phase"]),
        step=int(item["step"]),
        started_at=time_of(item["startedAt"]),
        scheduled=int(item["scheduled"]),
        scheduled_until=time_of(item["scheduledUntil"]),
        shard=int(item["shard"]),
        after=item.get("after"),
        closed_at=None if "closedAt" not in item else time_of(item["closedAt"]),
        tally=tally,
    )


def _of_broker(books: BrokerBooks) -> dict[str, Any]:
    return {
        "transactions": books.transactions,
        "orders": books.orders,
        "buyAmount": books.buy_amount,
        "sellAmount": books.sell_amount,
    }


def _to_broker(stored: Mapping[str, Any]) -> BrokerBooks:
    return BrokerBooks(int(stored["transactions"]), int(stored["orders"]), stored["buyAmount"], stored["sellAmount"])
