"""Reading orders field by field: unreadable fields are absent and named, derivable fields are derived."""

import json
from decimal import Decimal
from typing import Any, Final

import pytest
from pydantic import ValidationError

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.order_reading import batch_of, completed, pulled
from securities_transactions.domain.orders import UNREADABLE, Batch, Order

ORDER: Final = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "PLACED", "quantity": 10}
FILLED: Final = {**ORDER, "status": "COMPLETE", "filledQuantity": 10, "averagePrice": 1500}


def read(*rows: Any, **more: Any) -> Batch:
    """A batch of these rows, sent as JSON."""
    return batch_of(loads(json.dumps({"batchId": "b1", "orders": rows, **more})))


def only(*rows: Any, **more: Any) -> Order:
    """The only order of such a batch."""
    (order,) = read(*rows, **more).orders
    return order


# --- unreadable fields


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("triggerPrice", "-", '"-"'),
        ("averagePrice", "NaN", '"NaN"'),
        ("averagePrice", 10**15, "1000000000000000"),
        ("price", {"amount": 5}, '{"amount":5}'),
        ("errorCode", [], "[]"),
        ("statusMessage", {"en": "no"}, '{"en":"no"}'),
        ("exchangeOrderId", ["1"], '["1"]'),
        ("product", True, "true"),
    ],
)
def test_unreadable_optional_field_is_absent_and_named(name: str, value: Any, text: str) -> None:
    order = only({**ORDER, name: value})
    assert getattr(order, name) is None
    assert name not in order.as_sent()
    assert order.unreadable == {name: text}
    assert (order.status, order.quantity) == ("PLACED", 10)


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["triggerPrice", "averagePrice", "filledQuantity"])
def test_null_or_blank_number_is_absent_and_not_named(name: str, value: Any) -> None:
    """Nothing was sent, so nothing is unreadable."""
    order = only({**ORDER, name: value})
    assert (getattr(order, name), order.unreadable) == (None, None)


def test_unreadable_field_of_the_batch_is_absent_and_named() -> None:
    batch = read(ORDER, buyAmount="dear", quantity=-1, completedDate=["x"], colour="red")
    assert (batch.buyAmount, batch.quantity, batch.completedDate) == (None, None, None)
    assert batch.unreadable == {"buyAmount": '"dear"', "quantity": "-1", "completedDate": '["x"]'}
    assert batch.as_sent()["colour"] == "red"


def test_beginning_of_an_unreadable_value_is_kept() -> None:
    """At most 200 characters of it."""
    order = only({**ORDER, "price": "x" * 5000})
    assert order.unreadable == {"price": '"' + "x" * 199}


@pytest.mark.parametrize(("name", "most"), [("statusMessage", 1000), ("exchangeOrderId", 64), ("errorCode", 64)])
def test_text_that_is_too_long_is_cut(name: str, most: int) -> None:
    """The beginning of a text is worth more than none."""
    order = only({**ORDER, name: "m" * (most + 1)})
    assert (getattr(order, name), order.unreadable) == ("m" * most, None)
    assert getattr(only({**ORDER, name: "m" * most}), name) == "m" * most


def test_our_own_names_never_come_from_outside() -> None:
    """A forger cannot claim that a field was derived or could not be read."""
    batch = read(
        {**ORDER, "derived": ["quantity"], "unreadable": {"a": "b"}}, derived=["x"], unreadable={"a": "b"}, unplaced=[]
    )
    assert (batch.unreadable, batch.orders[0].derived, batch.orders[0].unreadable) == (None, None, None)
    assert {"derived", "unreadable"}.isdisjoint(batch.as_sent())


# --- lists and rows


@pytest.mark.parametrize("rows", [None, [], [None], [None, None]])
@pytest.mark.parametrize("name", ["orders", "unplaced"])
def test_null_list_and_null_rows_are_no_orders(name: str, rows: Any) -> None:
    other = {"orders": "unplaced", "unplaced": "orders"}[name]
    batch = batch_of({"batchId": "b1", name: rows, other: [ORDER]})
    assert (len(getattr(batch, name)), len(getattr(batch, other))) == (0, 1)


ODD_ROWS: Final = [
    7,
    "INFY",
    [],
    {},
    {"tradingsymbol": "INFY"},
    {**ORDER, "quantity": "many"},
    {**ORDER, "quantity": -1},
    {**ORDER, "quantity": 1.5},
    {**ORDER, "quantity": None},
    {**ORDER, "status": None},
    {**ORDER, "status": 7},
    {**ORDER, "transactionType": []},
    {**ORDER, "tradingsymbol": ""},
    {**ORDER, "tradingsymbol": "X" * 65},
]


@pytest.mark.parametrize("row", ODD_ROWS)
def test_unreadable_order_stands_in_its_place_and_hides_no_other(row: Any) -> None:
    """With the beginning of what was sent; nothing is settled over it."""
    batch = read(FILLED, row, {**FILLED, "tradingsymbol": "TCS"})
    assert [order.status for order in batch.orders] == ["COMPLETE", UNREADABLE, "COMPLETE"]
    assert batch.orders[1].unreadable == {"order": dumps(loads(json.dumps(row)))[:200]}
    assert (batch.is_final, batch.is_unclear, batch.contradicts_itself) == (False, True, True)
    unplaced = read(FILLED, unplaced=[row])
    assert (unplaced.unplaced[0].status, unplaced.is_unclear) == (UNREADABLE, True)


def test_unreadable_order_has_what_can_be_read_of_it() -> None:
    order = only({**ORDER, "tradingsymbol": "M&M", "transactionType": "SELL", "status": None})
    assert (order.tradingsymbol, order.transactionType, order.quantity) == ("M&M", "SELL", 10)
    nothing = only({"transactionType": "SHORT", "quantity": 10**12})
    assert (nothing.tradingsymbol, nothing.transactionType, nothing.quantity) == ("?", "UNKNOWN", 0)


@pytest.mark.parametrize("rows", ["none", 7, {"a": ORDER}, True])
def test_list_that_is_none_is_one_unreadable_order(rows: Any) -> None:
    """It may have been anything, so it is not taken for an empty one."""
    batch = batch_of({"batchId": "b1", "orders": rows})
    assert [order.status for order in batch.orders] == [UNREADABLE]


@pytest.mark.parametrize("batch_id", [None, "", {}, "b" * 65])
def test_batch_is_not_read_without_its_id(batch_id: Any) -> None:
    """Any other field is repaired, but the id of a batch cannot be."""
    with pytest.raises(ValidationError, match="batchId"):
        batch_of({"batchId": batch_id, "orders": [7], "buyAmount": "x"})


# --- derived fields


@pytest.mark.parametrize("sent", [{}, {"filledQuantity": None}, {"filledQuantity": ""}])
def test_complete_order_without_filled_quantity_is_filled_whole(sent: dict[str, Any]) -> None:
    order = only({**ORDER, "status": "complete", **sent})
    assert (order.filledQuantity, order.derived) == (10, ["filledQuantity"])


@pytest.mark.parametrize("status", ["PLACED", "PARTIAL", "REJECTED", "CANCELLED", "ERROR", "FROZEN"])
def test_no_other_order_is_filled_by_its_status(status: str) -> None:
    assert (only({**ORDER, "status": status}).filledQuantity, only({**ORDER, "status": status}).derived) == (None, None)


@pytest.mark.parametrize("status", ["PARTIAL", "CANCELLED", "REJECTED"])
@pytest.mark.parametrize("filled", ["ten", 4.5, -1, [4]])
def test_final_order_with_an_unreadable_filled_quantity_is_unclear(status: str, filled: Any) -> None:
    """The number of traded shares is not known: zero instead would settle the wrong number."""
    assert read({**ORDER, "status": status, "filledQuantity": filled, "averagePrice": 1500}).is_unclear


@pytest.mark.parametrize("filled", ["ten", 4.5, -1, [4]])
def test_complete_order_with_an_unreadable_filled_quantity_is_unclear(filled: Any) -> None:
    """Something else than the ordered number was sent."""
    assert read({**ORDER, "status": "COMPLETE", "filledQuantity": filled, "averagePrice": 1500}).is_unclear


@pytest.mark.parametrize("name", ["quantity", "filledQuantity", "averagePrice"])
def test_truth_value_is_not_a_number(name: str) -> None:
    """`true` is not one share and not one rupee."""
    order = only({**FILLED, name: True})
    assert order.status == UNREADABLE or name in (order.unreadable or {})


@pytest.mark.parametrize("zero", [0, 0.0, "0", "0.00"])
def test_price_of_zero_is_absent_where_shares_were_filled(zero: Any) -> None:
    """The Gateway writes 0 for a price that it does not have."""
    for status in ("COMPLETE", "PARTIAL", "PLACED"):
        order = only({**ORDER, "status": status, "filledQuantity": 4, "averagePrice": zero})
        assert order.averagePrice is None
    untouched = only({**ORDER, "averagePrice": zero})
    assert untouched.averagePrice == 0


def leg(symbol: str, side: str = "BUY", price: Any = None, **more: Any) -> dict[str, Any]:
    """A filled order of ten shares."""
    return {**FILLED, "tradingsymbol": symbol, "transactionType": side, "averagePrice": price, **more}


@pytest.mark.parametrize("price", [None, 0, "", "-"])
def test_missing_price_of_one_leg_follows_from_the_amount_of_its_side(price: Any) -> None:
    """The cost of the other legs of the side is subtracted. The other side has its own amount."""
    batch = read(
        leg("INFY", price=100), leg("TCS", price=price), leg("M&M", "SELL", 7), buyAmount=1555.5, sellAmount=70
    )
    assert [order.averagePrice for order in batch.orders] == [100, Decimal("55.55"), 7]
    assert [order.derived for order in batch.orders] == [None, ["averagePrice"], None]


def test_price_of_each_side_follows_from_its_own_amount() -> None:
    batch = read(leg("INFY"), leg("TCS", "SELL", filledQuantity=3), buyAmount=15, sellAmount=10)
    assert [order.averagePrice for order in batch.orders] == [Decimal("1.5"), Decimal("3.333333333333")]


def test_price_of_a_leg_whose_filled_quantity_is_derived_too() -> None:
    order = only({**ORDER, "status": "COMPLETE"}, buyAmount=15)
    assert (order.averagePrice, order.filledQuantity) == (Decimal("1.5"), 10)
    assert order.derived == ["averagePrice", "filledQuantity"]


@pytest.mark.parametrize(
    ("rows", "amounts"),
    [
        ([leg("INFY"), leg("TCS")], {"buyAmount": 30}),
        ([leg("INFY")], {}),
        ([leg("INFY")], {"buyAmount": 0}),
        ([leg("INFY")], {"buyAmount": -5}),
        ([leg("INFY")], {"sellAmount": 5}),
        ([leg("INFY", "SHORT")], {"buyAmount": 5, "sellAmount": 5}),
        ([leg("INFY", price=100), leg("TCS")], {"buyAmount": 1000}),
        ([leg("INFY"), {**ORDER, "tradingsymbol": "TCS"}], {"buyAmount": 30}),
    ],
    ids=["two missing", "no amount", "zero", "negative", "other side", "unknown side", "nothing left", "open"],
)
def test_price_that_does_not_follow_stays_absent(rows: list[dict[str, Any]], amounts: dict[str, int]) -> None:
    """Two unknowns, no amount, or an amount that may still grow."""
    batch = read(*rows, **amounts)
    assert not any(order.derived for order in batch.orders)
    assert batch.lacks_price


def test_completing_twice_changes_nothing() -> None:
    batch = read(leg("INFY", price=0), {**ORDER, "status": "REJECTED"}, buyAmount=15)
    assert completed(batch) == batch
    assert completed(batch).as_sent() == batch.as_sent()
    assert Batch.model_validate(loads(dumps(batch.as_sent()))) == batch


def test_what_is_complete_is_read_as_it_was_sent() -> None:
    """Absent fields stay absent, unknown ones stay, and nothing is named as derived."""
    row = {**FILLED, "segment": {"of": [1, None]}}
    assert dumps(read(row, colour=None).as_sent(), sort_keys=True) == dumps(
        {"batchId": "b1", "orders": [row], "colour": None}, sort_keys=True
    )


def test_only_a_pull_resolves_complete_without_a_share() -> None:
    """A price shows that it was filled; in a webhook it is a contradiction, for that may be forged."""
    contradictory = read({**FILLED, "filledQuantity": 0})
    assert contradictory.contradicts_itself
    (order,) = pulled(contradictory).orders
    assert (order.filledQuantity, order.derived) == (10, ["filledQuantity"])
    for price in (None, 0, -5):
        without = read({**FILLED, "filledQuantity": 0, "averagePrice": price})
        assert pulled(without).contradicts_itself


# --- size


def test_unknown_fields_of_a_large_batch_are_left_out() -> None:
    """An item holds 400 KB; named fields, prices among them, stay."""
    noisy = {**FILLED, "more": "x" * 80_000}
    for batch in (read(noisy, noisy), read(FILLED, colour="x" * 160_000), read(unplaced=[noisy, noisy])):
        assert len(dumps(batch.as_sent())) < 1000
        assert len([*batch.orders, *batch.unplaced]) in (1, 2)
        assert all(order.averagePrice == 1500 for order in (*batch.orders, *batch.unplaced))
    assert "more" in only({**FILLED, "more": "x" * 80_000}).as_sent()
