"""The expiry of a transaction, if the Gateway states a plausible one (docs/reference/gateway.md §2.1)."""

from datetime import datetime, timedelta
from typing import Final

# Used if the Gateway states no expiry: the longest lifetime that it documents for orders.
ASSUMED_LIFETIME: Final = timedelta(minutes=15)
_LONGEST: Final = timedelta(days=7)
# Tolerance for clock skew.
_SKEW: Final = timedelta(minutes=5)


def plausible_expiry(stated: datetime | None, created_at: datetime) -> datetime | None:
    """`stated`, or `None` if a transaction created at `created_at` cannot expire then."""
    if stated is None or not created_at - _SKEW <= stated <= created_at + _LONGEST:
        return None
    return stated
