"""The events of a change of a stored item. Pure: the same change always gives the same events.

Every version of a transaction has at least one event with that `sequence`, so a consumer that receives every sequence
has missed nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from securities_transactions.domain.books import Run
from securities_transactions.domain.orders import Batch, Order
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.stored_webhook import StoredWebhook
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import AccountLink, Confirmation, Source, Transaction
from securities_transactions.events.schemas import (
    BooksClosed,
    BrokerAccountConflict,
    BrokerAccountLinked,
    BrokerTotals,
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
    UnresolvedTransaction,
    WebhookReceived,
)


def of_transaction(old: Transaction | None, new: Transaction) -> list[Event]:
    """The events of a transaction's change from `old` to `new`: one about its state for each version."""
    if old is not None and new.version == old.version:
        return _account_events(old, new)
    event = _state_event(old, new)
    return ([] if event is None else [event]) + _account_events(old, new)


def of_webhook(webhook: StoredWebhook, body: Mapping[str, Any] | None) -> Event:
    """The event of a stored webhook that is not about an order."""
    return WebhookReceived.model_validate(
        {
            "eventId": webhook.webhook_id,
            "occurredAt": timestamp_text(webhook.received_at),
            "transactionId": webhook.transaction_id,
            "notes": webhook.user_id,
            "smallcaseAuthId": webhook.smallcase_auth_id,
            "webhookId": webhook.webhook_id,
            "kind": webhook.kind,
            "verified": ["timestamp", "transactionId" if webhook.smallcase_auth_id is None else "smallcaseAuthId"],
            "body": body,
        }
    )


def of_closing(run: Run) -> BooksClosed:
    """The event of a closing whose counts are complete: the same however often it is made."""
    tally, closing, closed_at = run.tally, run.closing, run.closed_at or run.started_at
    return BooksClosed(
        eventId=f"books.{closing.day.isoformat()}.{run.number}",
        occurredAt=timestamp_text(closed_at),
        day=closing.day.isoformat(),
        since=timestamp_text(closing.since),
        until=timestamp_text(closing.until),
        transactions=sum(books.transactions for books in tally.brokers.values()),
        orders=sum(books.orders for books in tally.brokers.values()),
        brokers=[
            BrokerTotals(
                broker=name,
                transactions=books.transactions,
                orders=books.orders,
                buyAmount=books.buy_amount,
                sellAmount=books.sell_amount,
            )
            for name, books in sorted(tally.brokers.items())
        ],
        failed=tally.failed,
        open=tally.open,
        corrected=tally.corrected,
        correctedTransactions=list(tally.corrected_ids),
        drift=tally.drift,
        unresolved=[
            UnresolvedTransaction(transactionId=transaction_id, reason=doubt.value)
            for transaction_id, doubt in tally.unresolved
        ],
    )


def latest(transaction: Transaction) -> list[Event]:
    """The events of the stored state of a transaction, from its item alone, for republishing.

    A version that was published before has the same event id. The changes are not known and absent.
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
                # Only a retraction confirms the absence of orders and leaves the transaction open.
                return OrdersRetracted(**common, batchId=new.batch_id)
            return _created(new, common)
    if _is_escalation(old, new):
        return _unknown(old, new, common)
    if batch is None or new.confirmation is None or (old is not None and _standing(old) == _standing(new)):
        return None
    if new.is_settled:
        kind: type[OrdersEvent] = OrdersSettled
    else:
        first = old is not None and old.orders is None and bool(batch.orders)
        kind = OrdersPlaced if first else OrdersProgressed
    changes = None if old is None else changed_orders(old.batch, batch)
    return kind.model_validate(common | _batch_fields(new, batch) | {"changes": changes})


def _is_escalation(old: Transaction | None, new: Transaction) -> bool:
    """True if the change escalates the transaction.

    Without `old`: true if the transaction is escalated and not settled, because the outcome of settled orders is known.
    """
    if old is None:
        return new.escalated_at is not None and not new.is_settled
    return new.escalated_at is not None and new.escalated_at != old.escalated_at


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
        "reference": new.reference,
        "test": True if new.is_test else None,
    }


def _batch_fields(new: Transaction, batch: Batch) -> dict[str, Any]:
    return {
        "confirmation": new.confirmation,
        "source": "person" if new.source is Source.PERSON else None,
        "batchId": batch.batchId,
        "variety": batch.variety,
        "batchStatus": batch.status,
        "completedDate": batch.completedDate,
        "quantity": batch.quantity,
        "filled": batch.filled,
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
    # The id identifies the fact, not the version: the item does not record at which version the account was linked.
    common["eventId"] = f"{new.transaction_id}.{new.account}.{new.smallcase_auth_id}"
    later = [timestamp_text(moment) for moment in (new.pull_requested_at, new.pulled_at) if moment is not None]
    common["occurredAt"] = max([common["occurredAt"], *later])
    return [kind(**common)]


def changed_orders(old: Batch | None, new: Batch) -> list[OrderChange]:
    """The changes of each security between two states of a batch: in the order of `new`, removed ones last."""
    before = [*old.orders, *old.unplaced] if old is not None else []
    after = [*new.orders, *new.unplaced]
    was = _matched(before, after)
    changes = [
        _change(earlier, order)
        for order, earlier in zip(after, was, strict=True)
        if earlier is None or _facts(earlier) != _facts(order)
    ]
    kept = {id(earlier) for earlier in was}
    return changes + [_change(order, None) for order in before if id(order) not in kept]


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


def _matched(before: Sequence[Order], after: Sequence[Order]) -> list[Order | None]:
    """For each order of `after`, the same order in `before`, independent of the order of the rows.

    A basket may contain a security twice. Such orders are matched by their exchangeOrderId, which an order has once it
    has reached the exchange, then by the requested values, and last by their position.
    """
    found: list[Order | None] = [None] * len(after)
    left = list(before)
    for key in (_exchange_id, _request, _security):
        by_key: dict[tuple[Any, ...], list[Order]] = {}
        for order in left:
            if (name := key(order)) is not None:
                by_key.setdefault(name, []).append(order)
        for n, order in enumerate(after):
            if found[n] is None and (name := key(order)) is not None:
                same = [each for each in by_key.get(name, ()) if not _have_different_ids(each, order)]
                if same:
                    found[n] = same[0]
                    by_key[name] = [each for each in by_key[name] if each is not same[0]]
        taken = {id(order) for order in found}
        left = [order for order in left if id(order) not in taken]
    return found


def _security(order: Order) -> tuple[Any, ...]:
    return (order.tradingsymbol, order.transactionType)


def _request(order: Order) -> tuple[Any, ...]:
    return (*_security(order), order.quantity, order.price or 0, order.triggerPrice or 0)


def _exchange_id(order: Order) -> tuple[Any, ...] | None:
    return None if order.exchangeOrderId is None else (*_security(order), order.exchangeOrderId)


def _have_different_ids(one: Order, other: Order) -> bool:
    return None not in (one.exchangeOrderId, other.exchangeOrderId) and one.exchangeOrderId != other.exchangeOrderId


def _facts(order: Order) -> tuple[Any, ...]:
    return (order.status, order.quantity, order.filledQuantity or 0, order.averagePrice or 0,
            order.price or 0, order.triggerPrice or 0, order.errorCode)  # fmt: skip
