"""The Gateway's words for the state of an order and of a batch, and the batch state we derive from its orders.

The vendor recommends the stock-level statuses over its own batch-level one (docs/gateway.md §4.5). Every set here is
open: a status that is not listed is kept as it came and counts as not final.
"""

from collections.abc import Iterable, Sequence
from typing import Final

PLACED: Final = "PLACED"
ERROR: Final = "ERROR"
COMPLETE: Final = "COMPLETE"
PARTIAL: Final = "PARTIAL"
REJECTED: Final = "REJECTED"
CANCELLED: Final = "CANCELLED"
CANCELLED_AMO: Final = "CANCELLED AMO"

FINAL_ORDER: Final = frozenset({COMPLETE, PARTIAL, REJECTED, CANCELLED, CANCELLED_AMO})
ORDER_STATUSES: Final = FINAL_ORDER | {PLACED, ERROR}

PARTIALLYPLACED: Final = "PARTIALLYPLACED"
COMPLETED: Final = "COMPLETED"
PARTIALLYFILLED: Final = "PARTIALLYFILLED"
UNFILLED: Final = "UNFILLED"
UNPLACED: Final = "UNPLACED"
MARKEDCOMPLETE: Final = "MARKEDCOMPLETE"

FINAL_BATCH: Final = frozenset({COMPLETED, PARTIALLYFILLED, UNFILLED, UNPLACED, CANCELLED, MARKEDCOMPLETE})
BATCH_STATUSES: Final = FINAL_BATCH | {PLACED, PARTIALLYPLACED, ERROR}

# Two states of our own, for a transaction that has no orders.
CREATED: Final = "CREATED"
FAILED: Final = "FAILED"


def canonical(status: str) -> str:
    """The spelling we compare by: the space in CANCELLED AMO may come as an underscore (docs/gateway.md §4.5)."""
    return CANCELLED_AMO if status == "CANCELLED_AMO" else status


def is_final(status: str) -> bool:
    """Whether an order in this stock-level status can no longer change."""
    return canonical(status) in FINAL_ORDER


def derive(orders: Sequence[tuple[str, int]], unplaced: int) -> str:
    """The batch status that `orders`, as (status, shares filled), and a count of unplaced orders amount to.

    An ERROR in `orders` is unknown and keeps the batch open; an unplaced order is certainly not placed and is final.
    ERROR is the batch's own status once nothing else is open: it waits for a person, not for the exchange.
    """
    statuses = [canonical(status) for status, _ in orders]
    if not statuses:
        return UNPLACED
    open_ = [status for status in statuses if status not in FINAL_ORDER]
    if open_:
        if all(status == ERROR for status in open_):
            return ERROR
        return PARTIALLYPLACED if unplaced else PLACED
    if _all(statuses, COMPLETE) and not unplaced:
        return COMPLETED
    if any(filled for _, filled in orders) or COMPLETE in statuses or PARTIAL in statuses:
        return PARTIALLYFILLED
    return CANCELLED if _all(statuses, CANCELLED_AMO) and not unplaced else UNFILLED


def _all(statuses: Iterable[str], status: str) -> bool:
    return all(each == status for each in statuses)
