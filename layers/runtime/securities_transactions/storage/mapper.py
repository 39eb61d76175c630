"""The mapping between a transaction and its item. Only this module contains attribute names, shards and encodings.

docs/reference/storage-format.md describes the item.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from securities_transactions.domain.cases import Resolution
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Revision, Snapshot
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.times import parse_time, timestamp_text
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    EscalationReason,
    Failure,
    FailureReason,
    SdkError,
    Source,
    Transaction,
)
from securities_transactions.domain.transitions import (
    ClaimAccount,
    Confirm,
    Escalate,
    Fail,
    Outcome,
    Retract,
    ScheduleCheck,
    Settle,
    ShownAccount,
    Transition,
)
from securities_transactions.storage.case_mapper import of_resolution, of_work, to_resolution, to_work
from securities_transactions.storage.dynamodb import present
from securities_transactions.storage.snapshot_codec import decode, encode

Item = Mapping[str, Any]
T = TypeVar("T")

# The number of partitions of the index of due checks. Each accepts a thousand writes a second.
CHECK_SHARDS: Final = 4


class Attribute(StrEnum):
    """The attributes of a transaction's item. Times are UTC, ISO 8601 with milliseconds."""

    TRANSACTION_ID = "transactionId"
    NOTES = "notes"
    STATUS = "status"
    VERSION = "version"
    CREATED_AT = "createdAt"
    EXPIRE_AT = "expireAt"
    REQUEST = "request"
    SNAPSHOT = "snapshot"
    REVISION = "revision"
    BATCH_ID = "batchId"
    SMALLCASE_AUTH_ID = "smallcaseAuthId"
    BROKER = "broker"
    BUY_AMOUNT = "buyAmount"
    SELL_AMOUNT = "sellAmount"
    CONFIRMATION = "confirmation"
    SOURCE = "source"
    REPORTED_AT = "reportedAt"
    CONFIRMED_AT = "confirmedAt"
    SETTLED_AT = "settledAt"
    BOOKED_AT = "bookedAt"
    BOOK_SHARD = "bookShard"
    GATEWAY_STATUS = "gatewayStatus"
    ERROR = "error"
    SDK_ERROR = "sdkError"
    ACCOUNT = "account"
    ADOPTED = "adopted"
    REFERENCE = "reference"
    ESCALATED_AT = "escalatedAt"
    ESCALATION = "escalation"
    CASE = "case"
    RESOLUTION = "resolution"
    OPEN_CASE = "openCase"
    SUSPECTED_AT = "suspectedAt"
    PULLED_AT = "pulledAt"
    FINAL_PULLED_AT = "finalPulledAt"
    PULL_REQUESTED_AT = "pullRequestedAt"
    NEXT_CHECK_AT = "nextCheckAt"
    CHECK_SHARD = "checkShard"
    CHECKS = "checks"
    CAUSE = "cause"


A = Attribute

SNAPSHOT_ATTRIBUTES: Final[frozenset[str]] = frozenset(
    {A.SNAPSHOT, A.REVISION, A.BATCH_ID, A.BUY_AMOUNT, A.SELL_AMOUNT, A.REPORTED_AT, A.SOURCE}
)
CHECK_ATTRIBUTES: Final[frozenset[str]] = frozenset(
    {A.NEXT_CHECK_AT, A.CHECK_SHARD, A.CHECKS, A.SUSPECTED_AT, A.FINAL_PULLED_AT}
)
_ACCOUNT_ATTRIBUTES: Final[frozenset[str]] = frozenset({A.SMALLCASE_AUTH_ID, A.BROKER})


# The one value of `openCase`: the index of open cases has one partition, for there are few.
OPEN: Final = "open"


@dataclass(frozen=True)
class Changes:
    """Attributes to set and to remove."""

    set: Mapping[str, Any]
    remove: frozenset[str] = frozenset()


def to_item(transaction: Transaction) -> dict[str, Any]:
    """The item of a transaction. Values that are not known are absent."""
    t = transaction
    return present(
        {
            A.TRANSACTION_ID: t.transaction_id,
            A.NOTES: t.user_id,
            A.STATUS: t.status.value,
            A.VERSION: t.version,
            A.CREATED_AT: timestamp_text(t.created_at),
            A.EXPIRE_AT: timestamp_text(t.expire_at),
            A.REQUEST: encode(t.requested.value),
            A.SNAPSHOT: None if t.batch is None else encode(t.batch.as_sent()),
            A.REVISION: None if t.revision is None else t.revision.text,
            A.BATCH_ID: t.batch_id,
            A.SMALLCASE_AUTH_ID: t.smallcase_auth_id,
            A.BROKER: t.broker,
            A.BUY_AMOUNT: t.buy_amount,
            A.SELL_AMOUNT: t.sell_amount,
            A.CONFIRMATION: _word(t.confirmation),
            A.SOURCE: _word(t.source),
            A.REPORTED_AT: _text(t.reported_at),
            A.CONFIRMED_AT: _text(t.confirmed_at),
            A.SETTLED_AT: _text(t.settled_at),
            A.BOOKED_AT: _text(t.booked_at),
            A.BOOK_SHARD: None if t.booked_at is None else check_shard(t.transaction_id),
            A.GATEWAY_STATUS: _word(t.gateway_status),
            A.ERROR: None if t.failure is None else _of_failure(t.failure),
            A.SDK_ERROR: None if t.sdk_error is None else _of_sdk_error(t.sdk_error),
            A.ACCOUNT: _word(t.account),
            A.ADOPTED: t.adopted or None,
            A.REFERENCE: t.reference,
            A.ESCALATED_AT: _text(t.escalated_at),
            A.ESCALATION: _word(t.escalation),
            A.OPEN_CASE: OPEN if t.is_unanswered else None,
            A.CASE: None if t.case is None else of_work(t.case),
            A.RESOLUTION: None if t.resolution is None else of_resolution(t.resolution),
            A.SUSPECTED_AT: _text(t.suspected_at),
            A.PULLED_AT: _text(t.pulled_at),
            A.FINAL_PULLED_AT: _text(t.final_pulled_at),
            A.PULL_REQUESTED_AT: _text(t.pull_requested_at),
            A.NEXT_CHECK_AT: _text(t.next_check_at),
            A.CHECK_SHARD: None if t.next_check_at is None else check_shard(t.transaction_id),
            A.CHECKS: t.checks or None,
            A.CAUSE: None if t.cause is None else of_cause(t.cause),
        }
    )


def of_item(item: Item) -> Transaction:
    """The transaction in an item. Attributes of later versions of this product are ignored.

    Raises `KeyError`, `TypeError` or `ValueError` if the item is not a transaction. Orders and request are decoded on
    first use.
    """
    snapshot, request, error, sdk_error = (item.get(name) for name in (A.SNAPSHOT, A.REQUEST, A.ERROR, A.SDK_ERROR))
    return Transaction(
        transaction_id=item[A.TRANSACTION_ID],
        user_id=item[A.NOTES],
        status=Status(item[A.STATUS]),
        version=int(item[A.VERSION]),
        created_at=time_of(item[A.CREATED_AT]),
        expire_at=time_of(item[A.EXPIRE_AT]),
        requested=Deferred(lambda: decode(request) if request is not None else {}),
        orders=None if snapshot is None else Deferred(lambda: Batch.model_validate(decode(snapshot))),
        revision=_read(item, A.REVISION, Revision.parse),
        batch_id=item.get(A.BATCH_ID),
        smallcase_auth_id=item.get(A.SMALLCASE_AUTH_ID),
        broker=item.get(A.BROKER),
        buy_amount=item.get(A.BUY_AMOUNT),
        sell_amount=item.get(A.SELL_AMOUNT),
        confirmation=_read(item, A.CONFIRMATION, Confirmation),
        source=_read(item, A.SOURCE, Source),
        reported_at=_read(item, A.REPORTED_AT, time_of),
        confirmed_at=_read(item, A.CONFIRMED_AT, time_of),
        settled_at=_read(item, A.SETTLED_AT, time_of),
        booked_at=_read(item, A.BOOKED_AT, time_of),
        gateway_status=_read(item, A.GATEWAY_STATUS, GatewayStatus),
        failure=None if error is None else _to_failure(error),
        sdk_error=None if sdk_error is None else _to_sdk_error(sdk_error),
        account=_read(item, A.ACCOUNT, AccountLink),
        adopted=bool(item.get(A.ADOPTED)),
        reference=item.get(A.REFERENCE),
        escalated_at=_read(item, A.ESCALATED_AT, time_of),
        escalation=_read(item, A.ESCALATION, EscalationReason),
        case=_read(item, A.CASE, to_work),
        resolution=_read(item, A.RESOLUTION, to_resolution),
        suspected_at=_read(item, A.SUSPECTED_AT, time_of),
        pulled_at=_read(item, A.PULLED_AT, time_of),
        final_pulled_at=_read(item, A.FINAL_PULLED_AT, time_of),
        pull_requested_at=_read(item, A.PULL_REQUESTED_AT, time_of),
        next_check_at=_read(item, A.NEXT_CHECK_AT, time_of),
        checks=int(item.get(A.CHECKS, 0)),
        cause=_read(item, A.CAUSE, to_cause),
    )


def check_shard(transaction_id: str) -> str:
    """The partition of a transaction in the indexes `due` and `booked`."""
    return str(sum(transaction_id.encode()) % CHECK_SHARDS)


def snapshot_changes(snapshot: Snapshot) -> dict[str, Any]:
    """The attributes of a snapshot: the encoded batch, and the values that operators and indexes use."""
    batch = snapshot.batch
    return {
        A.SNAPSHOT: encode(snapshot.document),
        A.REVISION: snapshot.revision.text,
        A.BATCH_ID: batch.batchId,
        A.STATUS: batch.status_of_orders.value,
        A.BUY_AMOUNT: batch.buyAmount,
        A.SELL_AMOUNT: batch.sellAmount,
    }


def check_changes(transaction_id: str, at: datetime) -> dict[str, Any]:
    """The attributes that add a transaction to the index of due checks."""
    return {A.NEXT_CHECK_AT: timestamp_text(at), A.CHECK_SHARD: check_shard(transaction_id)}


def book_changes(transaction_id: str, at: datetime) -> dict[str, Any]:
    """The attributes that put a transaction into the index of the books."""
    return {A.BOOKED_AT: timestamp_text(at), A.BOOK_SHARD: check_shard(transaction_id)}


def booking(stored: Transaction, transition: Transition) -> dict[str, Any]:
    """The same where a transition ends `stored` for the first time: a correction stays in the books it was in."""
    match transition.outcome:
        case Settle(at=at) | Fail(at=at) if stored.settled_at is None:
            return book_changes(stored.transaction_id, at)
        case _:
            return {}


def seen(stored: Transaction) -> dict[str, Any]:
    """The values of the attributes in `stored` that change without a new version, or `None` for absent ones."""
    return {
        A.NEXT_CHECK_AT: _text(stored.next_check_at),
        A.SUSPECTED_AT: _text(stored.suspected_at),
        A.ACCOUNT: _word(stored.account),
        A.CASE: None if stored.case is None else of_work(stored.case),
    }


def changes_of(transition: Transition, transaction_id: str) -> Changes:
    """The attributes that a transition sets and removes."""
    changes, removed = _outcome_changes(transition.outcome)
    match transition.check:
        case ScheduleCheck(at, checks):
            changes |= check_changes(transaction_id, at) | {A.CHECKS: checks}
        case None:
            pass
        case _:
            removed |= CHECK_ATTRIBUTES
    if transition.account is not None:
        changes |= _account_changes(transition.account)
    changes |= {
        A.SUSPECTED_AT: _text(transition.suspected_at),
        A.GATEWAY_STATUS: _word(transition.gateway_status),
        A.PULL_REQUESTED_AT: _text(transition.pull_requested_at),
        A.SDK_ERROR: None if transition.sdk_error is None else _of_sdk_error(transition.sdk_error),
        A.CASE: None if transition.case is None else of_work(transition.case),
        A.CAUSE: of_cause(transition.cause) if transition.cause is not None and transition.has_history else None,
    }
    if transition.ends_suspicion:
        removed |= {A.SUSPECTED_AT}
    set_ = present(changes)
    return Changes(set_, frozenset(removed - set_.keys()))


def _outcome_changes(outcome: Outcome | None) -> tuple[dict[str, Any], frozenset[str]]:
    match outcome:
        case None:
            return {}, frozenset()
        case Escalate(at, reason):
            return _escalated(at, reason), frozenset()
        case Confirm(snapshot, at, shown, escalate, reason):
            escalated = _escalated(at, reason) if escalate else {}
            return _confirmed(snapshot, at, shown) | escalated, frozenset({A.SETTLED_AT, A.ERROR}) | _unshown(shown)
        case Settle(snapshot, at, shown, resolution):
            settled = {A.SETTLED_AT: timestamp_text(at), **_resolved(resolution)}
            over = frozenset[str]({A.ERROR, A.OPEN_CASE, A.CASE, A.RESOLUTION} - settled.keys())
            return _confirmed(snapshot, at, shown) | settled, over | _unshown(shown)
        case Retract() as retract:
            return _denied(Status.CREATED, retract.at), _retracted(retract)
        case Fail(at, failure, retract):
            removed = frozenset[str]() if retract is None else _retracted(retract)
            return _denied(Status.FAILED, at) | {A.ERROR: _of_failure(failure)}, removed


def _resolved(resolution: Resolution | None) -> dict[str, Any]:
    if resolution is None:
        return {}
    return {A.RESOLUTION: of_resolution(resolution), A.SOURCE: Source.PERSON.value}


def _escalated(at: datetime, reason: EscalationReason | None) -> dict[str, Any]:
    why: dict[str, Any] = {} if reason is None else {A.ESCALATION: reason.value}
    return {A.ESCALATED_AT: timestamp_text(at), A.OPEN_CASE: OPEN, **why}


def _confirmed(snapshot: Snapshot, at: datetime, shown: ShownAccount) -> dict[str, Any]:
    return snapshot_changes(snapshot) | {
        A.CONFIRMATION: Confirmation.CONFIRMED.value,
        A.CONFIRMED_AT: timestamp_text(at),
        A.SOURCE: Source.PULL.value,
        A.SMALLCASE_AUTH_ID: shown.smallcase_auth_id,
        A.BROKER: shown.broker,
    }


def _unshown(shown: ShownAccount) -> frozenset[str]:
    return frozenset() if shown.keeps_account else _ACCOUNT_ATTRIBUTES


def _denied(status: Status, at: datetime) -> dict[str, Any]:
    return {
        A.STATUS: status.value,
        A.CONFIRMATION: Confirmation.CONFIRMED.value,
        A.CONFIRMED_AT: timestamp_text(at),
    }


def _retracted(retract: Retract) -> frozenset[str]:
    account = frozenset[str]() if retract.keeps_account else _ACCOUNT_ATTRIBUTES
    return SNAPSHOT_ATTRIBUTES | {A.SETTLED_AT} | account


def _account_changes(account: ClaimAccount) -> dict[str, Any]:
    named: dict[str, Any] = {A.SMALLCASE_AUTH_ID: account.smallcase_auth_id, A.ACCOUNT: account.link.value}
    return named | ({A.BROKER: account.broker} if account.broker else {})


def _of_failure(failure: Failure) -> dict[str, Any]:
    return {"reason": failure.reason.value, **_of_sdk_error(failure.error)}


def _to_failure(stored: Any) -> Failure:
    error = _to_sdk_error(stored)
    return Failure(FailureReason(stored["reason"]), error)


def _of_sdk_error(error: SdkError) -> dict[str, Any]:
    return present({"code": error.code, "message": error.message})


def _to_sdk_error(stored: Any) -> SdkError:
    if not isinstance(stored, Mapping):
        raise ValueError("not an error")
    code = stored.get("code")
    return SdkError(None if code is None else int(code), stored.get("message"))


def of_cause(cause: Cause) -> list[Any]:
    """A cause as it is stored: kind, request id, webhook id, subject, client; ids as bytes where they are hexadecimal.

    It is written with every webhook, and the item of a few orders is to cost one write unit.
    """
    webhook = None if cause.webhook_id is None else bytes.fromhex(cause.webhook_id)
    parts = [cause.kind.value, _packed(cause.request_id), webhook, cause.subject, cause.client]
    while parts[-1] is None:
        parts.pop()
    return parts


def to_cause(stored: Any) -> Cause:
    """The cause in an item; `TypeError` or `ValueError` where it is not one."""
    parts: list[Any] = [*stored, *[None] * (5 - len(stored))]
    kind, request_id, webhook, subject, client = parts
    return Cause(
        kind=CauseKind(kind),
        request_id=str(UUID(bytes=request_id)) if isinstance(request_id, bytes) else request_id,
        webhook_id=None if webhook is None else webhook.hex(),
        subject=subject,
        client=client,
    )


def _packed(request_id: str | None) -> str | bytes | None:
    """The request id, which Lambda gives as a UUID, in 16 bytes; any other as it is."""
    try:
        return request_id if request_id is None or str(UUID(request_id)) != request_id else UUID(request_id).bytes
    except ValueError:
        return request_id


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp_text(moment)


def _word(word: StrEnum | None) -> str | None:
    return None if word is None else word.value


def _read(item: Item, name: Attribute, read: Callable[[Any], T]) -> T | None:
    value = item.get(name)
    return None if value is None else read(value)


def time_of(text: Any) -> datetime:
    """Parse a stored time (aware UTC). Raises `ValueError` if it is not a time."""
    moment = parse_time(text)
    if moment is None:
        raise ValueError("not a time")
    return moment
