"""The Gateway's statuses and sides, and the batch status that is derived from the orders.

The vendor recommends the stock-level statuses over the batch-level status (docs/reference/gateway.md §4.5). Every set
is open: an unlisted value is kept as sent, counts as not final, and decides nothing.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Self

_MOST_CHARACTERS: Final = 64


class OpenEnum(StrEnum):
    """A set of values that the vendor may extend.

    Case, spaces, hyphens and underscores are ignored: `OrderStatus("cancelled amo")` is the listed member. An unlisted
    value becomes a member of its own, cut at 64 characters. It equals the same value and no listed member.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        value = value[:_MOST_CHARACTERS]
        wanted = _spelled(value)
        for member in cls:
            if _spelled(member.value) == wanted:
                return member
        unknown = str.__new__(cls, value)
        unknown._name_, unknown._value_ = value, value
        return unknown

    @property
    def is_known(self) -> bool:
        """True if this version of the product lists the value."""
        return self._name_ in type(self).__members__


def _spelled(word: str) -> str:
    return "_".join(word.upper().replace("-", " ").replace("_", " ").split())


class OrderStatus(OpenEnum):
    """The stock-level statuses."""

    PLACED = "PLACED"
    ERROR = "ERROR"
    COMPLETE = "COMPLETE"
    PARTIAL = "PARTIAL"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    CANCELLED_AMO = "CANCELLED_AMO"

    @property
    def is_final(self) -> bool:
        """True if an order in this status can no longer change."""
        return self in _FINAL_ORDER


class Side(OpenEnum):
    """`transactionType`: the side of the trade."""

    BUY = "BUY"
    SELL = "SELL"


class Status(OpenEnum):
    """The status of a transaction: derived from its orders, or one of two statuses of ours if it has none."""

    CREATED = "CREATED"
    FAILED = "FAILED"
    PLACED = "PLACED"
    PARTIALLYPLACED = "PARTIALLYPLACED"
    ERROR = "ERROR"
    COMPLETED = "COMPLETED"
    PARTIALLYFILLED = "PARTIALLYFILLED"
    UNFILLED = "UNFILLED"
    UNPLACED = "UNPLACED"
    CANCELLED = "CANCELLED"
    MARKEDCOMPLETE = "MARKEDCOMPLETE"

    @property
    def is_final(self) -> bool:
        """True if every order of a batch in this status is final."""
        return self in _FINAL_BATCH


class GatewayStatus(OpenEnum):
    """The Gateway's status of a transaction (docs/reference/gateway.md §2.2)."""

    INITIALIZED = "INITIALIZED"
    USED = "USED"
    PROCESSING = "PROCESSING"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    ERRORED = "ERRORED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"

    @property
    def rules_out_orders(self) -> bool:
        """True if no order exists unless one was requested. Only these statuses can fail a transaction."""
        return self in _WITHOUT_ORDERS


_FINAL_ORDER: Final = frozenset(
    {
        OrderStatus.COMPLETE,
        OrderStatus.PARTIAL,
        OrderStatus.REJECTED,
        OrderStatus.CANCELLED,
        OrderStatus.CANCELLED_AMO,
    }
)
_CANCELLED: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.CANCELLED_AMO})
_FINAL_BATCH: Final = frozenset(
    {
        Status.COMPLETED,
        Status.PARTIALLYFILLED,
        Status.UNFILLED,
        Status.UNPLACED,
        Status.CANCELLED,
        Status.MARKEDCOMPLETE,
    }
)
_WITHOUT_ORDERS: Final = frozenset(
    {
        GatewayStatus.INITIALIZED,
        GatewayStatus.USED,
        GatewayStatus.ERRORED,
        GatewayStatus.CANCELLED,
        GatewayStatus.EXPIRED,
    }
)


def derive(orders: Sequence[tuple[OrderStatus, int]], unplaced: int, stated: str | None = None) -> Status:
    """Derive the batch status from `orders`, as (status, filled shares), and the number of unplaced orders.

    An ERROR in `orders` is unknown and keeps the batch open. An unplaced order is certainly not placed and is final.
    The batch has the status ERROR once nothing else is open: it waits for an operator, not for the exchange. `stated`
    is the Gateway's own batch status. Only it shows that the user cancelled a limit order, or that the vendor has
    closed the batch without knowing the outcome of its orders.
    """
    statuses = [status for status, _ in orders]
    if not statuses:
        return Status.UNPLACED
    open_ = [status for status in statuses if not status.is_final]
    if _all(open_, OrderStatus.ERROR) and Status(stated or "") == Status.MARKEDCOMPLETE:
        return Status.MARKEDCOMPLETE
    if open_:
        if all(status == OrderStatus.ERROR for status in open_):
            return Status.ERROR
        return Status.PARTIALLYPLACED if unplaced else Status.PLACED
    if _all(statuses, OrderStatus.COMPLETE) and not unplaced:
        return Status.COMPLETED
    if any(filled for _, filled in orders) or OrderStatus.COMPLETE in statuses or OrderStatus.PARTIAL in statuses:
        return Status.PARTIALLYFILLED
    if unplaced or not all(status in _CANCELLED for status in statuses):
        return Status.UNFILLED
    by_user = _all(statuses, OrderStatus.CANCELLED_AMO) or Status(stated or "") == Status.CANCELLED
    return Status.CANCELLED if by_user else Status.UNFILLED


def _all(statuses: Sequence[OrderStatus], status: OrderStatus) -> bool:
    return all(each == status for each in statuses)
