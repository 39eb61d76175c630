"""Which events a change of a stored item amounts to. Pure: the same change always gives the same events.

Every version of a transaction is at least one event with that `sequence`, so that a consumer who sees each sequence has
missed nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from securities_transactions.domain import statuses
from securities_transactions.domain.orders import Batch, Order
from securities_transactions.domain.stored_webhook import KeptWebhook
from securities_transactions.domain.transaction import Transaction
from securities_transactions.events.schemas import (
    SDK,
    BrokerAccountConflict,
    BrokerAccountLinked,
    ConfirmationRequested,
    Event,
    OrderChange,
    OrderCounts,
    OrdersEvent,
    OrdersPlaced,
    OrdersProgressed,
    OrdersRetracted,
    OrdersSettled,
    OrdersUnknown,
    Published,
    TransactionCreated,
    TransactionFailed,
    WebhookReceived,
    one_spelling,
)


def of_transaction(old: Transaction | None, new: Transaction) -> list[Published]:
    """The events that a transaction's change from `old` to `new` amounts to; none where nothing counts."""
    asks = new.pullRequestedAt is not None and (old is None or old.pullRequestedAt != new.pullRequestedAt)
    events: list[Published] = []
    if old is None or new.version != old.version:
        events += _account_events(old, new)
        event = _state_event(old, new, asks)
        if event is not None:
            events.insert(0, event)
    if asks and not any(event.needsConfirming for event in events):
        events.append(
            ConfirmationRequested(
                eventId=f"{new.transactionId}.ask.{new.pullRequestedAt}",
                occurredAt=new.pullRequestedAt or new.createdAt,
                transactionId=new.transactionId,
                reason=SDK,
            )
        )
    return events


def of_webhook(kept: KeptWebhook, body: Mapping[str, Any] | None) -> list[Published]:
    """The event of a webhook that was kept: a doubt asks for a pull, another kind is published as what it is."""
    if kept.doubt is not None:
        if kept.transaction_id is None:
            return []
        return [
            ConfirmationRequested(
                eventId=kept.webhook_id,
                occurredAt=kept.received_at,
                transactionId=kept.transaction_id,
                smallcaseAuthId=kept.smallcase_auth_id,
                reason=kept.doubt,
            )
        ]
    return [
        WebhookReceived.model_validate(
            {
                "eventId": kept.webhook_id,
                "occurredAt": kept.received_at,
                "transactionId": kept.transaction_id,
                "notes": kept.notes,
                "smallcaseAuthId": kept.smallcase_auth_id,
                "webhookId": kept.webhook_id,
                "kind": kept.kind,
                "body": body,
            }
        )
    ]


def latest(transaction: Transaction) -> list[Published]:
    """The events that say where a transaction stands, from its item alone: what republishing emits.

    A version that was published before is published under the same event id. What changed is not known and absent.
    """
    event = _state_event(None, transaction, asks=False)
    return ([] if event is None else [event]) + _account_events(None, transaction)


def _state_event(old: Transaction | None, new: Transaction, asks: bool) -> Event | None:
    common = _common(new) | {"needsConfirming": asks}
    if new.status == statuses.FAILED:
        if old is not None and old.status == statuses.FAILED:
            return None
        error = new.error or {}
        return TransactionFailed.model_validate(
            common
            | {
                "reason": error.get("reason"),
                "errorCode": error.get("code"),
                "errorMessage": error.get("message"),
            }
        )
    batch = new.snapshot
    if batch is None:
        if old is not None and old.snapshot_bytes is not None:
            return OrdersRetracted(**common, batchId=old.batchId)
        if old is None and new.askedAt is None:
            if new.confirmation == "confirmed":
                # Only a retraction confirms that there are no orders and leaves the transaction open.
                return OrdersRetracted(**common, batchId=new.batchId)
            common |= {"eventId": f"{new.transactionId}.1", "occurredAt": new.createdAt}
            common |= {"sequence": 1, "previousSequence": 0}
            return TransactionCreated(
                **common, expireAt=new.expireAt, requested=new.requested, adopted=bool(new.adopted)
            )
    if new.askedAt is not None and (old is None or old.askedAt != new.askedAt) and not new.is_settled:
        return OrdersUnknown(
            **common,
            batchId=new.batchId,
            counts=OrderCounts.of(batch) if batch else None,
            orders=one_spelling(batch.orders) if batch else None,
            unplaced=one_spelling(batch.unplaced) if batch else None,
            changes=changed_orders(old.snapshot, batch) if batch and old is not None else None,
            gatewayStatus=new.gatewayStatus,
            requested=new.requested,
            createdAt=new.createdAt,
        )
    if batch is None or new.confirmation is None:
        return None
    if old is not None and (old.revision, old.confirmation, old.settledAt) == (
        new.revision,
        new.confirmation,
        new.settledAt,
    ):
        return None
    if new.is_settled:
        kind: type[OrdersEvent] = OrdersSettled
    else:
        kind = OrdersProgressed if old is None or old.snapshot_bytes is not None else OrdersPlaced
    changes = None if old is None else changed_orders(old.snapshot, batch)
    return kind.model_validate(common | _batch_fields(new, batch) | {"changes": changes})


def _common(new: Transaction) -> dict[str, Any]:
    stamps = [new.createdAt, new.reportedAt, new.confirmedAt, new.askedAt]
    return {
        "eventId": f"{new.transactionId}.{new.version}",
        "occurredAt": max(stamp for stamp in stamps if stamp is not None),
        "transactionId": new.transactionId,
        "notes": new.notes,
        "smallcaseAuthId": new.smallcaseAuthId,
        "broker": new.broker,
        "sequence": new.version,
        "previousSequence": new.version - 1,
        "status": new.status,
    }


def _batch_fields(new: Transaction, batch: Batch) -> dict[str, Any]:
    return {
        "confirmation": new.confirmation,
        "batchId": batch.batchId,
        "variety": batch.variety,
        "batchStatus": batch.status,
        "completedDate": batch.completedDate,
        "buyAmount": batch.buyAmount,
        "sellAmount": batch.sellAmount,
        "counts": OrderCounts.of(batch),
        "orders": one_spelling(batch.orders),
        "unplaced": one_spelling(batch.unplaced),
    }


def _account_events(old: Transaction | None, new: Transaction) -> list[Published]:
    before = (old.account, old.smallcaseAuthId) if old is not None else (None, None)
    if new.account is None or new.smallcaseAuthId is None or (new.account, new.smallcaseAuthId) == before:
        return []
    kinds: dict[str, type[BrokerAccountLinked | BrokerAccountConflict]] = {
        "linked": BrokerAccountLinked,
        "conflict": BrokerAccountConflict,
    }
    kind = kinds.get(new.account)
    if kind is None:
        return []
    common = _common(new)
    # The id names the fact, not the version: the item does not say later at which version the account came.
    common["eventId"] = f"{new.transactionId}.{new.account}.{new.smallcaseAuthId}"
    common["occurredAt"] = max(common["occurredAt"], new.pullRequestedAt or "", new.pulledAt or "")
    return [kind(**common)]


def changed_orders(old: Batch | None, new: Batch) -> list[OrderChange]:
    """What changed for each security between two states of a batch: in the order of `new`, what it lost at the end."""
    before = _keyed([*old.orders, *old.unplaced] if old is not None else [])
    after = _keyed([*new.orders, *new.unplaced])
    changes = [
        _change(before.get(key), order)
        for key, order in after.items()
        if key not in before or _facts(before[key]) != _facts(order)
    ]
    return changes + [_change(order, None) for key, order in before.items() if key not in after]


def _change(was: Order | None, order: Order | None) -> OrderChange:
    now = order or was
    assert now is not None  # noqa: S101  # for the type checker: one of the two is there
    return OrderChange(
        tradingsymbol=now.tradingsymbol,
        transactionType=now.transactionType,
        quantity=now.quantity,
        previousStatus=statuses.canonical(was.status) if was else None,
        status=statuses.canonical(now.status),
        previousFilledQuantity=(was.filledQuantity or 0) if was else None,
        filledQuantity=(order.filledQuantity or 0) if order else 0,
        previousAveragePrice=was.averagePrice if was else None,
        averagePrice=order.averagePrice if order else None,
        errorCode=now.errorCode or None,
        removed=order is None,
    )


def _keyed(orders: Sequence[Order]) -> dict[tuple[str, str, int], Order]:
    """Orders by security and side, numbered where a basket has the same one twice."""
    keyed: dict[tuple[str, str, int], Order] = {}
    for order in orders:
        count = 0
        while (key := (order.tradingsymbol, order.transactionType, count)) in keyed:
            count += 1
        keyed[key] = order
    return keyed


def _facts(order: Order) -> tuple[Any, ...]:
    return (statuses.canonical(order.status), order.quantity, order.filledQuantity or 0, order.averagePrice or 0,
            order.price or 0, order.triggerPrice or 0, order.errorCode)  # fmt: skip
