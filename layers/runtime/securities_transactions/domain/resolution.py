"""A person's resolution of the orders whose outcome the Gateway cannot state.

A resolution is laid over the Gateway's orders, when it is made and at each later pull. It decides an order as long as
the Gateway states nothing that decides it, or still states the same as when the order was resolved. So a repeated ERROR
does not undo a resolution, and a later outcome of the Gateway corrects it, order by order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from securities_transactions.domain.cases import Resolution, ResolvedOrder, Statement
from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.orders import UNREADABLE, Batch, Order
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import OrderStatus, Side
from securities_transactions.domain.transaction import Transaction
from securities_transactions.domain.transitions import ScheduleCheck, Settle, ShownAccount, Transition

OUTCOMES: Final = (OrderStatus.COMPLETE, OrderStatus.PARTIAL, OrderStatus.REJECTED, OrderStatus.CANCELLED)
"""The statuses that a person can state."""

# The first look for the Gateway's own word after a resolution; the backoff grows from there.
_FIRST_CHECK = timedelta(minutes=10)


def is_undecided(order: Order) -> bool:
    """True if the Gateway's statement of a placed order does not decide what is to be booked."""
    lacks_price = bool(order.filledQuantity) and order.averagePrice is None
    return not order.status.is_final or order.is_unclear or lacks_price


def undecided_orders(transaction: Transaction) -> list[Order]:
    """The orders that a resolution has to state: those requested, where the Gateway has shown none."""
    batch = transaction.batch
    if batch is None:
        return list(_requested(transaction).orders)
    return [order for order in batch.orders if is_undecided(order)]


def checked(transaction: Transaction, resolution: Resolution) -> Resolution:
    """The resolution with the Gateway's statement of each order that it is about.

    Raises `InvalidField` where it leaves out an order that has to be stated, states another, or contradicts itself.
    """
    batch = transaction.batch or _requested(transaction)
    for number, each in enumerate(resolution.orders):
        _check_numbers(f"orders.{number}", each)
    matched = _matched(batch.orders, resolution.orders)
    by_order = {place: number for number, place in enumerate(matched) if place is not None}
    for number, place in enumerate(matched):
        if place is None:
            raise InvalidField(f"orders.{number}", "is not an order of this transaction", Fault.MEANING)
        if resolution.orders[number].filled_quantity > batch.orders[place].quantity > 0:
            raise InvalidField(f"orders.{number}.filledQuantity", "is more than was ordered", Fault.MEANING)
    for place, order in enumerate(batch.orders):
        if is_undecided(order) and place not in by_order:
            raise InvalidField("orders", f"leaves out {order.transactionType} {order.tradingsymbol}", Fault.MEANING)
    shown = transaction.batch is not None
    orders = [
        replace(each, against=_statement(batch.orders[place]) if shown and place is not None else None)
        for each, place in zip(resolution.orders, matched, strict=True)
    ]
    return replace(resolution, orders=tuple(orders))


def resolve(transaction: Transaction, resolution: Resolution, now: datetime) -> Transition:
    """The transition that books `resolution`, which `checked` has returned, at `now` (aware UTC).

    Checks go on afterwards: a later word of the Gateway corrects it.
    """
    batch, _ = overlaid(transaction.batch or _requested(transaction), resolution)
    account = ShownAccount(keeps_account=True)
    at = max(now, transaction.escalated_at or now)  # the case is open as long as it was settled before that
    settle = Settle(Snapshot(batch, now), at, account, resolution)
    return Transition(outcome=settle, check=ScheduleCheck(now + _FIRST_CHECK, 1))


def overlaid(batch: Batch, resolution: Resolution | None) -> tuple[Batch, bool]:
    """The batch with the resolution's statements where they decide, and whether any does."""
    if resolution is None:
        return batch, False
    orders, used = list(batch.orders), False
    for each, place in zip(resolution.orders, _matched(batch.orders, resolution.orders), strict=True):
        if place is not None and _decides(each, orders[place]):
            orders[place], used = _as_resolved(orders[place], each), True
    if not used:
        return batch, False
    amounts = {"buyAmount": _amount(orders, Side.BUY), "sellAmount": _amount(orders, Side.SELL)}
    document = batch.as_sent() | {"orders": [order.as_sent() for order in orders]} | amounts
    return Batch.model_validate(document), True


def _decides(resolved: ResolvedOrder, order: Order) -> bool:
    return is_undecided(order) or resolved.against == _statement(order)


def _statement(order: Order) -> Statement:
    return Statement(order.status, order.filledQuantity, order.averagePrice)


def _as_resolved(order: Order, resolved: ResolvedOrder) -> Order:
    sent = {name: value for name, value in order.as_sent().items() if name not in ("unreadable", "averagePrice")}
    stated: dict[str, Any] = {
        "transactionType": resolved.side,
        "status": resolved.status,
        "filledQuantity": resolved.filled_quantity,
        "quantity": order.quantity or resolved.quantity,
    }
    if resolved.average_price is not None:
        stated["averagePrice"] = resolved.average_price
    if resolved.exchange_order_id is not None:
        stated["exchangeOrderId"] = resolved.exchange_order_id
    return Order.model_validate(sent | stated)


def _matched(orders: Sequence[Order], resolved: Sequence[ResolvedOrder]) -> list[int | None]:
    """For each resolved order the place of the order that it is about, each place once.

    The closest come first: the same exchange order, then the same quantity, then the same security and side.
    """
    found: list[int | None] = [None] * len(resolved)
    taken: set[int] = set()
    for closeness in (3, 2, 1):
        for number, each in enumerate(resolved):
            if found[number] is None:
                place = next((p for p in _free(orders, taken) if _closeness(orders[p], each) >= closeness), None)
                if place is not None:
                    found[number] = place
                    taken.add(place)
    return found


def _free(orders: Sequence[Order], taken: set[int]) -> Iterator[int]:
    return (place for place in range(len(orders)) if place not in taken)


def _closeness(order: Order, resolved: ResolvedOrder) -> int:
    if order.tradingsymbol != resolved.tradingsymbol:
        return 0
    if order.transactionType.is_known and order.status != UNREADABLE and order.transactionType != resolved.side:
        return 0
    ids = (order.exchangeOrderId, resolved.exchange_order_id)
    if None not in ids:
        return 3 if ids[0] == ids[1] else 0
    return 2 if order.quantity == resolved.quantity else 1


def _check_numbers(field: str, order: ResolvedOrder) -> None:
    filled, price = order.filled_quantity, order.average_price
    fits = {
        OrderStatus.COMPLETE: filled == order.quantity > 0,
        OrderStatus.PARTIAL: 0 < filled < order.quantity,
        OrderStatus.CANCELLED: 0 <= filled < order.quantity,
        OrderStatus.REJECTED: filled == 0,
    }
    if not fits.get(order.status, False):
        raise InvalidField(f"{field}.filledQuantity", f"does not fit the status {order.status}", Fault.MEANING)
    if bool(filled) != (price is not None):
        detail = "is needed where shares were filled" if filled else "is not part of an order without a fill"
        raise InvalidField(f"{field}.averagePrice", detail, Fault.MEANING)


def _amount(orders: Sequence[Order], side: Side) -> Decimal:
    of_side = [order for order in orders if order.transactionType == side and order.filledQuantity]
    total = sum((Decimal(order.filledQuantity or 0) * Decimal(order.averagePrice or 0) for order in of_side), Decimal())
    return total.quantize(Decimal("0.0001"))


def _requested(transaction: Transaction) -> Batch:
    """The requested orders as a batch, for a transaction of which the Gateway has shown none."""
    config = transaction.requested.value.get("orderConfig", {})
    orders = [
        {
            "tradingsymbol": each["ticker"],
            "transactionType": each.get("type") or "",
            "status": OrderStatus.ERROR,
            "quantity": each.get("quantity") or 0,
        }
        for each in config.get("securities", ())
    ]
    return Batch.model_validate({"batchId": transaction.batch_id or transaction.transaction_id[:64], "orders": orders})
