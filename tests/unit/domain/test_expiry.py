"""The expiry of a transaction: only one that fits the age of the transaction is used."""

from datetime import UTC, datetime, timedelta

import pytest

from securities_transactions.domain.expiry import ASSUMED_LIFETIME, plausible_expiry
from securities_transactions.domain.times import parse_time

CREATED = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "after",
    [timedelta(minutes=-5), timedelta(), timedelta(minutes=5), ASSUMED_LIFETIME, timedelta(hours=5), timedelta(days=7)],
)
def test_expiry_from_creation_to_a_week_later_is_plausible(after: timedelta) -> None:
    """Five minutes before creation too, for clocks differ."""
    assert plausible_expiry(CREATED + after, CREATED) == CREATED + after


@pytest.mark.parametrize(
    "after",
    [timedelta(minutes=-5, microseconds=-1), timedelta(days=7, microseconds=1), timedelta(hours=-5, minutes=-30)],
)
def test_any_other_expiry_is_not_used(after: timedelta) -> None:
    """Such as local time that was sent as UTC."""
    assert plausible_expiry(CREATED + after, CREATED) is None


@pytest.mark.parametrize("sent", [0, 900, "900", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon", None])
def test_expiry_that_is_no_moment_near_creation_is_not_used(sent: object) -> None:
    """A number of seconds to live is read as a moment in 1970."""
    assert plausible_expiry(parse_time(sent), CREATED) is None
