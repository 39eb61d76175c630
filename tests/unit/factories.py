"""Stored transactions and Gateway states, for the tests of reconciliation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.reconciliation import Policy, reconcile
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.transaction import Confirmation, Transaction
from securities_transactions.domain.transitions import Confirm, ScheduleCheck, Settle, Transition

CREATED: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
EXPIRE: Final = CREATED + timedelta(minutes=15)
NOW: Final = CREATED + timedelta(hours=2)
POLICY: Final = Policy()
MILLISECOND: Final = timedelta(milliseconds=1)


def batch(status: str, filled: int = 0, *more: dict[str, Any]) -> Batch:
    """A batch of one order of ten shares, and `more`."""
    order = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": status, "quantity": max(10, filled)}
    price = {"averagePrice": Decimal("1498.2")} if filled else {}
    return Batch.model_validate({"batchId": "b1", "orders": [{**order, "filledQuantity": filled, **price}, *more]})


PLACED, FILLING, DONE = batch("PLACED"), batch("PLACED", 4), batch("COMPLETE", 10)
PARTIAL, UNKNOWN = batch("PARTIAL", 4), batch("ERROR")


def minutes_ago(minutes: float) -> datetime:
    """A moment before `NOW`."""
    return NOW - timedelta(minutes=minutes)


def stored(shown: Batch | None = None, **fields: Any) -> Transaction:
    """A transaction that shows a batch, reported an hour ago; `fields` overrule."""
    known: dict[str, Any] = {"status": Status.CREATED, "version": 1}
    if shown is not None:
        known = {
            "status": shown.status_of_orders,
            "version": 2,
            "orders": Deferred.of(shown),
            "revision": Snapshot(shown, minutes_ago(60)).revision,
            "batch_id": shown.batchId,
            "buy_amount": shown.buyAmount,
            "sell_amount": shown.sellAmount,
            "confirmation": Confirmation.REPORTED,
            "reported_at": minutes_ago(60),
        }
    made: dict[str, Any] = {
        "transaction_id": "TRX_1",
        "user_id": "user=42",
        "created_at": CREATED,
        "expire_at": EXPIRE,
        "requested": Deferred.of({}),
    }
    return Transaction(**made | known | fields)


def state(status: str, shown: Batch | None = None, **fields: Any) -> GatewayTransaction:
    """The Gateway's state of the transaction, pulled now."""
    pulled: dict[str, Any] = {
        "transaction_id": "TRX_1",
        "status": GatewayStatus(status),
        "pulled_at": NOW,
        "batch": shown,
    }
    return GatewayTransaction(**pulled | fields)


def reconciled(
    before: Transaction, shown: GatewayTransaction, policy: Policy = POLICY, now: datetime = NOW
) -> Transition:
    """The transition, without the Gateway's own word for the transaction; jitter in the middle."""
    found = reconcile(before, shown, now, policy, 0.5)
    after = before.gateway_status if found.gateway_status is None else found.gateway_status
    assert after == shown.status
    return replace(found, gateway_status=None)


def check_in(minutes: float, checks: int = 1) -> ScheduleCheck:
    """The next check, this long after `NOW`."""
    return ScheduleCheck(NOW + timedelta(minutes=minutes), checks)


def waits(minutes: float, checks: int = 1) -> Transition:
    """Nothing but a next check."""
    return Transition(check=check_in(minutes, checks))


def only_schedules_a_check(transition: Transition) -> bool:
    """Return True if there is a next check, at any time, and nothing else."""
    return isinstance(transition.check, ScheduleCheck) and replace(transition, check=None).changes_nothing


def settles(shown: Batch) -> Settle:
    """The orders that the Gateway shows now are settled, and it names no account."""
    return Settle(Snapshot(shown, NOW), NOW)


def confirms(shown: Batch, *, escalate: bool = False) -> Confirm:
    """The orders that the Gateway shows now are confirmed, and it names no account."""
    return Confirm(Snapshot(shown, NOW), NOW, escalate=escalate)
