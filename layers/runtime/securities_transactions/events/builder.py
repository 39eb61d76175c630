"""Which events a change of a stored item amounts to. Pure: the same change always gives the same events.

Every version of a transaction is at least one event with that `sequence`, so that a consumer who sees each sequence has
missed nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from securities_transactions.domain.orders import Batch, Order
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.stored_webhook import StoredWebhook
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import AccountLink, Confirmation, Transaction
from securities_transactions.events.schemas import (
    BrokerAccountConflict,
    BrokerAccountLinked,
    Event,
    OrderChange,
    OrderCounts,
    OrdersEvent,
    OrdersPlaced,
    OrdersProgressed,
    OrdersRetracted,
    OrdersSettled,
    OrdersUnknown,
    TransactionCreated,
    TransactionFailed,
    WebhookReceived,
)


def of_transaction(old: Transaction | None, new: Transaction) -> list[Event]:
    """The events that a transaction's change from `old` to `new` amounts to; none where its version stays."""
    if old is not None and new.version == old.version:
        return []
    event = _state_event(old, new)
    return ([] if event is None else [event]) + _account_events(old, new)


def of_webhook(webhook: StoredWebhook, body: Mapping[str, Any] | None) -> Event:
    """The event of a stored webhook of another kind."""
    return WebhookReceived.model_validate(
        {
            "eventId": webhook.webhook_id,
            "occurredAt": timestamp_text(webhook.received_at),
            "transactionId": webhook.transaction_id,
            "notes": webhook.user_id,
            "smallcaseAuthId": webhook.smallcase_auth_id,
            "webhookId": webhook.webhook_id,
            "kind": webhook.kind,
            "body": body,
        }
    )


def latest(transaction: Transaction) -> list[Event]:
    """The events that tell where a transaction stands, from its item alone: what republishing emits.

    A version that was published before is published under the same event id. What changed is not known and absent.
    """
    event = _state_event(None, transaction)
    return ([] if event is None else [event]) + _account_events(None, transaction)


def _state_event(old: Transaction | None, new: Transaction) -> Event | None:
    common = _common(new)
    if new.status == Status.FAILED:
        return None if old is not None and old.status == Status.FAILED else _failed(new, common)
    batch = new.batch
    if batch is None:
        if old is not None and old.orders is not None:
            return OrdersRetracted(**common, batchId=old.batch_id)
        if old is None and new.escalated_at is None:
            if new.confirmation is Confirmation.CONFIRMED:
                # Only a retraction confirms that there are no orders and leaves the transaction open.
                return OrdersRetracted(**common, batchId=new.batch_id)
            return _created(new, common)
    if new.escalated_at is not None and (old is None or old.escalated_at != new.escalated_at) and not new.is_settled:
        return _unknown(old, new, common)
    if batch is None or new.confirmation is None or (old is not None and _standing(old) == _standing(new)):
        return None
    if new.is_settled:
        kind: type[OrdersEvent] = OrdersSettled
    else:
        kind = OrdersProgressed if old is None or old.orders is not None else OrdersPlaced
    changes = None if old is None else changed_orders(old.batch, batch)
    return kind.model_validate(common | _batch_fields(new, batch) | {"changes": changes})


def _standing(transaction: Transaction) -> tuple[Any, ...]:
    return (transaction.revision, transaction.confirmation, transaction.settled_at)


def _created(new: Transaction, common: Mapping[str, Any]) -> TransactionCreated:
    first = {
        "eventId": f"{new.transaction_id}.1",
        "occurredAt": timestamp_text(new.created_at),
        "sequence": 1,
        "previousSequence": 0,
    }
    return TransactionCreated(
        **{**common, **first},
        expireAt=timestamp_text(new.expire_at),
        requested=dict(new.requested.value),
        adopted=new.adopted,
    )


def _failed(new: Transaction, common: Mapping[str, Any]) -> TransactionFailed:
    failure = new.failure
    return TransactionFailed.model_validate(
        {
            **common,
            "reason": None if failure is None else failure.reason,
            "errorCode": None if failure is None else failure.error.code,
            "errorMessage": None if failure is None else failure.error.message,
        }
    )


def _unknown(old: Transaction | None, new: Transaction, common: Mapping[str, Any]) -> OrdersUnknown:
    batch = new.batch
    return OrdersUnknown(
        **common,
        batchId=new.batch_id,
        counts=OrderCounts.of(batch) if batch else None,
        orders=list(batch.orders) if batch else None,
        unplaced=list(batch.unplaced) if batch else None,
        changes=changed_orders(old.batch, batch) if batch and old is not None else None,
        gatewayStatus=new.gateway_status,
        requested=dict(new.requested.value),
        createdAt=timestamp_text(new.created_at),
    )


def _common(new: Transaction) -> dict[str, Any]:
    stamps = [new.created_at, new.reported_at, new.confirmed_at, new.escalated_at]
    return {
        "eventId": f"{new.transaction_id}.{new.version}",
        "occurredAt": timestamp_text(max(stamp for stamp in stamps if stamp is not None)),
        "transactionId": new.transaction_id,
        "notes": new.user_id,
        "smallcaseAuthId": new.smallcase_auth_id,
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
        "orders": list(batch.orders),
        "unplaced": list(batch.unplaced),
    }


_ACCOUNT_EVENTS: Final[Mapping[AccountLink, type[BrokerAccountLinked | BrokerAccountConflict]]] = {
    AccountLink.LINKED: BrokerAccountLinked,
    AccountLink.CONFLICT: BrokerAccountConflict,
}


def _account_events(old: Transaction | None, new: Transaction) -> list[Event]:
    before = (old.account, old.smallcase_auth_id) if old is not None else (None, None)
    if new.account is None or new.smallcase_auth_id is None or (new.account, new.smallcase_auth_id) == before:
        return []
    kind = _ACCOUNT_EVENTS.get(new.account)
    if kind is None:
        return []
    common = _common(new)
    # The id names the fact, not the version: the item does not say later at which version the account came.
    common["eventId"] = f"{new.transaction_id}.{new.account}.{new.smallcase_auth_id}"
    later = [timestamp_text(moment) for moment in (new.pull_requested_at, new.pulled_at) if moment is not None]
    common["occurredAt"] = max([common["occurredAt"], *later])
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
        previousStatus=was.status if was else None,
        status=now.status,
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
    return (order.status, order.quantity, order.filledQuantity or 0, order.averagePrice or 0,
            order.price or 0, order.triggerPrice or 0, order.errorCode)  # fmt: skip
