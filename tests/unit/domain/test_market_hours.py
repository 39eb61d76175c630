"""The hours in which the Indian exchanges trade."""

from datetime import UTC, datetime

import pytest

from securities_transactions.domain.market_hours import HOLIDAYS, IST, is_market_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-01-14T03:44:59+00:00", False),
        ("2026-01-14T03:45:00+00:00", True),
        ("2026-01-14T15:29:59+05:30", True),
        ("2026-01-14T15:30:00+05:30", False),
        ("2026-01-17T11:00:00+05:30", False),
        ("2026-01-26T11:00:00+05:30", False),
        ("2026-01-27T00:30:00-05:00", True),
    ],
)
def test_market_is_open_from_quarter_past_nine_to_half_past_three_in_india(moment: str, is_open: bool) -> None:
    assert is_market_open(datetime.fromisoformat(moment)) is is_open


def test_holidays_are_weekdays() -> None:
    """A holiday on a weekend is a typing error, or needs no entry."""
    assert {datetime.fromisoformat(day).replace(tzinfo=UTC).weekday() for day in HOLIDAYS} <= {0, 1, 2, 3, 4}
    assert IST.utcoffset(None) is not None
