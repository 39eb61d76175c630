"""Times as they are written and read."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from securities_transactions.domain.times import parse_time, timestamp_text


def test_time_is_written_as_the_gateway_writes_it() -> None:
    """UTC, milliseconds, Z."""
    moment = datetime(2026, 1, 15, 10, 0, 12, 345_999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert timestamp_text(moment) == "2026-01-15T04:30:12.345Z"
    assert timestamp_text(datetime(2026, 1, 15, tzinfo=UTC)) == "2026-01-15T00:00:00.000Z"


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-15T04:45:00.000Z",
        "2026-01-15T04:45:00Z",
        "2026-01-15T10:15:00+05:30",
        "2026-01-15T04:45:00",
        "2026-01-15 04:45:00",
        1768452300000,
        "1768452300000",
        1768452300,
        "1768452300",
    ],
)
def test_every_time_format_is_parsed_to_the_same_utc_moment(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """ISO 8601 with or without a zone (UTC then, wherever we run), epoch seconds or milliseconds, a number or text."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    moment = parse_time(value)
    monkeypatch.undo()
    time.tzset()
    assert moment is not None
    assert moment.isoformat() == "2026-01-15T04:45:00+00:00"


@pytest.mark.parametrize(
    ("value", "year"),
    [(0, 1970), (10**11 - 1, 5138), (10**11, 1973), (253402300799999, 9999), (-1, 1969)],
)
def test_magnitude_distinguishes_seconds_from_milliseconds(value: int, year: int) -> None:
    """As seconds, a number of milliseconds is thousands of years away."""
    moment = parse_time(value)
    assert moment is not None
    assert moment.year == year


@pytest.mark.parametrize(
    "value",
    [None, "", "soon", "2026-13-01", 10**30, "9" * 30, "9" * 5000, "²", [], {}, 1.5, True, "0001-01-01T00:00:00+14:00"],
)
def test_unparseable_time_returns_none(value: object) -> None:
    """Never an error: a transaction is not lost because of its date."""
    assert parse_time(value) is None
