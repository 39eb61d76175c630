"""When a transaction expires, as far as what the Gateway states is plausible (docs/reference/gateway.md §2.1)."""

from datetime import datetime, timedelta
from typing import Final

# Where the Gateway does not state it: the longest lifetime that it documents for orders.
ASSUMED_LIFETIME: Final = timedelta(minutes=15)
_LONGEST: Final = timedelta(days=7)
# Clocks differ.
_SKEW: Final = timedelta(minutes=5)


def plausible_expiry(stated: datetime | None, created_at: datetime) -> datetime | None:
    """`stated`, unless no transaction that was created at `created_at` could expire then."""
    if stated is None or not created_at - _SKEW <= stated <= created_at + _LONGEST:
        return None
    return stated
