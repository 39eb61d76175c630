"""JSON and rupees without binary floating point."""

import json
from decimal import Decimal

import pytest

from securities_transactions.domain.decimal_json import OURS, dumps, loads
from securities_transactions.domain.money import rupees


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("1575.0900000000001", "1575.09"),
        ("0.00005", "0"),
        ("0.00015", "0.0002"),
        ("0.00025", "0.0002"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.10", "-0.1"),
        ("999999999999999", "999999999999999"),
        ("-999999999999999", "-999999999999999"),
        ("1e-999999", "0"),
        ("-0.00001", "0"),
        ("-0", "0"),
    ],
)
def test_rupees_are_rounded_to_a_hundredth_of_a_paisa(digits: str, expected: str) -> None:
    """Half to even, no trailing zeros, no exponent."""
    assert str(rupees(Decimal(digits))) == expected


@pytest.mark.parametrize("digits", ["NaN", "Infinity", "-Infinity", "sNaN", "1e15", "-1e15", "1e999999", "1e999999999"])
def test_value_that_is_not_an_amount_of_rupees_is_a_value_error(digits: str) -> None:
    """Also where Decimal itself would raise another error."""
    with pytest.raises(ValueError, match=r"^not an amount of rupees$"):
        rupees(Decimal(digits))


def test_fractions_are_read_exactly_and_written_with_their_own_digits() -> None:
    """Integers stay integers."""
    assert loads(b"[1575.10, 7]") == [Decimal("1575.10"), 7]
    assert repr(loads(b"[1.50, 7]")) == "[Decimal('1.50'), 7]"
    assert dumps([Decimal("1.50"), 7]) == "[1.50,7]"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"NaN", "^NaN is not JSON$"),
        (b"[Infinity]", "^Infinity is not JSON$"),
        (b"\xff", "utf-8"),
        (b"[" * 100_000, "^nested too deeply$"),
    ],
)
def test_input_that_is_not_strict_json_is_a_value_error(raw: bytes, message: str) -> None:
    """Never another kind of error."""
    with pytest.raises(ValueError, match=message):
        loads(raw)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_deeper_than_the_limit_is_rejected(opening: str, closing: str) -> None:
    """The limit is 64 for input, and a few more for the documents that wrap it: later steps recurse over both."""

    def nested(depth: int) -> str:
        return f"{opening * depth}1{closing * depth}"

    def among_others(depth: int) -> str:
        return f"[{'[1],' * 100}{nested(depth - 1)}]"

    for made in (nested, among_others):
        loads(made(64))
        loads(made(OURS), deepest=OURS)
        with pytest.raises(ValueError, match=r"^nested too deeply$"):
            loads(made(65))
        with pytest.raises(ValueError, match=r"^nested too deeply$"):
            loads(made(OURS + 1), deepest=OURS)


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    """At any position. A complete pair stays."""
    assert loads(rb'{"a\ud83d": ["\uD83D", {"b": "\ud83d\udca9"}], "n": 1}') == {
        "a\ufffd": ["\ufffd", {"b": "\U0001f4a9"}],
        "n": 1,
    }


@pytest.mark.parametrize(
    "written",
    [r"\u0000", r"\u0008", r"\b", r"\f", r"\u000b", r"\u001F", r"\uFFFE", r"\uffff", "\ufffe", "\uffff", r"\uDEAD"],
)
def test_character_that_a_queue_refuses_becomes_a_replacement_character(written: str) -> None:
    """In keys and in values, written as an escape or as it is."""
    assert loads(f'{{"a{written}": ["b{written}c"]}}') == {"a\ufffd": ["b\ufffdc"]}


def test_characters_that_a_queue_accepts_stay() -> None:
    """Also those beside the forbidden ones, and a backslash that only looks like the beginning of an escape."""
    kept = "\t\n\r \x7f\x80\u0fff\ud7ff\ue000\uffef\ufffd\U00010000\U0010ffff \\u0000 \\b ₹"
    assert loads(json.dumps(kept)) == kept
    assert loads(json.dumps(kept, ensure_ascii=False)) == kept


def test_json_is_written_compactly_and_in_utf_8() -> None:
    """Sorted only on request, and never NaN."""
    assert dumps({"b": "₹", "a": [1, None]}) == '{"b":"₹","a":[1,null]}'
    assert dumps({"b": 1, "a": 2}, sort_keys=True) == '{"a":2,"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        dumps(float("nan"))
