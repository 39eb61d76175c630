"""Money and JSON over generated values: nothing is lost, and every written value is read again."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.money import rupees
from tests.unit.texts import xml_text

AMOUNTS = st.decimals(min_value=-(10**14), max_value=10**14, allow_nan=False, allow_infinity=False)
TEXT = xml_text(max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | TEXT
    | st.decimals(allow_nan=False, allow_infinity=False, places=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_written_json_is_read_as_the_same_value(value: object) -> None:
    assert loads(dumps(value)) == value
    assert loads(dumps(value).encode()) == value


@settings(max_examples=300, deadline=None)
@given(AMOUNTS)
def test_amount_is_rounded_once_by_half_a_hundredth_of_a_paisa_at_most(amount: Decimal) -> None:
    """Rounding once more changes nothing, and the text has neither an exponent nor a zero too many."""
    once = rupees(amount)
    assert abs(once - amount) <= Decimal("0.00005")
    assert str(rupees(once)) == str(once)
    assert "E" not in str(once)
    assert not ("." in str(once) and str(once).endswith("0"))


@settings(max_examples=300, deadline=None)
@given(st.integers(-(10**13), 10**13), st.floats(-0.4, 0.4))
def test_binary_noise_on_paise_is_removed(paise: int, noise: float) -> None:
    """The digits of a double are rounded to the amount in paise that it stands for."""
    exact = Decimal(paise) / 100
    noisy = Decimal(repr(float(exact)))
    assert rupees(noisy + Decimal(noise) / 10000) == exact


@pytest.mark.parametrize("digits", ["-0", "-0.00001", "0.00001"])
def test_zero_has_no_sign(digits: str) -> None:
    """Two ways to write nothing would be two digests of one state."""
    assert str(rupees(Decimal(digits))) == "0"


OUT_OF_RANGE = [
    "1" * 65, "-" + "9" * 5000, "1e64", "1e9999999", "-1E+99999999999999999999", "1e-65", "0." + "0" * 64 + "1",
    "0." + "3" * 64, "12e63", "1" * 100_000, str(2**63), str(-(2**63) - 1), "9" * 40, "9" * 40 + "e0",
    "9" * 63 + "0.0e1", "-" + "9" * 20 + "E+0",
]  # fmt: skip


@pytest.mark.parametrize("digits", OUT_OF_RANGE)
def test_number_that_a_strict_reader_cannot_take_becomes_text_that_is_not_a_number(digits: str) -> None:
    """Cut digits are another number, so no reader may take the text for one."""
    read = loads(f'{{"a": [{digits}]}}')["a"][0]
    assert read == f"{digits[:64]}…"
    with pytest.raises(ArithmeticError):
        Decimal(read)


@pytest.mark.parametrize(
    "digits",
    [str(2**63 - 1), str(-(2**63)), "1e19", "1" * 60 + ".5", "1e63", "1e-63", "0." + "3" * 63, "12E62", "0.10", "-0"],
)
def test_number_within_the_bounds_keeps_its_value_however_often_it_is_written(digits: str) -> None:
    once = loads(digits)
    assert once == Decimal(digits)
    assert loads(dumps(once)) == once


@given(st.text("0123456789", min_size=1, max_size=70), st.text("0123456789", max_size=70), st.integers(-200, 200))
def test_number_that_was_read_is_read_as_the_same_number_again(whole: str, fraction: str, exponent: int) -> None:
    text = f"{int(whole)}{'.' + fraction if fraction else ''}e{exponent}"
    once = loads(text)
    assert loads(dumps(once)) == once


@given(st.text("0123456789", min_size=1, max_size=70), st.text("0123456789", max_size=70), st.integers(-80, 80))
def test_whole_number_that_is_written_has_at_most_64_bits(whole: str, fraction: str, exponent: int) -> None:
    """EventBridge refuses an event with a larger one; a number with a point or an exponent is no whole number to it."""
    written = dumps(loads(f"{int(whole)}{'.' + fraction if fraction else ''}e{exponent}"))
    if written.removeprefix("-").isdigit():
        assert -(2**63) <= int(written) < 2**63
