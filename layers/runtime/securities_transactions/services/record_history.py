"""Recording the history of transactions: a second reader of the table's stream, beside the publisher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from securities_transactions import logging
from securities_transactions.domain import history
from securities_transactions.domain.history import Entry
from securities_transactions.domain.transaction import Transaction
from securities_transactions.events.builder import changed_orders
from securities_transactions.storage import mapper
from securities_transactions.storage.case_mapper import of_resolution, of_work
from securities_transactions.storage.dynamodb import of_attributes, present
from securities_transactions.storage.history import History

Record = Mapping[str, Any]

_logger = logging.logger()


@dataclass(frozen=True)
class RecordHistory:
    """Writes the entries that record batches amount to."""

    history: History

    def record(self, records: Sequence[Record]) -> int:
        """Return the number of entries written. A record batch that is delivered again writes the same entries again.

        An item that cannot be read is recorded as such, so that it holds back no other transaction's history. Raises
        `NotWritten` and botocore's errors where the table does not take the entries: the stream delivers them again.
        """
        entries = [entry for entry in map(self._entry, records) if entry is not None]
        self.history.put(entries)
        return len(entries)

    def _entry(self, record: Record) -> Entry | None:
        try:
            return entry_of(record)
        except Exception as error:  # one poison record must not hold back every other transaction until it expires
            _logger.exception("a change cannot be read", extra={"transaction_id": transaction_of(record)})
            return unreadable(record, error)


def entry_of(record: Record) -> Entry | None:
    """The entry that a stream record amounts to; `None` for a deletion and for what history does not record."""
    images = record["dynamodb"]
    if "NewImage" not in images:
        return None
    item = of_attributes(images["NewImage"])
    old = mapper.of_item(of_attributes(images["OldImage"])) if "OldImage" in images else None
    new = mapper.of_item(item)
    changed = history.changed(old, new)
    if changed is None:
        return None
    return Entry(
        transaction_id=new.transaction_id,
        version=new.version,
        sequence=str(images["SequenceNumber"]),
        at=changed.at,
        facts=facts(changed.change, old, new),
        cause=new.cause,
    )


def facts(change: history.Change, old: Transaction | None, new: Transaction) -> dict[str, Any]:
    """Return the stored facts of a change. None names the user or the user's account."""
    found: dict[str, Any] = {
        "change": change.value,
        "status": new.status.value,
        "settled": new.is_settled,
        "confirmation": new.confirmation and new.confirmation.value,
        "broker": new.broker,
        "gatewayStatus": new.gateway_status and new.gateway_status.value,
        "batchId": new.batch_id,
    }
    if old is not None and old.status != new.status:
        found["previousStatus"] = old.status.value
    if old is not None and old.escalated_at != new.escalated_at and new.escalation is not None:
        found["reason"] = new.escalation.value
    if new.resolution is not None and (old is None or old.resolution != new.resolution):
        found["resolution"] = of_resolution(new.resolution)
    if new.case is not None and (old is None or old.case != new.case):
        found["case"] = of_work(new.case)
    if new.failure is not None:
        found["error"] = {"reason": new.failure.reason.value, **new.failure.error.given}
    if new.sdk_error is not None and (old is None or old.sdk_error != new.sdk_error):
        found["sdkError"] = new.sdk_error.given
    if new.account is not None and (old is None or old.account != new.account):
        found["account"] = new.account.value
    if new.batch is not None and (old is None or old.revision != new.revision):
        changes = changed_orders(old.batch if old else None, new.batch)
        found["orders"] = [each.model_dump(exclude_defaults=True) for each in changes]
    return present(found)


def unreadable(record: Record, error: Exception) -> Entry:
    """The entry for a record whose item cannot be read. Its key is the record's: it may be delivered again."""
    images = record["dynamodb"]
    version = images["NewImage"].get("version", {}).get("N", "0")
    return Entry(
        transaction_id=transaction_of(record),
        version=int(version) if version.isdigit() else 0,
        sequence=str(images["SequenceNumber"]),
        at=datetime.fromtimestamp(images["ApproximateCreationDateTime"], UTC),
        facts={"change": history.Change.UNREADABLE.value, "error": {"message": type(error).__name__}},
    )


def transaction_of(record: Record) -> str:
    """The transaction that a record is about: its key, which DynamoDB guarantees."""
    return str(record["dynamodb"]["Keys"]["transactionId"]["S"])
