"""The Transactions table: one item a transaction, and every write a condition that decides.

The table's stream is the outbox: what a write changed is what is published, so state and the promise to publish it
commit together.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from sst.settling import Change
from sst.tables.dynamo import of_attributes, to_attributes, update
from sst.times import timestamp_text
from sst.transaction import (
    CHECK_SHARDS,
    Transaction,
    check_shard,
    needs_confirming,
    snapshot_attributes,
)
from sst.verdict import Doubt, Report, reconsider

if TYPE_CHECKING:
    from sst.tables.dynamo import DynamoDBClient

Reported = Literal["accepted", "duplicate", "stale"] | Doubt

# Something reported while nothing was scheduled any more (a failed transaction trades after all) is looked at soon.
_REVIVED_CHECK = timedelta(minutes=1)


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

    def get_many(self, transaction_ids: Sequence[str]) -> dict[str, Transaction]:
        """Those of at most 100 transactions that exist, by transactionId."""
        found: dict[str, Transaction] = {}
        keys = [{"transactionId": {"S": each}} for each in transaction_ids]
        while keys:
            answer = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}})
            for attributes in answer["Responses"].get(self.table, []):
                transaction = Transaction.of_item(of_attributes(attributes))
                found[transaction.transactionId] = transaction
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

    def lease_pull(
        self, transaction_id: str, now: datetime, interval: timedelta
    ) -> Transaction | Literal["busy"] | None:
        """The transaction, if it may be pulled now: at most once in `interval`, however many ask.

        Who comes too early gets "busy", and a check is scheduled for when the interval is over unless one is due by
        then, so that no question is dropped. `None` where it is not stored.
        """
        stamp = timestamp_text(now)
        arguments = update(
            {"pulledAt": stamp},
            condition="attribute_exists(transactionId) AND (attribute_not_exists(#pulledAt)"
            " OR #pulledAt < :latest OR #pulledAt = :pulledAt)",
            values={"latest": timestamp_text(now - interval)},
        )
        stored = self._write(transaction_id, arguments)
        if stored == "written":
            return self.get(transaction_id)
        if stored is None:
            return None
        due = timestamp_text(now + interval)
        if stored.nextCheckAt is None or stored.nextCheckAt > due:
            self._write(
                transaction_id,
                update(
                    {"nextCheckAt": due, "checkShard": check_shard(transaction_id)},
                    # Somebody may have planned an earlier one since.
                    condition="attribute_exists(transactionId)"
                    " AND (attribute_not_exists(#nextCheckAt) OR #nextCheckAt > :nextCheckAt)",
                ),
            )
        return "busy"

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

        A check that somebody scheduled meanwhile is not overwritten by who has not seen it.
        """
        condition, values = "#version = :version", dict[str, Any](version=stored.version)
        if "nextCheckAt" in change.set or "nextCheckAt" in change.remove:
            condition += " AND " + (
                "attribute_not_exists(#nextCheckAt)" if stored.nextCheckAt is None else "#nextCheckAt = :planned"
            )
            values |= {} if stored.nextCheckAt is None else {"planned": stored.nextCheckAt}
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

    def due(self, now: datetime, limit: int) -> Iterator[str]:
        """The transactionIds whose check is due, at most `limit` of each partition, the longest due first."""
        for shard in range(CHECK_SHARDS):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                IndexName="due",
                KeyConditionExpression="checkShard = :shard AND nextCheckAt <= :now",
                ExpressionAttributeValues=to_attributes({":shard": str(shard), ":now": timestamp_text(now)}),
                PaginationConfig={"MaxItems": limit},
            )
            for page in pages:
                yield from (str(of_attributes(item)["transactionId"]) for item in page["Items"])

    def _write(self, transaction_id: str, arguments: dict[str, Any]) -> Transaction | Literal["written"] | None:
        """ "written", or the item that made the condition fail, `None` where there is none."""
        try:
            self.client.update_item(TableName=self.table, Key={"transactionId": {"S": transaction_id}}, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            old: Any = error.response.get("Item")
            return Transaction.of_item(of_attributes(old)) if old else None
        return "written"
