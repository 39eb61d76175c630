"""A batch as the Gateway sends it: its derived status, and that no field is lost (docs/reference/gateway.md §4.3,
§4.5)."""

from decimal import Decimal
from itertools import permutations

import pytest
from pydantic import ValidationError

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.order_reading import IDENTITY, batch_of
from securities_transactions.domain.orders import UNREADABLE, Batch
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


@pytest.mark.parametrize("status", ["MARKEDCOMPLETE", "COMPLETED", "CANCELLED", "ERROR"])
def test_batch_status_of_the_vendor_ends_no_order_at_the_exchange(status: str) -> None:
    made = batch(["COMPLETE", "PLACED"], [], status=status)
    assert (made.status, made.status_of_orders, made.is_final) == (status, "PLACED", False)


@pytest.mark.parametrize(
    ("orders", "lost"),
    [
        (["COMPLETE", "REJECTED"], False),
        (["COMPLETE"], False),
        (["CANCELLED"], False),
        (["COMPLETE", "ERROR"], True),
        (["ERROR"], True),
    ],
)
@pytest.mark.parametrize("word", ["MARKEDCOMPLETE", "markedComplete"])
def test_batch_that_the_vendor_has_closed_is_final(orders: list[str], lost: bool, word: str) -> None:
    """Also with an order at ERROR: that one is a person's to find out."""
    made = batch(orders, [], status=word)
    assert (made.status_of_orders, made.is_final, made.has_lost_order) == ("MARKEDCOMPLETE", True, lost)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("CANCELLED AMO", "CANCELLED_AMO"),
        ("cancelled amo", "CANCELLED_AMO"),
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
def test_shares_that_are_not_whole_or_out_of_bounds_make_an_order_unreadable(quantity: object) -> None:
    """The number of shares decides everything else."""
    row = {"tradingsymbol": "X", "transactionType": "BUY", "status": "COMPLETE", "quantity": quantity}
    read = batch_of({"batchId": "b", "orders": [row]})
    assert [(order.tradingsymbol, order.status, order.quantity) for order in read.orders] == [("X", UNREADABLE, 0)]
    assert not read.is_final


def legs(*rows: dict[str, object], **more: object) -> Batch:
    """A batch of orders of ten shares that differ as given."""
    row = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "COMPLETE", "quantity": 10}
    return batch_of({"batchId": "b", "orders": [{**row, **each} for each in rows], **more})


GOOD: dict[str, object] = {"filledQuantity": 10, "averagePrice": 5}


@pytest.mark.parametrize(
    "row",
    [
        {"filledQuantity": 0},
        {"filledQuantity": 11},
        {"status": "PLACED", "filledQuantity": 11},
        {"filledQuantity": 10, "averagePrice": "-0.01"},
        {"status": "REJECTED", "averagePrice": -1},
    ],
)
def test_numbers_that_contradict_one_another_are_unclear(row: dict[str, object]) -> None:
    """More filled than ordered, complete without a share, a negative price: none can be booked."""
    for made in (legs(row), legs(GOOD, row)):
        assert (made.is_unclear, made.contradicts_itself) == (True, True)
    assert (legs(GOOD).is_unclear, legs(GOOD).contradicts_itself) == (False, False)


@pytest.mark.parametrize("row", [{"status": "FROZEN"}, {"transactionType": "SHORT"}])
def test_unknown_word_is_unclear_and_no_contradiction(row: dict[str, object]) -> None:
    """A later version of the product may read it; a person has to until then."""
    made = legs(GOOD, {**GOOD, **row})
    assert (made.is_unclear, made.contradicts_itself) == (True, False)


def test_only_the_side_of_an_unplaced_order_can_be_unclear() -> None:
    """With any status, it was certainly not placed."""
    row = {"tradingsymbol": "X", "transactionType": "BUY", "status": "NEW", "quantity": 1}
    assert not legs(GOOD, unplaced=[row]).is_unclear
    assert legs(GOOD, unplaced=[{**row, "transactionType": "SHORT"}]).is_unclear
    assert legs(GOOD, unplaced=[7]).contradicts_itself


def test_batch_lacks_a_price_where_shares_were_filled_without_one() -> None:
    missing: dict[str, object] = {"filledQuantity": 10}
    assert legs(GOOD, missing).lacks_price
    assert legs({"status": "CANCELLED", "filledQuantity": 1}).lacks_price
    assert not legs(GOOD, {"status": "REJECTED", "filledQuantity": 0}, {"status": "PLACED"}).lacks_price


@pytest.mark.parametrize(
    ("stated", "status"),
    [("CANCELLED", "CANCELLED"), ("cancelled", "CANCELLED"), ("UNFILLED", "UNFILLED"), (None, "UNFILLED")],
)
def test_batch_status_shows_that_the_user_cancelled_limit_orders(stated: str | None, status: str) -> None:
    """The exchange may cancel too: only the batch status says who did."""
    assert batch(["CANCELLED", "CANCELLED AMO"], [], status=stated).status_of_orders == status


def test_cancelled_batch_with_another_outcome_is_not_cancelled() -> None:
    """A rejected or filled order, or one that was not placed, is beside the cancelled one."""
    assert batch(["CANCELLED", "REJECTED"], [], status="CANCELLED").status_of_orders == "UNFILLED"
    assert batch(["CANCELLED"], ["ERROR"], status="CANCELLED").status_of_orders == "UNFILLED"
    filled: dict[str, object] = {"status": "CANCELLED", "filledQuantity": 4, "averagePrice": 5}
    assert legs(filled, status="CANCELLED").status_of_orders == "PARTIALLYFILLED"
    assert batch(["PLACED"], [], status="CANCELLED").status_of_orders == "PLACED"


@pytest.mark.parametrize("batch_id", ["", None, "x" * 65])
def test_batch_without_a_valid_id_is_rejected(batch_id: object) -> None:
    with pytest.raises(ValidationError, match="batchId"):
        batch_of({"batchId": batch_id})
