"""Times: read in whatever way the Gateway sends them, written in the one way in which they sort as text."""

from datetime import UTC, datetime
from typing import Any


def timestamp_text(moment: datetime) -> str:
    """`moment` (aware) as the Gateway writes timestamps: ISO 8601 UTC with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(value: Any) -> datetime | None:
    """A time that the Gateway sent as ISO 8601 text or as epoch milliseconds (docs/gateway.md §1.3)."""
    try:
        if isinstance(value, str) and not value.isdigit():
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | str) and not isinstance(value, bool):
            return datetime.fromtimestamp(int(value) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
