"""A batch as the Gateway sends it: what it amounts to, and that nothing of it is lost (docs/gateway.md §4.3, §4.5)."""

from decimal import Decimal
from itertools import permutations

import pytest
from pydantic import ValidationError

from securities_transactions.domain import statuses
from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.orders import IDENTITY, Batch, batch_of
from securities_transactions.domain.statuses import derive

_KINDS = [(status, 0) for status in sorted({*statuses.ORDER_STATUSES, "FROZEN"})] + [("CANCELLED", 3)]


def test_the_order_in_which_the_orders_are_listed_says_nothing() -> None:
    """For every three orders and any permutation of them."""
    for first in _KINDS:
        for second in _KINDS:
            for unplaced in (0, 1):
                three = [first, second, ("COMPLETE", 5)]
                assert len({derive(list(each), unplaced) for each in permutations(three)}) == 1, (three, unplaced)


def test_a_status_that_nobody_knows_keeps_a_batch_open_whatever_stands_beside_it() -> None:
    """It is kept as it came; taking it for final could settle what goes on."""
    for kind in _KINDS:
        assert derive([("FROZEN", 0), kind], 0) == "PLACED"
        assert derive([("FROZEN", 0), kind], 1) == "PARTIALLYPLACED"


def batch(orders: list[str], unplaced: list[str], **more: object) -> Batch:
    """A batch with orders of these statuses."""
    row = {"tradingsymbol": "INFY", "transactionType": "BUY", "quantity": 1}
    return batch_of(
        {
            "batchId": "b",
            "orders": [{**row, "status": status} for status in orders],
            "unplaced": [{**row, "status": status} for status in unplaced],
            **more,
        }
    )


def test_an_error_among_orders_is_unknown_and_an_error_among_unplaced_is_certainly_not_placed() -> None:
    """The same word in two places: the first may still turn out to be filled, the second never will."""
    unknown, not_placed = batch(["ERROR"], []), batch([], ["ERROR"])
    assert (unknown.derived_status, unknown.is_final) == ("ERROR", False)
    assert (not_placed.derived_status, not_placed.is_final) == ("UNPLACED", True)


def test_a_batch_without_any_order_has_not_begun() -> None:
    """UNPLACED is final where an order is listed as unplaced, and nothing at all where none is."""
    assert not batch([], []).is_final
    assert batch([], ["ERROR"]).is_final


def test_the_vendors_own_batch_status_is_kept_and_decides_nothing() -> None:
    said = batch(["PLACED"], [], status="MARKEDCOMPLETE")
    assert (said.status, said.derived_status, said.is_final) == ("MARKEDCOMPLETE", "PLACED", False)


@pytest.mark.parametrize("status", ["CANCELLED_AMO", "CANCELLED AMO", "FROZEN", ""])
def test_a_status_is_shown_as_it_came(status: str) -> None:
    """Spellings are made one for comparing only."""
    assert batch([status], []).as_sent()["orders"][0]["status"] == status


def test_what_is_unknown_survives_and_what_was_not_sent_is_not_invented() -> None:
    """Fields, codes and brokers of tomorrow: readers are tolerant at every level."""
    row = {
        "tradingsymbol": "M&M",
        "transactionType": "HOLD",
        "status": "FROZEN",
        "quantity": 2,
        "errorCode": "newError",
    }
    row |= {"segment": {"of": ["tomorrow", 0.1, None]}}
    sent = {"batchId": "b", "status": "HALTED", "orders": [row], "legs": [1, {"x": 2.50}], "underlying": None}
    assert dumps(batch_of(loads(dumps(loads(dumps(sent))))).as_sent(), sort_keys=True) == dumps(sent, sort_keys=True)


def test_an_explicit_null_stays_apart_from_what_was_not_sent() -> None:
    assert batch([], [], completedDate=None).as_sent()["completedDate"] is None
    assert "completedDate" not in batch([], []).as_sent()


def test_who_and_when_are_no_part_of_the_batch() -> None:
    """The same state by webhook, SDK and pull is the same batch, byte for byte."""
    assert batch(["PLACED"], [], **dict.fromkeys(IDENTITY, "x")) == batch(["PLACED"], [])


def test_money_is_exact_and_ids_that_come_as_numbers_become_text() -> None:
    """The binary noise goes, the paise stay."""
    text = """{"batchId": 1234, "buyAmount": 1575.0900000000001, "sellAmount": 0.1, "orders": [{"tradingsymbol": "X",
        "transactionType": "BUY", "status": "COMPLETE", "quantity": 3, "averagePrice": 100.30000000000001,
        "exchangeOrderId": 1100000012345678}]}"""
    read = batch_of(loads(text))
    assert (read.batchId, read.buyAmount, read.sellAmount) == ("1234", Decimal("1575.09"), Decimal("0.1"))
    assert (read.orders[0].averagePrice, read.orders[0].exchangeOrderId) == (Decimal("100.3"), "1100000012345678")


@pytest.mark.parametrize("quantity", [-1, 1.5, 10**11 + 1, None, "many"])
def test_shares_are_whole_and_bounded(quantity: object) -> None:
    row = {"tradingsymbol": "X", "transactionType": "BUY", "status": "PLACED", "quantity": quantity}
    with pytest.raises(ValidationError, match="quantity"):
        batch_of({"batchId": "b", "orders": [row]})


@pytest.mark.parametrize("batch_id", ["", None, "x" * 65])
def test_a_batch_has_an_id(batch_id: object) -> None:
    with pytest.raises(ValidationError, match="batchId"):
        batch_of({"batchId": batch_id})
