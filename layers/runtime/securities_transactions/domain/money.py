"""Amounts of money in rupees, without binary floating point.

The Gateway sends amounts with binary noise at times (docs/gateway.md §4.3). They are rounded to a hundredth of a paisa:
far below anything that is charged, far above the noise.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

from pydantic import AfterValidator

_STEP = Decimal("0.0001")
_LIMIT = Decimal(10) ** 15


def rupees(value: Decimal) -> Decimal:
    """`value` rounded to 0.0001 rupees, without trailing zeros; `ValueError` where it is no amount of money."""
    # The comparison comes first: quantising Decimal("1E+999999") would fail with a less helpful error.
    if not value.is_finite() or value.copy_abs() >= _LIMIT:
        raise ValueError("not an amount of rupees")
    # Adding nothing turns a negative zero, which a tiny negative amount rounds to, into zero.
    rounded = (value.quantize(_STEP, rounding=ROUND_HALF_EVEN) + 0).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


Rupees = Annotated[Decimal, AfterValidator(rupees)]
