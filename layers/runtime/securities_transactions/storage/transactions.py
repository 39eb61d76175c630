"""The Transactions table: one item per transaction, and a condition on every write.

The table's stream is the outbox: each write is published, so the state and its event commit together. This module
decides nothing: a failed condition returns the stored item, and the service decides.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from securities_transactions.domain.cases import CaseKey
from securities_transactions.domain.cause import Cause
from securities_transactions.domain.errors import NotFound
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.times import parse_time, timestamp_text
from securities_transactions.domain.transaction import Confirmation, SdkError, Transaction
from securities_transactions.domain.transitions import Report, Transition
from securities_transactions.storage import mapper
from securities_transactions.storage.dynamodb import (
    Pause,
    after_conflicts,
    condition_failed,
    of_attributes,
    present,
    to_attributes,
    update,
)
from securities_transactions.storage.mapper import CHECK_ATTRIBUTES, CHECK_SHARDS, OPEN, Attribute

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

A = Attribute
# The index of those that need a person, sorted by `escalatedAt`.
CASES: Final = "cases"
# Something reported while no check is scheduled any more (a failed transaction trades after all) is checked soon.
_REVIVED_CHECK = timedelta(minutes=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Written:
    """The write succeeded."""


@dataclass(frozen=True)
class ConditionFailed:
    """The condition of the write failed because of `stored`; `None` if nothing is stored."""

    stored: Transaction | None


@dataclass(frozen=True)
class Unreadable:
    """An item that is not a valid transaction for this version, and the error."""

    error: Exception


@dataclass(frozen=True)
class Leased:
    """The caller, and no other, may pull the transaction now."""

    transaction: Transaction


@dataclass(frozen=True)
class Busy:
    """The last pull of the transaction was a moment ago.

    `scheduled_at` is the check that this request has scheduled for when its lease ends; `None` where one was due by
    then already.
    """

    scheduled_at: datetime | None = None


@dataclass(frozen=True)
class IndexPage:
    """The transactions of a page of an index, and its last entry, where another page may follow."""

    transaction_ids: Sequence[str]
    last: str | None


class NotLeased(Enum):
    """The reason why a transaction must not be pulled now."""

    DONE = "done"
    NOT_STORED = "not stored"


class Transactions:
    """The Transactions table named `table`. `pause(attempt)` waits before a write is retried after a conflict."""

    def __init__(self, client: "DynamoDBClient", table: str, pause: Pause) -> None:
        self.client = client
        self.table = table
        self.pause = pause

    def get(self, transaction_id: str) -> Transaction | None:
        """The current transaction, with a consistent read."""
        response = self.client.get_item(TableName=self.table, Key=_key(transaction_id), ConsistentRead=True)
        return mapper.of_item(of_attributes(response["Item"])) if "Item" in response else None

    def visible(self, transaction_id: str, may_see: Callable[[str], bool]) -> Transaction:
        """The transaction as it is now. `may_see` is called with its user.

        `NotFound` where it does not exist or is not to be seen: which of the two is not said.
        """
        transaction = self.get(transaction_id)
        if transaction is None or not may_see(transaction.user_id):
            raise NotFound("there is no such transaction of yours")
        return transaction

    def get_many(self, transaction_ids: Sequence[str]) -> dict[str, Transaction | Unreadable]:
        """The existing ones of at most 100 transactions, by transactionId.

        An unreadable one does not affect the others.
        """
        found: dict[str, Transaction | Unreadable] = {}
        keys = [_key(each) for each in transaction_ids]
        while keys:
            response = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}})
            for attributes in response["Responses"].get(self.table, []):
                item = of_attributes(attributes)
                try:
                    found[item[A.TRANSACTION_ID]] = mapper.of_item(item)
                except (ArithmeticError, KeyError, TypeError, ValueError) as error:
                    found[item[A.TRANSACTION_ID]] = Unreadable(error)
            left: Any = response["UnprocessedKeys"].get(self.table)
            keys = left["Keys"] if left else []
        return found

    def report(self, report: Report) -> Written | ConditionFailed:
        """Write a reported snapshot if it is newer than the stored one and fits it. One conditional write decides.

        Raises botocore's `ClientError` for any other failure than the condition.
        """
        snapshot, stamp = report.snapshot, timestamp_text(report.at)
        changes = mapper.snapshot_changes(snapshot) | {
            A.CONFIRMATION: Confirmation.REPORTED.value,
            A.REPORTED_AT: stamp,
            A.SOURCE: report.source.value,
            A.CAUSE: None if report.cause is None else mapper.of_cause(report.cause),
            A.SMALLCASE_AUTH_ID: report.smallcase_auth_id or None,
        }
        removed: frozenset[str] = frozenset({A.ERROR})
        kept = mapper.check_changes(report.transaction_id, report.at + _REVIVED_CHECK)
        if report.broker is not None:
            kept[A.BROKER] = report.broker  # a pull or a token may have set it
        if report.requests_pull:
            changes[A.PULL_REQUESTED_AT] = stamp
        elif report.requests_first_pull:
            kept[A.PULL_REQUESTED_AT] = stamp
        if report.settles:
            changes |= {A.SETTLED_AT: stamp} | mapper.book_changes(report.transaction_id, report.at)
            removed, kept = removed | CHECK_ATTRIBUTES, {name: kept[name] for name in kept.keys() - CHECK_ATTRIBUTES}
        conditions = [
            f"attribute_exists({A.TRANSACTION_ID})",
            f"attribute_not_exists({A.SETTLED_AT})",
            (
                f"(attribute_not_exists(#{A.REVISION})"
                f" OR (#{A.REVISION} < :floor AND NOT contains(#{A.REVISION}, :digest)))"
            ),
            f"(attribute_not_exists(#{A.BATCH_ID}) OR #{A.BATCH_ID} = :{A.BATCH_ID})",
        ]
        values, names = {"digest": snapshot.digest, "floor": snapshot.revision.floor}, {}
        if report.smallcase_auth_id:
            conditions.append(
                f"(attribute_not_exists(#{A.SMALLCASE_AUTH_ID}) OR #{A.SMALLCASE_AUTH_ID} = :{A.SMALLCASE_AUTH_ID})"
            )
        if report.user_id is not None:
            conditions.append(f"#{A.NOTES} = :{A.NOTES}")
            values[A.NOTES], names[f"#{A.NOTES}"] = report.user_id, A.NOTES
        return self._write(
            report.transaction_id,
            update(
                present(changes),
                sorted(removed),
                keep=kept,
                bumps_version=True,
                condition=" AND ".join(conditions),
                values=values,
                names=names,
            ),
        )

    def restate(self, report: Report) -> bool:
        """Advance the revision to a later timestamp of the same content.

        Returns False if a newer state was written first.
        """
        condition = (
            f"#{A.REVISION} < :{A.REVISION} AND contains(#{A.REVISION}, :digest)"
            f" AND attribute_not_exists({A.SETTLED_AT})"
        )
        values = {"digest": report.snapshot.digest}
        changes: dict[str, Any] = {A.REVISION: report.snapshot.revision.text}
        written = self._write(report.transaction_id, update(changes, condition=condition, values=values))
        return isinstance(written, Written)

    def lease_pull(self, request: PullRequest, now: datetime, interval: timedelta) -> Leased | Busy | NotLeased:
        """Lease a transaction for a pull: at most one in `interval`, however many are requested.

        The first reported outcome is pulled at once in spite of that, once. Returns `Busy` if the last pull is younger
        than `interval`, and schedules a check for when that is over unless one is due by then, so that the request is
        not lost. DONE where the check that was due has been made.
        """
        stamp, id_ = timestamp_text(now), request.transaction_id
        # One suspicion is open at a time: a second one must not delay the outcome of the first.
        suspected: dict[str, Any] = {A.SUSPECTED_AT: stamp} if request.suspicious else {}
        condition, values = f"attribute_exists({A.TRANSACTION_ID})", {"latest": timestamp_text(now - interval)}
        names = {}
        if request.due_at is not None:
            condition, values["due"] = f"{condition} AND #{A.NEXT_CHECK_AT} = :due", timestamp_text(request.due_at)
            names[f"#{A.NEXT_CHECK_AT}"] = A.NEXT_CHECK_AT
        arguments = update(
            {A.PULLED_AT: stamp},
            keep=suspected,
            condition=f"{condition} AND (attribute_not_exists(#{A.PULLED_AT})"
            f" OR #{A.PULLED_AT} < :latest OR #{A.PULLED_AT} = :{A.PULLED_AT})",
            values=values,
            names=names,
        )
        leased = self._lease(id_, arguments)
        if isinstance(leased, Leased):
            return leased
        stored = leased.stored
        if stored is None:
            return NotLeased.NOT_STORED
        if request.due_at not in (None, stored.next_check_at):
            return NotLeased.DONE
        first_outcome = request.due_at is None and stored.has_unconfirmed_outcome
        if first_outcome:
            leased = self._lease_first_outcome(stored, stamp, suspected)
            if isinstance(leased, Leased):
                return leased
        if suspected:
            self._write(id_, update({}, keep=suspected, condition=f"attribute_exists({A.TRANSACTION_ID})"))
        if request.due_at is not None:
            return Busy()
        # Times are stored in milliseconds, and a lease is over only after its last one.
        end = max(now, (stored.pulled_at or now) + interval) + _MILLISECOND
        return Busy(end if self.schedule_soon(id_, now, end) else None)

    def _lease(self, transaction_id: str, arguments: dict[str, Any]) -> Leased | ConditionFailed:
        """Make the update of a lease: the transaction as it is with it, in the response to the same call."""
        write = partial(
            self.client.update_item,
            TableName=self.table,
            Key=_key(transaction_id),
            ReturnValues="ALL_NEW",
            **arguments,
        )
        try:
            response = after_conflicts(write, self.pause)
        except ClientError as error:
            found = _stored(error)
            return ConditionFailed(mapper.of_item(found) if found else None)
        return Leased(mapper.of_item(of_attributes(response["Attributes"])))

    def _lease_first_outcome(
        self, stored: Transaction, stamp: str, suspected: Mapping[str, Any]
    ) -> Leased | ConditionFailed:
        """Lease the first reported outcome of a transaction in spite of a pull a moment ago.

        The user waits for this outcome, and an earlier pull, for the app's SDK response or for a forged webhook, cannot
        have shown it. It happens once per transaction, so a flood of reports is not a flood of pulls. If botocore
        retries the request after a lost response, the retry finds its own write and succeeds.
        """
        arguments = update(
            {A.PULLED_AT: stamp, A.FINAL_PULLED_AT: stamp},
            keep=suspected,
            condition=f"#{A.VERSION} = :{A.VERSION} AND (attribute_not_exists(#{A.FINAL_PULLED_AT})"
            f" OR #{A.FINAL_PULLED_AT} = :{A.FINAL_PULLED_AT})",
            values={A.VERSION: stored.version},
            names={f"#{A.VERSION}": A.VERSION},
        )
        return self._lease(stored.transaction_id, arguments)

    def schedule_soon(self, transaction_id: str, now: datetime, at: datetime) -> bool:
        """Schedule a check at `at` (UTC) unless one is due between `now` and then; True if it was written.

        A check that is due already belongs to another request, or has a time that cannot be read.
        """
        written = self._write(
            transaction_id,
            update(
                mapper.check_changes(transaction_id, at),
                condition=f"attribute_exists({A.TRANSACTION_ID}) AND (attribute_not_exists(#{A.NEXT_CHECK_AT})"
                f" OR #{A.NEXT_CHECK_AT} > :{A.NEXT_CHECK_AT} OR #{A.NEXT_CHECK_AT} <= :now)",
                values={"now": timestamp_text(now)},
            ),
        )
        return isinstance(written, Written)

    def apply(self, stored: Transaction, transition: Transition) -> bool:
        """Write `transition` if the transaction still equals `stored`.

        Returns False if a concurrent writer changed it.
        """
        if transition.changes_nothing:
            return True
        found = self._update(stored.transaction_id, self.transition_arguments(stored, transition))
        if found is None:
            return True
        # A retry after a lost response finds its own write.
        if found.get(A.VERSION) != stored.version + transition.bumps_version:
            return False
        # Encoded a second time, and only here: it encodes the complete batch.
        changes = mapper.changes_of(transition, stored.transaction_id)
        same = all(found.get(name) == value for name, value in changes.set.items())
        return same and not any(found.get(name) for name in changes.remove)

    def transition_arguments(self, stored: Transaction, transition: Transition) -> dict[str, Any]:
        """The conditional update of `apply`, for a write of several items.

        It does not overwrite a check, a suspicion or an account that a concurrent writer stored and this one has not
        seen: none of them raises the version.
        """
        changes = mapper.changes_of(transition, stored.transaction_id)
        condition, values = f"#{A.VERSION} = :{A.VERSION}", dict[str, Any]({A.VERSION: stored.version})
        for name, seen in mapper.seen(stored).items():
            if name in changes.set or name in changes.remove:
                condition += f" AND attribute_not_exists(#{name})" if seen is None else f" AND #{name} = :seen_{name}"
                values |= {} if seen is None else {f"seen_{name}": seen}
        return update(
            {**changes.set, **mapper.booking(stored, transition)},
            sorted(changes.remove),
            bumps_version=transition.bumps_version,
            condition=condition,
            values=values,
            names={f"#{A.VERSION}": A.VERSION},
        )

    def request_pull(
        self, transaction_id: str, now: datetime, sdk_error: SdkError | None, cause: Cause | None = None
    ) -> None:
        """Store the SDK's error, if any, and request a pull. A deleted transaction stays deleted."""
        changes = mapper.changes_of(Transition(pull_requested_at=now, sdk_error=sdk_error, cause=cause), transaction_id)
        self._write(transaction_id, update(changes.set, condition=f"attribute_exists({A.TRANSACTION_ID})"))

    def suspect(self, transaction_id: str, now: datetime) -> bool:
        """Open a suspicion and request a pull. Returns False if one is open or the transaction is not stored."""
        stamp = timestamp_text(now)
        condition = f"attribute_exists({A.TRANSACTION_ID}) AND attribute_not_exists(#{A.SUSPECTED_AT})"
        written = self._update(
            transaction_id, update({A.SUSPECTED_AT: stamp, A.PULL_REQUESTED_AT: stamp}, condition=condition)
        )
        return written is None

    def postpone(self, transaction_id: str, due_at: datetime, until: datetime) -> bool:
        """Move the check that was due at `due_at`, also of an unreadable item; False where it was moved meanwhile."""
        found = self._update(
            transaction_id,
            update(
                {A.NEXT_CHECK_AT: timestamp_text(until)},
                condition=f"#{A.NEXT_CHECK_AT} = :due OR #{A.NEXT_CHECK_AT} = :{A.NEXT_CHECK_AT}",
                values={"due": timestamp_text(due_at)},
            ),
        )
        return found is None

    def schedule_check(self, transaction_id: str, at: datetime) -> None:
        """Schedule a check for `at` at the latest."""
        self._write(
            transaction_id,
            update(
                mapper.check_changes(transaction_id, at),
                condition=f"attribute_exists({A.TRANSACTION_ID}) AND (attribute_not_exists(#{A.NEXT_CHECK_AT})"
                f" OR #{A.NEXT_CHECK_AT} > :{A.NEXT_CHECK_AT})",
            ),
        )

    def booked(self, shard: int, since: datetime, until: datetime, after: str | None, limit: int) -> IndexPage:
        """A page of one partition of the books: what was first over after `since` and at `until` at the latest."""
        return self._index_page(
            "booked",
            (A.BOOK_SHARD, A.BOOKED_AT),
            f"{A.BOOK_SHARD} = :shard AND {A.BOOKED_AT} BETWEEN :since AND :until",
            {
                ":shard": str(shard),
                ":since": timestamp_text(since + timedelta(milliseconds=1)),
                ":until": timestamp_text(until),
            },
            after,
            limit,
        )

    def scheduled(self, shard: int, after: str | None, limit: int) -> IndexPage:
        """A page of one partition of the scheduled checks, whenever they are due."""
        keys = (A.CHECK_SHARD, A.NEXT_CHECK_AT)
        return self._index_page("due", keys, f"{A.CHECK_SHARD} = :shard", {":shard": str(shard)}, after, limit)

    def _index_page(
        self,
        index: str,
        keys: tuple[Attribute, Attribute],
        condition: str,
        values: Mapping[str, Any],
        after: str | None,
        limit: int,
    ) -> IndexPage:
        shard, sort = keys
        start: dict[str, Any] = {}
        if after is not None:
            sorted_by, _, transaction_id = after.partition(" ")
            key = {shard.value: values[":shard"], sort.value: sorted_by, A.TRANSACTION_ID.value: transaction_id}
            start["ExclusiveStartKey"] = to_attributes(key)
        response = self.client.query(
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_attributes(values),
            Limit=limit,
            **start,
        )
        last = response.get("LastEvaluatedKey")
        found = of_attributes(last) if last else {}
        return IndexPage(
            [of_attributes(item)[A.TRANSACTION_ID] for item in response["Items"]],
            f"{found[sort]} {found[A.TRANSACTION_ID]}" if found else None,
        )

    def due(self, now: datetime, limit: int) -> Iterator[PullRequest]:
        """The due checks, at most `limit` per partition, longest due first.

        A request has no `due_at` where the stored time is not written as this project writes times: no condition on
        that time would hold.
        """
        for shard in range(CHECK_SHARDS):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                IndexName="due",
                KeyConditionExpression=f"{A.CHECK_SHARD} = :shard AND {A.NEXT_CHECK_AT} <= :now",
                ExpressionAttributeValues=to_attributes({":shard": str(shard), ":now": timestamp_text(now)}),
                PaginationConfig={"MaxItems": limit},
            )
            for page in pages:
                for item in map(of_attributes, page["Items"]):
                    yield PullRequest(item[A.TRANSACTION_ID], due_at=_as_written(item[A.NEXT_CHECK_AT]))

    def case_page(self, limit: int, after: CaseKey | None) -> tuple[list[CaseKey], CaseKey | None]:
        """At most `limit` entries of the index of open cases, longest open first, and where the next page begins."""
        start: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": to_attributes(_index_key(after))}
        page = self.client.query(
            TableName=self.table,
            IndexName=CASES,
            KeyConditionExpression=f"{A.OPEN_CASE} = :open",
            ExpressionAttributeValues={":open": {"S": OPEN}},
            Limit=limit,
            **start,
        )
        last = page.get("LastEvaluatedKey")
        return [_case_key(each) for each in page["Items"]], None if last is None else _case_key(last)

    def open_cases(self) -> Iterator[str]:
        """The transactions that need a person, those first that have needed one for longest."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=CASES,
            KeyConditionExpression=f"{A.OPEN_CASE} = :open",
            ExpressionAttributeValues={":open": {"S": OPEN}},
        )
        for page in pages:
            for item in map(of_attributes, page["Items"]):
                yield str(item[A.TRANSACTION_ID])

    def _write(self, transaction_id: str, arguments: dict[str, Any]) -> Written | ConditionFailed:
        found = self._update(transaction_id, arguments)
        if found is None:
            return Written()
        return ConditionFailed(mapper.of_item(found) if found else None)

    def _update(self, transaction_id: str, arguments: dict[str, Any]) -> Mapping[str, Any] | None:
        """Update the item. Returns `None` on success, or the item that failed the condition, empty if there is none."""
        key: Any = _key(transaction_id)
        try:
            after_conflicts(partial(self.client.update_item, TableName=self.table, Key=key, **arguments), self.pause)
        except ClientError as error:
            return _stored(error)
        return None


def _stored(error: ClientError) -> Mapping[str, Any]:
    """The item that made a condition fail, empty where there is none; raises any other error."""
    if not condition_failed(error):
        raise error
    return of_attributes(error.response.get("Item", {}))  # type: ignore[arg-type]  # the stubs do not know it


def _case_key(attributes: Mapping[str, Any]) -> CaseKey:
    item = of_attributes(attributes)
    return CaseKey(str(item[A.ESCALATED_AT]), str(item[A.TRANSACTION_ID]))


def _index_key(case: CaseKey) -> dict[str, Any]:
    return {A.OPEN_CASE: OPEN, A.ESCALATED_AT: case.since, A.TRANSACTION_ID: case.transaction_id}


def _as_written(text: str) -> datetime | None:
    """The time in `text` if it is written as `timestamp_text` writes it."""
    at = parse_time(text)
    return at if at is not None and timestamp_text(at) == text else None


def _key(transaction_id: str) -> dict[str, Any]:
    return {A.TRANSACTION_ID.value: {"S": transaction_id}}
