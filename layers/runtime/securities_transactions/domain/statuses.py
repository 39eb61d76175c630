"""The words that the Gateway uses for states and sides, and the batch status that is derived from its orders.

The vendor recommends the stock-level statuses over its own batch-level one (docs/reference/gateway.md §4.5). Every set
is open: a word that is not listed is kept as it was sent, counts as not final, and decides nothing.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Self

_MOST_CHARACTERS: Final = 64


class OpenEnum(StrEnum):
    """A set of words that the vendor may extend.

    Case, spaces, hyphens and underscores do not matter: `OrderStatus("cancelled amo")` is the listed member. A word
    that is not listed becomes a member of its own, cut at 64 characters, which equals the same word and no listed one.
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
        """Whether this version of the product lists the word."""
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
        """Whether an order in this status can no longer change."""
        return self in _FINAL_ORDER


class Side(OpenEnum):
    """`transactionType`: which side of the trade an order is on."""

    BUY = "BUY"
    SELL = "SELL"


class Status(OpenEnum):
    """The status of a transaction: derived from its orders, or one of two of our own where it has none."""

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
        """Whether every order of a batch in this status is final."""
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
        """Whether no order exists as long as none was requested. Only these words can fail a transaction."""
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
    """The batch status that `orders`, as (status, shares filled), and a count of unplaced orders amount to.

    An ERROR in `orders` is unknown and keeps the batch open; an unplaced order is certainly not placed and is final.
    ERROR is the batch's own status once nothing else is open: it waits for a person, not for the exchange. `stated` is
    the Gateway's own batch status: it alone tells that the user cancelled a limit order, and that the vendor has closed
    the batch whatever became of its orders.
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
