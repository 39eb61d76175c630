"""Reading a batch of orders field by field (docs/reference/gateway.md §4.3).

Only the fields that identify an order and its progress are required. An unreadable optional field is dropped, and its
text is kept in `unreadable`. Text that is too long is cut. An order that cannot be read is replaced by one with the
status UNREADABLE, so that the other orders are still read and the batch is not settled. Fields that follow from others
are filled in and listed in `derived`.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.domain.money import price
from securities_transactions.domain.orders import UNREADABLE, Batch, Order
from securities_transactions.domain.statuses import OrderStatus, Side

# The members beside the batch in a webhook or an orders API row. The last two names are ours: the Gateway never sends
# them.
IDENTITY: Final = frozenset({"transactionId", "broker", "notes", "smallcaseAuthId", "timestamp", "checksum"})
OURS: Final = frozenset({"derived", "unreadable"})
# The length of an unreadable value that is kept. An item holds 400 KB, an event 256 KB.
_MOST_TEXT: Final = 200
_MOST_DOCUMENT: Final = 150_000
_REQUIRED: Final = frozenset(name for name, field in Order.model_fields.items() if field.is_required())


def batch_of(message: Mapping[str, Any]) -> Batch:
    """The batch in a webhook body or an orders API row. Raises pydantic's `ValidationError` if it has no batchId."""
    document = {key: value for key, value in message.items() if key not in IDENTITY | OURS}
    try:
        batch = Batch.model_validate(document)
    except ValidationError:
        batch = Batch.model_validate(_repaired(document))
    if any(order.derived or order.unreadable for order in (*batch.orders, *batch.unplaced)):
        batch = Batch.model_validate(_repaired(document))
    if (batch.model_extra or _extras(batch)) and len(dumps(batch.as_sent())) > _MOST_DOCUMENT:
        batch = _without_extras(batch)
    return completed(batch)


def completed(batch: Batch) -> Batch:
    """`batch` with the fields that follow from others.

    COMPLETE without a filled quantity means completely filled. The Gateway writes 0 for a price that it does not have.
    If one filled order of a side lacks its price in a final batch, the price follows from the amount of that side minus
    the other orders.
    """
    orders = [_filled(order) for order in batch.orders]
    if any(order is not before for order, before in zip(orders, batch.orders, strict=True)):
        batch = batch.model_copy(update={"orders": tuple(orders)})
    if not batch.is_final:
        return batch
    orders = list(batch.orders)
    for side, amount in ((Side.BUY, batch.buyAmount), (Side.SELL, batch.sellAmount)):
        filled = [n for n, order in enumerate(orders) if order.transactionType == side and order.filledQuantity]
        missing = [n for n in filled if orders[n].averagePrice is None]
        if len(missing) != 1 or not amount or amount <= 0:
            continue
        known = sum((_amount(orders[n]) for n in filled if n not in missing), Decimal(0))
        shares = orders[missing[0]].filledQuantity
        if shares and amount > known:
            orders[missing[0]] = _derived(orders[missing[0]], averagePrice=price((amount - known) / shares))
    return batch.model_copy(update={"orders": tuple(orders)}) if orders != list(batch.orders) else batch


def _filled(order: Order) -> Order:
    complete = order.status == OrderStatus.COMPLETE and order.filledQuantity is None
    if complete and not order.has_unknown_fill:
        order = _derived(order, filledQuantity=order.quantity)
    if order.filledQuantity and order.averagePrice == 0:
        return order.model_copy(update={"averagePrice": None})
    return order


def pulled(batch: Batch) -> Batch:
    """A batch of the Gateway's own API.

    An order that is COMPLETE with a price and no filled share is completely filled.
    """

    def resolved(order: Order) -> Order:
        contradicts = order.status == OrderStatus.COMPLETE and order.filledQuantity == 0
        has_price = order.averagePrice is not None and order.averagePrice > 0
        return _derived(order, filledQuantity=order.quantity) if contradicts and has_price else order

    return completed(batch.model_copy(update={"orders": tuple(map(resolved, batch.orders))}))


def _amount(order: Order) -> Decimal:
    return (order.filledQuantity or 0) * (order.averagePrice or Decimal(0))


def _derived(order: Order, **fields: Any) -> Order:
    names = sorted({*(order.derived or ()), *fields})
    return order.model_copy(update={**fields, "derived": names})


def _repaired(document: Mapping[str, Any]) -> dict[str, Any]:
    repaired = {
        **document,
        "orders": _rows(document.get("orders")),
        "unplaced": _rows(document.get("unplaced")),
    }
    try:
        Batch.model_validate(repaired)
    except ValidationError as error:
        _repair(repaired, error, frozenset({"batchId", "orders", "unplaced"}))
    return repaired


def _rows(rows: Any) -> list[dict[str, Any]]:
    """The rows of a list of orders, without null rows.

    A null list is empty. An invalid row does not affect the others.
    """
    if rows is None:
        return []
    if not isinstance(rows, list | tuple):
        return [_placeholder({}, rows)]
    return [_row(row) for row in rows if row is not None]


def _row(row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        return _placeholder({}, row)
    repaired = {key: value for key, value in row.items() if key not in OURS}
    for _ in range(2):  # cut text may still be unreadable for another reason
        try:
            Order.model_validate(repaired)
        except ValidationError as error:
            if not _repair(repaired, error, _REQUIRED):
                return _placeholder(row, row)
        else:
            return repaired
    return _placeholder(row, row)


def _repair(document: dict[str, Any], error: ValidationError, required: frozenset[str]) -> bool:
    """Make the fields at fault readable or absent. Return False if one of them is required."""
    unreadable = dict(document.get("unreadable") or {})
    for fault in error.errors(include_url=False):
        name = str(fault["loc"][0])
        if name in required:
            return False
        value = document.get(name)
        if fault["type"] == "string_too_long" and isinstance(value, str):
            document[name] = value[: fault["ctx"]["max_length"]]
        elif name in document:
            del document[name]
            if value is not None and value != "":
                unreadable[name] = dumps(value)[:_MOST_TEXT]
    if unreadable:
        document["unreadable"] = unreadable
    return True


def _placeholder(row: Mapping[str, Any], raw: Any) -> dict[str, Any]:
    """An order in place of an unreadable one.

    It has the readable fields, the status UNREADABLE and the start of the text.
    """
    symbol, side, quantity = (row.get(name) for name in ("tradingsymbol", "transactionType", "quantity"))
    return {
        "tradingsymbol": symbol[:64] if isinstance(symbol, str) and symbol else "?",
        "transactionType": side if isinstance(side, str) and Side(side).is_known else "UNKNOWN",
        "status": UNREADABLE,
        "quantity": quantity if type(quantity) is int and 0 <= quantity <= 10**11 else 0,
        "unreadable": {"order": dumps(raw)[:_MOST_TEXT]},
    }


def _extras(batch: Batch) -> bool:
    return any(order.model_extra for order in (*batch.orders, *batch.unplaced))


def _without_extras(batch: Batch) -> Batch:
    """The batch without its unknown fields, for a batch that is too large to store with them."""

    def named(model: Order) -> Order:
        return Order.model_validate({name: getattr(model, name) for name in model.model_fields_set & _ORDER_FIELDS})

    fields: dict[str, Any] = {name: getattr(batch, name) for name in batch.model_fields_set & _BATCH_FIELDS}
    rows: dict[str, Sequence[Order]] = {"orders": batch.orders, "unplaced": batch.unplaced}
    return Batch.model_validate(fields | {name: tuple(map(named, orders)) for name, orders in rows.items()})


_ORDER_FIELDS: Final = frozenset(Order.model_fields)
_BATCH_FIELDS: Final = frozenset(Batch.model_fields)
