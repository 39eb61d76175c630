"""What a pulled truth changes, and when to ask again. Pure: time and jitter are parameters.

The rules, in order (docs/guarantees.md has them as a table with their tests):

1. A pull that is behind what was said a moment ago may just lag: within `lag` it changes nothing and is repeated.
   A final truth is never behind what is open: what is final at the Gateway does not go on, it may only be corrected.
   What the Gateway has confirmed does not go back, however long its API lags.
2. Otherwise the truth decides, whatever the revision: it confirms, moves on, corrects or retracts a report.
3. Final and confirmed is settled. Errored, expired and abandoned without orders is failed.
4. Anything else is asked again, less and less often, and after `ask_after` a person is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from securities_transactions.domain import gateway_state as gateway
from securities_transactions.domain import statuses
from securities_transactions.domain.gateway_state import Truth
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot, lasting, material, progress_of
from securities_transactions.domain.sdk_errors import may_have_orders
from securities_transactions.domain.times import parse_time, timestamp_text
from securities_transactions.domain.transaction import (
    SNAPSHOT_ATTRIBUTES,
    Transaction,
    check_shard,
    snapshot_attributes,
)

_CHECKS: Final = frozenset({"nextCheckAt", "checkShard", "checks", "doubtedAt", "finalPulledAt"})
_DELAYS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 40, 60, 120, 240, 480, 1440))


@dataclass(frozen=True)
class Policy:
    """How patient settling is.

    `lag` is how far the Gateway's API may be behind. `expiry_grace` is added to `expireAt` before a transaction counts
    as expired: longer than `lag`, for an order confirmed in the last second takes that long to show. A person is asked
    about a transaction that is open for `ask_after`, or for `ask_unknown_after` while its status at the Gateway is not
    known here.
    """

    confirm: str = "final"
    lag: timedelta = timedelta(minutes=10)
    expiry_grace: timedelta = timedelta(minutes=12)
    ask_after: timedelta = timedelta(days=3)
    ask_unknown_after: timedelta = timedelta(minutes=30)


@dataclass(frozen=True)
class Change:
    """What to write: attributes to set and remove; `counts` where it is a change that consumers hear of."""

    set: Mapping[str, Any] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()
    counts: bool = False


def decide(stored: Transaction, truth: Truth, now: datetime, policy: Policy, jitter: float) -> Change:
    """The change that `truth` makes to `stored` at `now` (aware). `jitter` is random in [0, 1)."""
    change = (
        _with_orders(stored, truth, truth.batch, now, policy, jitter)
        if truth.batch is not None
        else _without_orders(stored, truth, now, policy, jitter)
    )
    if truth.status != stored.gatewayStatus:
        change = Change({**change.set, "gatewayStatus": truth.status}, change.remove, change.counts)
    return change


def _with_orders(
    stored: Transaction, truth: Truth, batch: Batch, now: datetime, policy: Policy, jitter: float
) -> Change:
    snapshot = Snapshot(batch, timestamp_text(truth.pulled_at))
    known, final = stored.snapshot, batch.is_final
    same = known is not None and material(known) == material(batch)
    behind = _behind(stored, truth, snapshot, same, policy)
    if behind is not None:
        return wait(stored, now, policy, jitter, soon=behind == "soon")
    enough = stored.is_settled if final else (stored.confirmation == "confirmed" or policy.confirm != "every")
    if same and enough:
        if batch.derived_status == statuses.ERROR and stored.askedAt is None:
            return _ask(stored, now, policy, jitter)
        if stored.is_settled and not _doubt_may_lag(stored.doubtedAt, truth, policy):
            return Change(remove=_CHECKS)
        return wait(stored, now, policy, jitter)
    stamp = timestamp_text(now)
    said = {
        **snapshot_attributes(snapshot),
        "confirmation": "confirmed",
        "confirmedAt": stamp,
        "source": "pull",
    }
    said |= {"smallcaseAuthId": truth.smallcase_auth_id, "broker": truth.broker}
    said = {name: value for name, value in said.items() if value is not None}
    if final:
        contradicted = known is not None and known.is_final and not same and not stored.is_settled
        # What was reported is a forger's, or a correction that this answer is behind.
        doubts = (stored.doubtedAt, stored.reportedAt if contradicted else None)
        doubted = max(filter(None, doubts), default=None)
        said["settledAt"] = stamp
        if _doubt_may_lag(doubted, truth, policy):
            said["doubtedAt"] = doubted
            return Change(said | _next(stored, now, 0, jitter), frozenset({"error"}), counts=True)
        return Change(said, _CHECKS | {"error"}, counts=True)
    if batch.derived_status == statuses.ERROR and stored.askedAt is None:
        said["askedAt"] = stamp
    return Change(said | _next(stored, now, 0, jitter), frozenset({"settledAt", "error"}), counts=True)


def _behind(
    stored: Transaction, truth: Truth, snapshot: Snapshot, same: bool, policy: Policy
) -> Literal["soon", "later"] | None:
    """When to ask again where this truth is, or may be, older than what is stored; `None` where it is not."""
    if snapshot.batch.is_final:
        if same:
            return None
        if stored.is_settled:
            return "later" if _may_lag(stored, truth, policy) else None
        return "soon" if _said_since(stored, truth) else None
    shown = progress_of(stored.revision or "")
    if snapshot.progress >= shown:
        return None
    if _may_lag(stored, truth, policy):
        return "soon"
    return "later" if stored.confirmation == "confirmed" and lasting(snapshot.progress) < lasting(shown) else None


def _without_orders(stored: Transaction, truth: Truth, now: datetime, policy: Policy, jitter: float) -> Change:
    # The Gateway names a batch: a report of another one is denied, though its orders are not shown yet.
    denied = stored.confirmation == "reported" and truth.batch_id not in (None, stored.batchId)
    if truth.has_unknown_status and stored.askedAt is None and _may_ask(stored, now, policy.ask_unknown_after):
        return _ask(stored, now, policy, jitter)
    if (truth.may_have_orders or _outcome_open(truth.error)) and not denied:
        return wait(stored, now, policy, jitter)
    if stored.snapshot_bytes is not None:
        if _may_lag(stored, truth, policy):
            return wait(stored, now, policy, jitter, soon=True)
        if stored.confirmation == "confirmed":
            # The Gateway once showed these orders and now shows none: no rule of ours can settle that.
            asked = stored.askedAt is not None or stored.is_settled
            return wait(stored, now, policy, jitter) if asked else _ask(stored, now, policy, jitter)
    reason = None if denied else _failure(stored, truth, now, policy)
    stamp = timestamp_text(now)
    retracted = _retracted(stored)
    if reason is not None:
        if _doubt_may_lag(stored.doubtedAt, truth, policy):
            return wait(stored, now, policy, jitter)
        if stored.status == statuses.FAILED:
            return Change(remove=_CHECKS)
        error = {"reason": reason, **(truth.error or {})}
        said: dict[str, Any] = {"status": statuses.FAILED, "error": error}
        said |= {"confirmation": "confirmed", "confirmedAt": stamp}
        return Change(said, retracted | _CHECKS, counts=True)
    if retracted:
        said = {"status": statuses.CREATED, "confirmation": "confirmed", "confirmedAt": stamp}
        return Change(said | _next(stored, now, 0, jitter), retracted, counts=True)
    return wait(stored, now, policy, jitter)


def _retracted(stored: Transaction) -> frozenset[str]:
    """What goes with a report that the Gateway denies; the account stays only where a token or a pull has shown it."""
    if stored.snapshot_bytes is None:
        return frozenset()
    said_by_nobody_else = frozenset({"smallcaseAuthId", "broker"}) if stored.account is None else frozenset[str]()
    return frozenset(SNAPSHOT_ATTRIBUTES) | {"settledAt"} | said_by_nobody_else


def _failure(stored: Transaction, truth: Truth, now: datetime, policy: Policy) -> str | None:
    """Why no order will come of it: errored, expired (never begun) or abandoned (begun and left)."""
    if truth.error is not None or truth.status in (gateway.ERRORED, gateway.CANCELLED):
        return "errored"
    # That it has expired the Gateway tells by the clock, and whether it was used by a record that may lag.
    expire_at = truth.expire_at or parse_time(stored.expireAt)
    if expire_at is not None and now > expire_at + policy.expiry_grace:
        return "abandoned" if truth.status == gateway.USED else "expired"
    return None


def _may_lag(stored: Transaction, truth: Truth, policy: Policy) -> bool:
    """Whether what is stored is so recent that the Gateway's own API may not show it yet."""
    said = [moment for text in (stored.reportedAt, stored.confirmedAt) if (moment := parse_time(text))]
    return bool(said) and truth.pulled_at < max(said) + policy.lag


def _said_since(stored: Transaction, truth: Truth) -> bool:
    """Whether something was reported while the Gateway was being asked: its answer says nothing of that."""
    reported = parse_time(stored.reportedAt)
    return reported is not None and truth.pulled_at < reported


def _doubt_may_lag(doubted_at: str | None, truth: Truth, policy: Policy) -> bool:
    """Whether what the Gateway says was doubted so recently that it may not show yet what the doubt is about."""
    doubted = parse_time(doubted_at)
    return doubted is not None and truth.pulled_at < doubted + policy.lag


def _outcome_open(error: Mapping[str, Any] | None) -> bool:
    """Whether the SDK gave up or failed inside: the order may still be placed (docs/gateway.md §6.2)."""
    return error is not None and may_have_orders(error.get("code"), error.get("message"))


def wait(stored: Transaction, now: datetime, policy: Policy, jitter: float, *, soon: bool = False) -> Change:
    """Nothing new: ask again later, and ask a person once it has been too long."""
    if stored.askedAt is None and _may_ask(stored, now, policy.ask_after):
        return _ask(stored, now, policy, jitter)
    return Change(_next(stored, now, 0 if soon else (stored.checks or 0), jitter))


def _may_ask(stored: Transaction, now: datetime, after: timedelta) -> bool:
    """Whether an open transaction is older than `after`."""
    created = parse_time(stored.createdAt)
    over = stored.is_settled or stored.status == statuses.FAILED
    return not over and created is not None and now > created + after


def _ask(stored: Transaction, now: datetime, policy: Policy, jitter: float) -> Change:
    return Change({"askedAt": timestamp_text(now)} | _next(stored, now, stored.checks or 0, jitter), counts=True)


def _next(stored: Transaction, now: datetime, checks: int, jitter: float) -> dict[str, Any]:
    due = timestamp_text(now + backoff(checks, jitter))
    if stored.nextCheckAt is not None and timestamp_text(now) < stored.nextCheckAt < due:
        due = stored.nextCheckAt  # somebody has a question that this answer may be too old for
    return {
        "nextCheckAt": due,
        "checkShard": check_shard(stored.transactionId),
        "checks": checks + 1,
    }


def backoff(checks: int, jitter: float) -> timedelta:
    """How long to wait after `checks` checks in vain: a minute at first, a day at most, a fifth more or less."""
    return _DELAYS[min(checks, len(_DELAYS) - 1)] * (0.8 + 0.4 * jitter)
