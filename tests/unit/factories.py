"""Transactions as they are stored and truths as they are pulled, for the tests of settling."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from securities_transactions.domain import statuses
from securities_transactions.domain.gateway_state import Truth
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.reconciliation import Change, Policy, decide
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction, check_shard, encode_request, snapshot_attributes

CREATED: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
EXPIRE: Final = CREATED + timedelta(minutes=15)
NOW: Final = CREATED + timedelta(hours=2)
POLICY: Final = Policy()
CHECKS: Final = frozenset({"nextCheckAt", "checkShard", "checks"})
ENDED: Final = CHECKS | {"doubtedAt", "finalPulledAt"}


def batch(status: str, filled: int = 0, *more: dict[str, Any]) -> Batch:
    """A batch of one order of ten shares, and `more`."""
    order = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": status, "quantity": 10}
    return Batch.model_validate({"batchId": "b1", "orders": [{**order, "filledQuantity": filled}, *more]})


PLACED, FILLING, DONE = batch("PLACED"), batch("PLACED", 4), batch("COMPLETE", 10)
PARTIAL, UNKNOWN = batch("PARTIAL", 4), batch("ERROR")


def at(moment: datetime) -> str:
    """A stored time."""
    return timestamp_text(moment)


def stored(shown: Batch | None = None, **more: Any) -> Transaction:
    """A transaction that shows a batch, reported an hour ago unless said otherwise."""
    attributes: dict[str, Any] = {"status": statuses.CREATED, "version": 1}
    if shown is not None:
        attributes |= snapshot_attributes(Snapshot(shown, at(NOW - timedelta(hours=1))))
        attributes["snapshot_bytes"] = attributes.pop("snapshot")
        attributes |= {"confirmation": "reported", "reportedAt": at(NOW - timedelta(hours=1)), "version": 2}
    attributes |= more
    return Transaction(
        transactionId="TRX_1",
        notes="user=42",
        createdAt=at(attributes.pop("created", CREATED)),
        expireAt=at(EXPIRE),
        request=encode_request({}),
        **attributes,
    )


def truth(status: str, shown: Batch | None = None, **more: Any) -> Truth:
    """What the Gateway says now."""
    return Truth(**{"transaction_id": "TRX_1", "status": status, "pulled_at": NOW, "batch": shown, **more})


def decided(before: Transaction, said: Truth, policy: Policy = POLICY, now: datetime = NOW) -> Change:
    """The change, without the Gateway's own word for the transaction, jitter in the middle."""
    change = decide(before, said, now, policy, 0.5)
    assert change.set.get("gatewayStatus", before.gatewayStatus) == said.status
    return Change({k: v for k, v in change.set.items() if k != "gatewayStatus"}, change.remove, change.counts)


def waits(minutes: float, checks: int = 1) -> Change:
    """Nothing but a next check."""
    due = at(NOW + timedelta(minutes=minutes))
    return Change({"nextCheckAt": due, "checkShard": check_shard("TRX_1"), "checks": checks})
