"""The kind of a change of a transaction, for its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from securities_transactions.domain.cause import Cause
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Confirmation, Transaction


class Change(StrEnum):
    """The kind of a change. Those from `account` on do not raise the version."""

    CREATED = "created"
    ADOPTED = "adopted"
    REPORTED = "reported"
    CONFIRMED = "confirmed"
    SETTLED = "settled"
    CORRECTED = "corrected"
    RESOLVED = "resolved"
    RETRACTED = "retracted"
    FAILED = "failed"
    ESCALATED = "escalated"
    ACCOUNT = "account"
    SDK_ERROR = "sdk error"
    GATEWAY_STATUS = "gateway status"
    UNREADABLE = "unreadable"
    CASE = "case"


@dataclass(frozen=True)
class Changed:
    """A change: what it was, and when (aware UTC)."""

    change: Change
    at: datetime


@dataclass(frozen=True)
class Entry:
    """One change. `sequence` is the number of its stream record; `facts` is JSON, what is known of the change."""

    transaction_id: str
    version: int
    sequence: str
    at: datetime
    facts: Mapping[str, Any]
    cause: Cause | None = None


def changed(old: Transaction | None, new: Transaction) -> Changed | None:
    """The change from `old` (`None` where the transaction is new) to `new`; `None` where history records nothing.

    A pull that is leased, a check that is scheduled and a suspicion are not recorded: a suspicion comes of a stored
    webhook, which is found by the transaction.
    """
    if old is None:
        return Changed(Change.ADOPTED if new.adopted else Change.CREATED, new.created_at)
    stamps = [new.created_at, new.reported_at, new.confirmed_at, new.escalated_at]
    if old.version != new.version:
        return Changed(_of_version(old, new), _latest(stamps))
    what = _beside_version(old, new)
    if what is Change.CASE and new.case is not None:
        return Changed(what, new.case.changed_at)
    return None if what is None else Changed(what, _latest([*stamps, new.pull_requested_at, new.pulled_at]))


def _of_version(old: Transaction, new: Transaction) -> Change:
    if new.status == Status.FAILED and old.status != Status.FAILED:
        return Change.FAILED
    if old.orders is not None and new.orders is None:
        return Change.RETRACTED
    if (old.revision, old.confirmation, old.settled_at) == (new.revision, new.confirmation, new.settled_at):
        return Change.ESCALATED
    if new.resolution is not None and new.resolution != old.resolution:
        return Change.RESOLVED
    if new.is_settled:
        return Change.CORRECTED if old.is_settled else Change.SETTLED
    return Change.CONFIRMED if new.confirmation is Confirmation.CONFIRMED else Change.REPORTED


def _beside_version(old: Transaction, new: Transaction) -> Change | None:
    if (old.account, old.smallcase_auth_id, old.broker) != (new.account, new.smallcase_auth_id, new.broker):
        return Change.ACCOUNT
    if old.sdk_error != new.sdk_error:
        return Change.SDK_ERROR
    if old.case != new.case:
        return Change.CASE
    return Change.GATEWAY_STATUS if old.gateway_status != new.gateway_status else None


def _latest(stamps: list[datetime | None]) -> datetime:
    return max(stamp for stamp in stamps if stamp is not None)
