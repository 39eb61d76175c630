"""Amounts of money in rupees, without binary floating point.

The Gateway sometimes sends amounts and prices with binary noise (docs/reference/gateway.md §4.3). Amounts are rounded
to a hundredth of a paisa: far below any charge, far above the noise. A price keeps the digits that were sent, because
it is multiplied before it is rounded. Only the noise after the fifteen digits of a double is removed.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

_STEP = Decimal("0.0001")
_LIMIT = Decimal(10) ** 15
_SMALLEST = Decimal("1e-12")
_DOUBLE = Context(prec=15, rounding=ROUND_HALF_EVEN)


def rupees(value: Decimal) -> Decimal:
    """`value` rounded to 0.0001 rupees, without trailing zeros. Raises `ValueError` if it is not an amount of money."""
    return _plain(_bounded(value).quantize(_STEP, rounding=ROUND_HALF_EVEN))


def price(value: Decimal) -> Decimal:
    """`value`, in rupees per share, to fifteen digits, without trailing zeros.

    Raises `ValueError` if it is not a price.
    """
    return _plain(_DOUBLE.plus(_bounded(value)).quantize(_SMALLEST, rounding=ROUND_HALF_EVEN))


def as_number(value: Any) -> Any:
    """`value`. Raises `ValueError` if Python accepts it as a number but JSON does not.

    Python accepts `True` as 1, and underscores in the text of a number.
    """
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError("must be a number")
    return value


def _bounded(value: Decimal) -> Decimal:
    # Compare first: quantizing Decimal("1E+999999") would fail with a less helpful error.
    if not value.is_finite() or value.copy_abs() >= _LIMIT:
        raise ValueError("not an amount of rupees")
    return value


def _plain(value: Decimal) -> Decimal:
    # Adding zero turns a negative zero, which a tiny negative amount rounds to, into zero.
    plain = (value + 0).normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


Rupees = Annotated[Decimal, BeforeValidator(as_number), AfterValidator(rupees)]
Price = Annotated[Decimal, BeforeValidator(as_number), AfterValidator(price)]
