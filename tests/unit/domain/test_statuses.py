"""The batch status that the stock-level statuses amount to (docs/gateway.md §4.5)."""

import pytest

from securities_transactions.domain import statuses
from securities_transactions.domain.statuses import canonical, derive, is_final

FILLED, NONE = 10, 0


@pytest.mark.parametrize(
    ("orders", "unplaced", "expected"),
    [
        ([], 0, "UNPLACED"),
        ([], 2, "UNPLACED"),
        ([("PLACED", NONE)], 0, "PLACED"),
        ([("PLACED", NONE), ("COMPLETE", FILLED)], 0, "PLACED"),
        ([("PLACED", NONE), ("ERROR", NONE)], 0, "PLACED"),
        ([("something new", NONE)], 0, "PLACED"),
        ([("PLACED", NONE)], 1, "PARTIALLYPLACED"),
        ([("ERROR", NONE)], 0, "ERROR"),
        ([("ERROR", NONE), ("COMPLETE", FILLED)], 1, "ERROR"),
        ([("COMPLETE", FILLED)], 0, "COMPLETED"),
        ([("COMPLETE", FILLED)] * 2, 0, "COMPLETED"),
        ([("COMPLETE", FILLED)], 1, "PARTIALLYFILLED"),
        ([("COMPLETE", NONE), ("REJECTED", NONE)], 0, "PARTIALLYFILLED"),
        ([("PARTIAL", NONE)], 0, "PARTIALLYFILLED"),
        ([("CANCELLED", 4)], 0, "PARTIALLYFILLED"),
        ([("REJECTED", NONE), ("CANCELLED", NONE)], 0, "UNFILLED"),
        ([("CANCELLED", NONE)], 0, "UNFILLED"),
        ([("CANCELLED AMO", NONE)], 0, "CANCELLED"),
        ([("CANCELLED_AMO", NONE), ("CANCELLED AMO", NONE)], 0, "CANCELLED"),
        ([("CANCELLED AMO", NONE)], 1, "UNFILLED"),
        ([("CANCELLED AMO", NONE), ("REJECTED", NONE)], 0, "UNFILLED"),
    ],
)
def test_the_batch_status_is_derived(orders: list[tuple[str, int]], unplaced: int, expected: str) -> None:
    """From the orders' own statuses; ERROR stays open, unplaced is final."""
    assert derive(orders, unplaced) == expected


@pytest.mark.parametrize("status", ["COMPLETE", "PARTIAL", "REJECTED", "CANCELLED", "CANCELLED AMO", "CANCELLED_AMO"])
def test_final_orders_do_not_change_any_more(status: str) -> None:
    """In either spelling of CANCELLED AMO."""
    assert is_final(status)


@pytest.mark.parametrize("status", ["PLACED", "ERROR", "", "complete", "COMPLETED", "CANCELLED  AMO"])
def test_anything_else_may_still_change(status: str) -> None:
    """The set is open: what is not listed is not final."""
    assert not is_final(status)
    assert canonical(status) == status


def test_final_batches_are_the_documented_ones() -> None:
    """MARKEDCOMPLETE too: the Gateway closed it."""
    documented = {"COMPLETED", "PARTIALLYFILLED", "UNFILLED", "UNPLACED", "CANCELLED", "MARKEDCOMPLETE"}
    assert documented == statuses.FINAL_BATCH
    assert documented | {"PLACED", "PARTIALLYPLACED", "ERROR"} == statuses.BATCH_STATUSES
    assert statuses.FINAL_ORDER | {"PLACED", "ERROR"} == statuses.ORDER_STATUSES
    assert (statuses.CREATED, statuses.FAILED) == ("CREATED", "FAILED")
