"""Storage that misbehaves: subclasses of the product's storage classes, and clients that change what they are given."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.revision import MonotonicPart, Progress, Revision, Snapshot
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.domain.transitions import ClaimAccount, Confirm, Report, Settle, Transition
from securities_transactions.domain.webhook_verification import Suspicious, Unrelated
from securities_transactions.storage import mapper
from securities_transactions.storage.adoption_leases import AdoptionLeases
from securities_transactions.storage.dynamodb import update
from securities_transactions.storage.transactions import (
    Busy,
    ConditionFailed,
    IndexPage,
    Leased,
    NotLeased,
    Transactions,
    Written,
)
from securities_transactions.storage.users import Users
from securities_transactions.storage.webhooks import Webhooks

_EXISTS: Final = "attribute_exists(transactionId)"
_CONDITION_OF_A_PUT: Final = ("ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues")


class ChangedClient:
    """A client of which some operations are replaced."""

    def __init__(self, client: Any, **operations: Callable[..., Any]) -> None:
        self._client = client
        vars(self).update(operations)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def unconditional_updates(client: Any) -> Any:
    """A client that updates an item without its condition."""

    def update_item(**arguments: Any) -> Any:
        used = set(re.findall(r"[#:]\w+", arguments["UpdateExpression"]))
        for name in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            arguments[name] = {key: value for key, value in arguments.get(name, {}).items() if key in used}
        return client.update_item(**arguments | {"ConditionExpression": _EXISTS})

    return ChangedClient(client, update_item=update_item)


def unconditional_puts(client: Any, table: str) -> Any:
    """A client that puts items into `table` without their condition, in DynamoDB transactions."""

    def without_condition(request: Mapping[str, Any]) -> Mapping[str, Any]:
        if request.get("Put", {}).get("TableName") != table:
            return request
        return {"Put": {name: value for name, value in request["Put"].items() if name not in _CONDITION_OF_A_PUT}}

    def transact_write_items(*, TransactItems: Iterable[Mapping[str, Any]]) -> Any:
        return client.transact_write_items(TransactItems=[without_condition(each) for each in TransactItems])

    return ChangedClient(client, transact_write_items=transact_write_items)


# --- the Transactions table


class SettlesReports(Transactions):
    """Settles what a webhook reports."""

    def report(self, report: Report) -> Written | ConditionFailed:
        final = report.snapshot.batch.is_final
        return super().report(replace(report, settles=final, requests_pull=report.requests_pull and not final))


class IgnoresRevisions(Transactions):
    """Writes a report over a newer one of the same batch."""

    def report(self, report: Report) -> Written | ConditionFailed:
        written = super().report(report)
        if isinstance(written, Written) or not _differs_in_content_alone(report, written.stored):
            return written
        return Transactions(unconditional_updates(self.client), self.table, self.pause).report(report)


def _differs_in_content_alone(report: Report, stored: Transaction | None) -> bool:
    return (
        stored is not None
        and stored.smallcase_auth_id in (None, report.smallcase_auth_id)
        and report.user_id in (None, stored.user_id)
        and stored.batch_id in (None, report.snapshot.batch.batchId)
        and (stored.revision is None or stored.revision.digest != report.snapshot.digest)
    )


class DropsSeenChecksums(Transactions):
    """Drops a report whose timestamp and smallcaseAuthId, which the checksum covers, were written within a day."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._seen: dict[tuple[datetime, str], datetime] = {}

    def report(self, report: Report) -> Written | ConditionFailed:
        key = report.snapshot.stated_at, report.smallcase_auth_id
        if key in self._seen and report.at - self._seen[key] < timedelta(days=1):
            return Written()
        written = super().report(report)
        self._seen[key] = report.at
        return written


@dataclass(frozen=True)
class TimedSnapshot(Snapshot):
    """A snapshot whose revision is its timestamp alone."""

    @property
    def revision(self) -> Revision:
        return Revision(Progress(MonotonicPart(all_final=False, final=0, filled=0), 0), self.stated_at, self.digest)


@dataclass(frozen=True)
class UnmovedSnapshot(Snapshot):
    """A snapshot whose revision does not count the orders that have left PLACED."""

    @property
    def revision(self) -> Revision:
        return Revision(replace(self.progress, moved=0), self.stated_at, self.digest)


class ChangesRevisions(Transactions):
    """Orders snapshots by the revision of `kind`."""

    kind: type[Snapshot]

    def report(self, report: Report) -> Written | ConditionFailed:
        return super().report(replace(report, snapshot=self._changed(report.snapshot)))

    def apply(self, stored: Transaction, transition: Transition) -> bool:
        return super().apply(stored, self._with_revision(transition))

    def transition_arguments(self, stored: Transaction, transition: Transition) -> dict[str, Any]:
        return super().transition_arguments(stored, self._with_revision(transition))

    def _with_revision(self, transition: Transition) -> Transition:
        outcome = transition.outcome
        if not isinstance(outcome, Confirm | Settle):
            return transition
        return replace(transition, outcome=replace(outcome, snapshot=self._changed(outcome.snapshot)))

    def _changed(self, snapshot: Snapshot) -> Snapshot:
        return self.kind(snapshot.batch, snapshot.stated_at)


class ComparesTimestamps(ChangesRevisions):
    """Takes the snapshot that was stated last for the newest."""

    kind = TimedSnapshot


class IgnoresMovedOrders(ChangesRevisions):
    """Takes an order at ERROR for no newer than a placed one."""

    kind = UnmovedSnapshot


class SchedulesNothing(Transactions):
    """Lets the closing count what is stored without a check."""

    def schedule_check(self, transaction_id: str, at: datetime) -> None:
        pass


class ReadsOnePartition(Transactions):
    """Reads one partition of the books."""

    def booked(self, shard: int, since: datetime, until: datetime, after: str | None, limit: int) -> IndexPage:
        return super().booked(shard, since, until, after, limit) if shard == 0 else IndexPage((), None)


class OverwritesTransitions(Transactions):
    """Writes transitions over what changed since the transaction was read."""

    def transition_arguments(self, stored: Transaction, transition: Transition) -> dict[str, Any]:
        changes = mapper.changes_of(transition, stored.transaction_id)
        return update(changes.set, sorted(changes.remove), bumps_version=transition.bumps_version, condition=_EXISTS)


class AddsVersions(Transactions):
    """Counts versions with ADD, so that a repeated request counts twice."""

    def transition_arguments(self, stored: Transaction, transition: Transition) -> dict[str, Any]:
        changes = mapper.changes_of(transition, stored.transaction_id)
        arguments = update(changes.set, sorted(changes.remove), condition=_EXISTS)
        if transition.bumps_version:
            arguments["UpdateExpression"] = f"{arguments['UpdateExpression']} ADD version :step".strip()
            arguments["ExpressionAttributeValues"] = {
                **arguments.get("ExpressionAttributeValues", {}),
                ":step": {"N": "1"},
            }
        return arguments


class ClaimsNewerVersions(Transactions):
    """Takes any newer version for its own write."""

    def apply(self, stored: Transaction, transition: Transition) -> bool:
        if super().apply(stored, transition):
            return True
        found = self.get(stored.transaction_id)
        return found is not None and found.version > stored.version


class LeasesAlways(Transactions):
    """Leases a transaction for a pull however many are requested."""

    def lease_pull(self, request: PullRequest, now: datetime, interval: timedelta) -> Leased | Busy | NotLeased:
        return super().lease_pull(request, now, timedelta())


class RejectsRepeatedLeases(Transactions):
    """Does not recognize its own lease when botocore repeats the request."""

    def lease_pull(self, request: PullRequest, now: datetime, interval: timedelta) -> Leased | Busy | NotLeased:
        leases = iter([True])

        def update_item(**arguments: Any) -> Any:
            if next(leases, False):
                condition = arguments["ConditionExpression"]
                arguments |= {
                    "ConditionExpression": f"({condition}) AND (attribute_not_exists(pulledAt) OR pulledAt <> :mine)",
                    "ExpressionAttributeValues": {
                        **arguments["ExpressionAttributeValues"],
                        ":mine": {"S": timestamp_text(now)},
                    },
                }
            return self.client.update_item(**arguments)

        client: Any = ChangedClient(self.client, update_item=update_item)
        return Transactions(client, self.table, self.pause).lease_pull(request, now, interval)


# --- the other tables


class LinksWithoutCondition(Users):
    """Links an account without a check of its owner."""

    def link(self, stored: Transaction, transition: Transition, account: ClaimAccount, now: datetime) -> bool:
        client = unconditional_puts(self.client, self.table)
        return Users(client, self.table, self.transactions).link(stored, transition, account, now)


class LinksWithoutOwner(LinksWithoutCondition):
    """Links an account without reading whose it is."""

    def owner_of(self, smallcase_auth_id: str) -> str | None:
        return None


class ChecksAtExpiry(Users):
    """Creates transactions that are checked as soon as they have expired."""

    def create(self, transaction: Transaction) -> bool:
        return super().create(replace(transaction, next_check_at=transaction.expire_at + timedelta(minutes=1)))


class DropsSuspicious(Webhooks):
    """Stores no suspicious webhook."""

    def store(self, raw: bytes, verified: Suspicious | Unrelated, now: datetime) -> bool:
        return isinstance(verified, Suspicious) or super().store(raw, verified, now)


class LeasesEveryAdoption(AdoptionLeases):
    """Grants every lease."""

    def take(self, key: str, now: datetime, interval: timedelta) -> bool:
        return True
