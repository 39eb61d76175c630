"""A batch as the Gateway sends it: its derived status, and that no field is lost (docs/gateway.md §4.3, §4.5)."""

from decimal import Decimal
from itertools import permutations

import pytest
from pydantic import ValidationError

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.orders import IDENTITY, Batch, batch_of
from securities_transactions.domain.statuses import OrderStatus, Status, derive

_FROZEN = OrderStatus("FROZEN")
_KINDS = [(status, 0) for status in sorted([*OrderStatus, _FROZEN])] + [(OrderStatus.CANCELLED, 3)]


def test_status_of_orders_does_not_depend_on_the_order_of_orders() -> None:
    """For every three orders and any permutation of them."""
    for first in _KINDS:
        for second in _KINDS:
            for unplaced in (0, 1):
                three = [first, second, (OrderStatus.COMPLETE, 5)]
                assert len({derive(list(each), unplaced) for each in permutations(three)}) == 1, (three, unplaced)


def test_unknown_status_leaves_a_batch_open_beside_any_other() -> None:
    """Taking it for final could settle a batch that still changes."""
    for kind in _KINDS:
        assert derive([(_FROZEN, 0), kind], 0) is Status.PLACED
        assert derive([(_FROZEN, 0), kind], 1) is Status.PARTIALLYPLACED


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


def test_error_in_orders_is_unknown_and_error_in_unplaced_is_final() -> None:
    """The same word in two places: the first may still turn out to be filled, the second never will."""
    unknown, not_placed = batch(["ERROR"], []), batch([], ["ERROR"])
    assert (unknown.status_of_orders, unknown.is_final) == ("ERROR", False)
    assert (not_placed.status_of_orders, not_placed.is_final) == ("UNPLACED", True)


def test_batch_without_any_order_is_not_final() -> None:
    """UNPLACED is final only where an order is listed as unplaced."""
    assert not batch([], []).is_final
    assert batch([], ["ERROR"]).is_final


def test_batch_status_of_the_vendor_is_stored_and_decides_nothing() -> None:
    made = batch(["PLACED"], [], status="MARKEDCOMPLETE")
    assert (made.status, made.status_of_orders, made.is_final) == ("MARKEDCOMPLETE", "PLACED", False)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("CANCELLED_AMO", "CANCELLED AMO"),
        ("cancelled amo", "CANCELLED AMO"),
        ("Complete", "COMPLETE"),
        ("FROZEN", "FROZEN"),
        ("Frozen for now", "Frozen for now"),
    ],
)
def test_known_status_has_one_spelling_and_an_unknown_one_its_own(sent: str, read: str) -> None:
    assert batch([sent], []).as_sent()["orders"][0]["status"] == read


def test_unknown_fields_and_words_survive_and_absent_fields_stay_absent() -> None:
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


def test_explicit_null_is_not_the_same_as_absent() -> None:
    assert batch([], [], completedDate=None).as_sent()["completedDate"] is None
    assert "completedDate" not in batch([], []).as_sent()


def test_identity_fields_are_not_part_of_the_batch() -> None:
    """The same state by webhook, SDK and pull is the same batch, byte for byte."""
    assert batch(["PLACED"], [], **dict.fromkeys(IDENTITY, "x")) == batch(["PLACED"], [])


def test_money_is_exact_and_numeric_ids_become_text() -> None:
    """The binary noise goes, the paise stay."""
    text = """{"batchId": 1234, "buyAmount": 1575.0900000000001, "sellAmount": 0.1, "orders": [{"tradingsymbol": "X",
        "transactionType": "BUY", "status": "COMPLETE", "quantity": 3, "averagePrice": 100.30000000000001,
        "exchangeOrderId": 1100000012345678}]}"""
    read = batch_of(loads(text))
    assert (read.batchId, read.buyAmount, read.sellAmount) == ("1234", Decimal("1575.09"), Decimal("0.1"))
    assert (read.orders[0].averagePrice, read.orders[0].exchangeOrderId) == (Decimal("100.3"), "1100000012345678")


@pytest.mark.parametrize("quantity", [-1, 1.5, 10**11 + 1, None, "many"])
def test_shares_that_are_not_whole_or_out_of_bounds_are_rejected(quantity: object) -> None:
    row = {"tradingsymbol": "X", "transactionType": "BUY", "status": "PLACED", "quantity": quantity}
    with pytest.raises(ValidationError, match="quantity"):
        batch_of({"batchId": "b", "orders": [row]})


@pytest.mark.parametrize("batch_id", ["", None, "x" * 65])
def test_batch_without_a_valid_id_is_rejected(batch_id: object) -> None:
    with pytest.raises(ValidationError, match="batchId"):
        batch_of({"batchId": batch_id})
