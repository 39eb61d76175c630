"""The bytes that a snapshot is stored in: small, exact, and readable for as long as items live."""

from decimal import Decimal
from typing import Any

import pytest

from securities_transactions.storage.snapshot_codec import decode, encode, to_columns


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"a": None, "b": True, "c": "", "d": 0, "e": Decimal("1575.09")},
        {"orders": []},
        {"orders": [{"a": 1}, {"a": 1}, {"a": 1}]},
        {"orders": [{"a": 1, "b": 2}, {"a": 1, "b": 3}]},
        {"orders": [{"a": 1}, {"b": 1}]},
        {"orders": [{"a": 1}, 7]},
        {"orders": [7, 8]},
        {"orders": [{}]},
        {"orders": [{"": 1}]},
        {"orders": [{"!": 1}]},
        {"orders": [{"!": 1, "": 2}]},
        {"orders": [{"a": [1, 2]}, {"a": [1, 2]}]},
        {"orders": [{"a": {"b": 1}}, {"a": {"b": 1}}]},
        {"orders": [{"a": 1}, {"a": True}, {"a": Decimal("1.0")}]},
        {"orders": [{"a": True}, {"a": True}]},
        {"orders": [{"a": None}, {"a": None}]},
        {"config": {}},
        {"config": {"": 1}},
        {"config": {"": {"": 1}}},
        {"config": {"!": 2, "a": 1}},
        {"": [{"a": 1}], "!": 3},
        {"text": "₹ ∑ \U0001f4a9 \t"},
        {"orders": "none"},
    ],
)
def test_what_is_stored_reads_back_as_it_was(document: dict[str, Any]) -> None:
    """Also where it looks like the encoding's own words; types too."""
    read = decode(encode(document))
    assert repr(read) == repr(document)


def test_rows_may_be_tuples() -> None:
    """They read back as lists."""
    assert decode(encode({"orders": ({"a": 1}, {"a": 2})})) == {"orders": [{"a": 1}, {"a": 2}]}


def test_an_unknown_format_is_named() -> None:
    """A later version's snapshot is not guessed at."""
    assert encode({})[:1] == b"\x01"
    with pytest.raises(ValueError, match="a snapshot of unknown format b'\\\\x02'"):
        decode(b"\x02" + encode({})[1:])


def test_what_was_stored_before_can_be_read() -> None:
    """The dictionary is part of the format: it must not change under stored items."""
    stored = bytes.fromhex("01ab46732272ba83c71c4aba33424e01f03885c7334ae41ad7d60200")
    orders = [{"status": "COMPLETE", "quantity": 3}, {"status": "PLACED", "quantity": 3}]
    assert decode(stored) == {"batchId": "65b0", "status": "PLACED", "orders": orders}


def test_rows_become_columns_and_constant_values_are_stored_once() -> None:
    """Types count, and a list or an object is never taken for a column."""
    row = {"ticker": "INFY", "quantity": 1, "filled": False, "price": Decimal("1.5"), "tags": ["a"], "more": {"b": 1}}
    assert to_columns([row, {**row, "quantity": 2, "filled": 0}, {**row, "quantity": 3}]) == {
        "!": 3,
        "ticker": "INFY",
        "quantity": [1, 2, 3],
        "filled": [False, 0, False],
        "price": Decimal("1.5"),
        "tags": [["a"]] * 3,
        "more": [{"b": 1}] * 3,
    }
    assert to_columns(({"a": 1}, {"a": 1})) == {"!": 2, "a": 1}


@pytest.mark.parametrize(
    "value", [7, "text", None, [], [7], [{}], [{"a": 1}, 7], [{"a": 1}, {"b": 1}], [{"!": 1}], [{"": 1}]]
)
def test_what_are_no_rows_with_the_same_names_stays_as_it_is(value: Any) -> None:
    """Nor rows with the encoding's own words."""
    assert to_columns(value) is value


def test_object_is_wrapped_to_be_distinguished_from_columns() -> None:
    """With any content."""
    assert to_columns({"!": 2, "a": 1}) == {"": {"!": 2, "a": 1}}


def test_the_dictionary_is_what_it_was() -> None:
    """Stored when the format was made, with every word that the dictionary has, in its places."""
    stored = bytes.fromhex("01ab46ca3844671eccdc43e51c849685a89a8d50f2d1685e1a2a796928642600")
    orders = {
        "!": 1,
        "tradingsymbol": ["NIFTYBEES", "INFY", "RELIANCE"],
        "transactionType": ["SELL", "BUY"],
        "orderType": ["LIMIT", "SLM", "MARKET"],
        "status": ["REJECTED", "CANCELLED AMO", "PARTIAL", "PLACED", "COMPLETE"],
        "quantity": 10,
        "filledQuantity": 0,
        "averagePrice": 0,
        "price": 0,
        "triggerPrice": 0,
        "product": "CNC",
        "exchange": "NSE",
        "exchangeOrderId": ["1100000012345678"],
        "errorCode": None,
        "statusMessage": None,
        "orderTimestamp": "2026-01-15T04:30:12.345Z",
    }
    assert decode(stored) == {
        "config": {"orderName": "", "orderLogo": "https://"},
        "orderConfig": {"type": "SECURITIES", "securities": [{"ticker": "", "quantity": 1, "type": "SELL"}]},
        "unplaced": {"!": 1, "errorCode": "marginsExceeded", "statusMessage": "NA", "status": "ERROR"},
        "orders": orders,
        "batchId": "65b0000000000000000000a1",
        "variety": "regular",
        "filled": 1,
        "buyAmount": 0,
        "sellAmount": 0,
        "completedDate": None,
        "status": "PARTIALLYFILLED COMPLETED PLACED",
    }
