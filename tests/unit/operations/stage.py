"""A stage in memory: its tables, queues and bus, with the outputs that operations use."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Transaction
from securities_transactions.storage.dynamodb import to_attributes
from securities_transactions.storage.mapper import to_item
from tests.stream_mapping import Bucket
from tests.strict_messaging import StrictBus, check_message, check_message_batch

STAMP: Final = datetime(2026, 1, 15, tzinfo=UTC)
QUEUES: Final = ("FinalReports", "Pull", "Updates", "Positions", "Notifier")


def transaction(**changes: Any) -> Transaction:
    """A transaction that was just made, or as `changes` have it."""
    fields: dict[str, Any] = {
        "transaction_id": "T1",
        "user_id": "asha",
        "status": Status.CREATED,
        "version": 1,
        "created_at": STAMP,
        "expire_at": STAMP,
        "requested": Deferred.of({"orderConfig": {"type": "SECURITIES"}}),
    }
    return Transaction(**fields | changes)


def batch(status: str) -> Deferred[Batch]:
    """The batch of one order of three shares."""
    order = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": status, "quantity": 3}
    return Deferred.of(Batch.model_validate({"batchId": "b1", "orders": [order]}))


def stored(item: Transaction) -> dict[str, Any]:
    """The item of a transaction as DynamoDB returns it."""
    return to_attributes(to_item(item))


@dataclass
class Queues:
    """SQS: bodies by the queue's URL. What was received and is not deleted is not received again."""

    bodies: dict[str, list[str]] = field(default_factory=dict)
    # By the queue's URL and the message's place: what it was sent with, and what SQS says of it.
    attributes: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    system: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)
    received: set[tuple[str, int]] = field(default_factory=set)
    deleted: set[tuple[str, int]] = field(default_factory=set)

    def send_message(
        self, *, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        check_message("SendMessage", MessageBody)
        self.bodies.setdefault(QueueUrl, []).append(MessageBody)
        self.attributes[QueueUrl, len(self.bodies[QueueUrl]) - 1] = MessageAttributes or {}
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        check_message_batch(Entries)
        for entry in Entries:
            self.send_message(QueueUrl=QueueUrl, MessageBody=entry["MessageBody"])
        return {"Failed": []}

    def receive_message(self, *, QueueUrl: str, **_: Any) -> dict[str, Any]:
        for number, body in enumerate(self.bodies.get(QueueUrl, [])):
            if (QueueUrl, number) not in self.received | self.deleted:
                self.received.add((QueueUrl, number))
                message = {"MessageId": f"m{number}", "Body": body, "ReceiptHandle": str(number)}
                more = {"MessageAttributes": self.attributes.get((QueueUrl, number), {})}
                return {"Messages": [message | more | {"Attributes": self.system.get((QueueUrl, number), {})}]}
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        assert VisibilityTimeout == 0
        self.received.discard((QueueUrl, int(ReceiptHandle)))

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        self.deleted.add((QueueUrl, int(ReceiptHandle)))

    def left(self, url: str) -> list[str]:
        """The messages of a queue that are not deleted."""
        return [body for number, body in enumerate(self.bodies.get(url, [])) if (url, number) not in self.deleted]


@dataclass
class FakeStage:
    """A stage called dev. `tables` has the items of each as attribute values."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sqs: Queues = field(default_factory=Queues)
    events: StrictBus = field(default_factory=StrictBus)
    s3: Bucket = field(default_factory=Bucket)
    scans: dict[str, dict[str, Any]] = field(default_factory=dict)
    name: str = "dev"

    @property
    def dynamodb(self) -> "FakeStage":
        """DynamoDB."""
        return self

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of its stack."""
        queues = {f"{name}QueueUrl": f"queue of {name}" for name in QUEUES}
        dead = {f"{name}DeadLetterQueueUrl": f"dead of {name}" for name in (*QUEUES, "Publish")}
        tables = {"TransactionsTable": "transactions", "WebhooksTable": "webhooks"}
        others = {"EventBusName": "securities-transactions-dev", "DiscardedRecordsBucket": "discarded"}
        return others | tables | queues | dead

    def items(self, table: str, **scan: Any) -> Iterator[dict[str, Any]]:
        """Every item, with any filter, which is remembered."""
        self.scans[table] = scan
        yield from self.tables.get(table, [])

    def get_item(self, *, TableName: str, Key: Mapping[str, Any], ConsistentRead: bool) -> dict[str, Any]:
        """GetItem; reads are to be consistent."""
        assert ConsistentRead
        for item in self.tables.get(TableName, []):
            if Key.items() <= item.items():
                return {"Item": item}
        return {}
