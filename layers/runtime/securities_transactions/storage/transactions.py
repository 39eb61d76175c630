"""The Transactions table: one item a transaction, and every write a condition that decides.

The table's stream is the outbox: what a write changed is what is published, so state and the promise to publish it
commit together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from securities_transactions.domain.reconciliation import Change
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import (
    CHECK_SHARDS,
    Transaction,
    check_shard,
    needs_confirming,
    snapshot_attributes,
)
from securities_transactions.domain.webhook_verification import Doubt, Report, reconsider
from securities_transactions.storage.dynamodb import after_conflicts, of_attributes, to_attributes, update

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

NotLeased = Literal["busy", "done"]
Reported = Literal["accepted", "duplicate", "stale"] | Doubt

# Something reported while nothing was scheduled any more (a failed transaction trades after all) is looked at soon.
_REVIVED_CHECK = timedelta(minutes=1)


@dataclass(frozen=True)
class Pull:
    """Why a transaction is to be pulled.

    `due_at` names the check that was due, `doubted` says that a webhook about it was, and `smallcase_auth_id` is whose
    webhook asks, where one does.
    """

    transaction_id: str
    smallcase_auth_id: str | None = None
    due_at: str | None = None
    doubted: bool = False


@dataclass(frozen=True)
class Unreadable:
    """An item that is not a transaction as this version stores it, and why."""

    error: Exception


class Contended(Exception):
    """The transaction changed under every attempt to write: try again."""


class Transactions:
    """The Transactions table named `table`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.client = client
        self.table = table

    def get(self, transaction_id: str) -> Transaction | None:
        """The transaction as it is now: the read is consistent."""
        answer = self.client.get_item(
            TableName=self.table, Key={"transactionId": {"S": transaction_id}}, ConsistentRead=True
        )
        return Transaction.of_item(of_attributes(answer["Item"])) if "Item" in answer else None

    def get_many(self, transaction_ids: Sequence[str]) -> dict[str, Transaction | Unreadable]:
        """Those of at most 100 transactions that exist, by transactionId; one that cannot be read hides no other."""
        found: dict[str, Transaction | Unreadable] = {}
        keys = [{"transactionId": {"S": each}} for each in transaction_ids]
        while keys:
            answer = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}})
            for attributes in answer["Responses"].get(self.table, []):
                item = of_attributes(attributes)
                try:
                    found[item["transactionId"]] = Transaction.of_item(item)
                except (ArithmeticError, KeyError, TypeError, ValueError) as error:
                    found[item["transactionId"]] = Unreadable(error)
            left: Any = answer["UnprocessedKeys"].get(self.table)
            keys = left["Keys"] if left else []
        return found

    def report(self, report: Report, now: datetime, *, confirm: str, source: str = "webhook") -> Reported:
        """Write a reported snapshot if it is newer than what is stored and fits it; one conditional write decides.

        `confirm` is the CONFIRM setting. Raises botocore's `ClientError` for anything but the condition.
        """
        snapshot, stamp = report.snapshot, timestamp_text(now)
        changes = snapshot_attributes(snapshot)
        changes |= {
            "confirmation": "reported",
            "reportedAt": stamp,
            "source": source,
            "broker": report.broker,
        }
        changes |= {"smallcaseAuthId": report.smallcase_auth_id or None}
        removed: tuple[str, ...] = ("error",)
        kept = {
            "nextCheckAt": timestamp_text(now + _REVIVED_CHECK),
            "checkShard": check_shard(report.transaction_id),
        }
        if needs_confirming(snapshot, confirm):
            changes["pullRequestedAt"] = stamp
        elif confirm == "none" and snapshot.batch.is_final:
            changes["settledAt"] = stamp
            removed, kept = ("error", "nextCheckAt", "checkShard", "checks"), {}
        conditions = [
            "attribute_exists(transactionId)",
            "attribute_not_exists(settledAt)",
            "(attribute_not_exists(#revision) OR (#revision < :revision AND NOT contains(#revision, :digest)))",
            "(attribute_not_exists(#batchId) OR #batchId = :batchId)",
        ]
        values = {"digest": snapshot.digest}
        names = {}
        if report.smallcase_auth_id:
            conditions.append("(attribute_not_exists(#smallcaseAuthId) OR #smallcaseAuthId = :smallcaseAuthId)")
        if report.notes is not None:
            conditions.append("#notes = :notes")
            values["notes"] = report.notes
            names["#notes"] = "notes"
        stored = self._write(
            report.transaction_id,
            update(
                {name: value for name, value in changes.items() if value is not None},
                removed,
                keep=kept,
                counts=True,
                condition=" AND ".join(conditions),
                values=values,
                names=names,
            ),
        )
        if stored == "written":
            return "accepted"
        verdict = reconsider(report, stored)
        if verdict != "touch":
            return verdict
        touched = self._write(
            report.transaction_id,
            update(
                {"revision": snapshot.revision},
                condition="#revision < :revision AND contains(#revision, :digest) AND attribute_not_exists(settledAt)",
                values={"digest": snapshot.digest},
            ),
        )
        # Overtaken by something newer in between: then there is nothing left to touch.
        return "duplicate" if touched == "written" else "stale"

    def lease_pull(self, pull: Pull, now: datetime, interval: timedelta) -> Transaction | NotLeased | None:
        """The transaction, if it may be pulled now: at most once in `interval`, however many ask.

        The first reported outcome is pulled at once in spite of that, once. Who comes too early gets "busy", and a
        check is scheduled for when the interval is over unless one is due by then, so that no question is dropped.
        "done" where the check that was due has been made. `None` where the transaction is not stored.
        """
        stamp = timestamp_text(now)
        doubted: dict[str, Any] = {"doubtedAt": stamp, "checks": 0} if pull.doubted else {}
        condition, values = "attribute_exists(transactionId)", {"latest": timestamp_text(now - interval)}
        if pull.due_at is not None:
            condition, values["due"] = f"{condition} AND #nextCheckAt = :due", pull.due_at
        arguments = update(
            {"pulledAt": stamp} | doubted,
            condition=f"{condition} AND (attribute_not_exists(#pulledAt)"
            " OR #pulledAt < :latest OR #pulledAt = :pulledAt)",
            values=values,
            names={} if pull.due_at is None else {"#nextCheckAt": "nextCheckAt"},
        )
        stored = self._write(pull.transaction_id, arguments)
        if stored == "written":
            return self.get(pull.transaction_id)
        if stored is None:
            return None
        if pull.due_at not in (None, stored.nextCheckAt):
            return "done"
        if pull.due_at is None and stored.has_unconfirmed_outcome and self._lease_first_final(stored, stamp, doubted):
            return self.get(pull.transaction_id)
        if doubted:
            self._write(pull.transaction_id, update(doubted, condition="attribute_exists(transactionId)"))
        if pull.due_at is None:
            self._write(
                pull.transaction_id,
                update(
                    {"nextCheckAt": timestamp_text(now + interval), "checkShard": check_shard(pull.transaction_id)},
                    # What is planned sooner stands. What was due already is being answered by who asked before us.
                    condition="attribute_exists(transactionId) AND (attribute_not_exists(#nextCheckAt)"
                    " OR #nextCheckAt > :nextCheckAt OR #nextCheckAt <= :now)",
                    values={"now": stamp},
                ),
            )
        return "busy"

    def _lease_first_final(self, stored: Transaction, stamp: str, doubted: dict[str, Any]) -> bool:
        """Whether the first reported outcome of a transaction is pulled in spite of a pull a moment ago.

        The user waits for it, and what was pulled before, for the app's SDK response or for a forger, cannot have shown
        it. It is once in a transaction's life, so a flood of reports is no flood of pulls.
        """
        changes = {"pulledAt": stamp, "finalPulledAt": stamp} | doubted
        condition = "#version = :version AND (attribute_not_exists(#finalPulledAt) OR #finalPulledAt = :finalPulledAt)"
        values, names = {"version": stored.version}, {"#version": "version"}
        arguments = update(changes, condition=condition, values=values, names=names)
        return self._write(stored.transactionId, arguments) == "written"

    def apply(self, stored: Transaction, change: Change) -> bool:
        """Write `change` if the transaction still is as `stored`; False where something else changed it meanwhile."""
        if not change.set and not change.remove:
            return True
        found = self._write(stored.transactionId, self.change_arguments(stored, change))
        if found == "written":
            return True
        # A repeated request whose first answer was lost finds its own work done.
        if found is None or found.version != stored.version + change.counts:
            return False
        after = found.to_item()
        return all(after.get(name) == value for name, value in change.set.items()) and not any(
            after.get(name) for name in change.remove
        )

    def change_arguments(self, stored: Transaction, change: Change) -> dict[str, Any]:
        """The conditional update that `apply` makes, for a write of several items at once.

        A check that somebody scheduled, or a doubt that somebody had, meanwhile is not overwritten by who has not seen
        it.
        """
        condition, values = "#version = :version", dict[str, Any](version=stored.version)
        for name, seen in (("nextCheckAt", stored.nextCheckAt), ("doubtedAt", stored.doubtedAt)):
            if name in change.set or name in change.remove:
                condition += f" AND attribute_not_exists(#{name})" if seen is None else f" AND #{name} = :seen_{name}"
                values |= {} if seen is None else {f"seen_{name}": seen}
        return update(
            change.set,
            sorted(change.remove),
            counts=change.counts,
            condition=condition,
            values=values,
            names={"#version": "version"},
        )

    def request_pull(self, transaction_id: str, now: datetime, sdk_error: dict[str, Any] | None = None) -> bool:
        """Ask for the truth of a transaction, with the error that the SDK gave the user, if any."""
        changes: dict[str, Any] = {"pullRequestedAt": timestamp_text(now)}
        if sdk_error is not None:
            changes["sdkError"] = sdk_error
        return self._write(transaction_id, update(changes, condition="attribute_exists(transactionId)")) == "written"

    def due(self, now: datetime, limit: int) -> Iterator[tuple[str, str]]:
        """Each transactionId whose check is due, with since when; at most `limit` of each partition, the longest due
        first."""
        for shard in range(CHECK_SHARDS):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                IndexName="due",
                KeyConditionExpression="checkShard = :shard AND nextCheckAt <= :now",
                ExpressionAttributeValues=to_attributes({":shard": str(shard), ":now": timestamp_text(now)}),
                PaginationConfig={"MaxItems": limit},
            )
            for page in pages:
                for item in map(of_attributes, page["Items"]):
                    yield item["transactionId"], item["nextCheckAt"]

    def _write(self, transaction_id: str, arguments: dict[str, Any]) -> Transaction | Literal["written"] | None:
        """ "written", or the item that made the condition fail, `None` where there is none."""
        key: Any = {"transactionId": {"S": transaction_id}}
        try:
            after_conflicts(partial(self.client.update_item, TableName=self.table, Key=key, **arguments))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            old: Any = error.response.get("Item")
            return Transaction.of_item(of_attributes(old)) if old else None
        return "written"
