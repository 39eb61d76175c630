"""Times: parsed from any form that the Gateway sends, written in one form that sorts as text."""

from datetime import UTC, datetime
from typing import Any

# The year 5138 in seconds, 1973 in milliseconds.
_LEAST_MILLISECONDS = 10**11


def timestamp_text(moment: datetime) -> str:
    """`moment` (aware) in the Gateway's timestamp format: ISO 8601 UTC with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(value: Any) -> datetime | None:
    """Parse a Gateway time: ISO 8601 text, or epoch seconds or milliseconds (docs/reference/gateway.md §1.3).

    Seconds and milliseconds differ by magnitude: a number of milliseconds, read as seconds, is thousands of years away.
    """
    try:
        if isinstance(value, str) and not value.isdigit():
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | str) and not isinstance(value, bool):
            number = int(value)
            return datetime.fromtimestamp(number if abs(number) < _LEAST_MILLISECONDS else number / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
