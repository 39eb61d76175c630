"""Rupees without binary noise: amounts to a hundredth of a paisa, prices to fifteen digits and twelve places."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securities_transactions.domain.money import price, rupees


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        ("1575.0900000000001", "1575.09"),
        ("14982.00", "14982"),
        ("0.00005", "0"),
        ("0.00015", "0.0002"),
        ("-0.00001", "0"),
        ("1E+3", "1000"),
        ("999999999999999", "999999999999999"),
    ],
)
def test_amount_is_rounded_to_a_hundredth_of_a_paisa(sent: str, amount: str) -> None:
    assert str(rupees(Decimal(sent))) == amount


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("1498.123456", "1498.123456"),
        ("1498.20000000000005", "1498.2"),
        ("100.30000000000001", "100.3"),
        ("0.1", "0.1"),
        ("33.333333333333", "33.333333333333"),
        ("33.33333333333333333", "33.333333333333"),
        ("0.000123456789", "0.000123456789"),
        ("-0.0000000000001", "0"),
        ("1.4982E+3", "1498.2"),
        ("1500.00", "1500"),
    ],
)
def test_price_has_the_digits_that_were_sent_without_binary_noise(sent: str, read: str) -> None:
    """It is multiplied by a number of shares before it is rounded."""
    assert str(price(Decimal(sent))) == read


def test_price_times_shares_is_what_was_paid() -> None:
    """A price rounded like an amount would be off by rupees for a large order."""
    paid, shares = Decimal("123456.78"), 300_007
    assert (shares * price(paid / shares)).quantize(Decimal("0.01")) == paid
    assert (shares * rupees(paid / shares)).quantize(Decimal("0.01")) != paid


@pytest.mark.parametrize("read", [price, rupees])
@pytest.mark.parametrize("sent", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+15", "-1E+15", "1E+999999"])
def test_number_that_is_no_amount_of_money_is_a_value_error(read: type, sent: str) -> None:
    with pytest.raises(ValueError, match="not an amount of rupees"):
        read(Decimal(sent))


@given(st.decimals(-(10**14), 10**14, places=6))
def test_reading_again_changes_nothing(value: Decimal) -> None:
    """A stored value was read before."""
    for read in (price, rupees):
        assert read(read(value)) == read(value)


@given(st.integers(1, 10**9), st.integers(0, 4))
def test_price_of_a_double_is_the_decimal_that_was_meant(digits: int, places: int) -> None:
    """Up to fifteen digits a double and its text are the same number."""
    meant = Decimal(digits).scaleb(-places)
    assert price(Decimal(float(meant))) == meant
