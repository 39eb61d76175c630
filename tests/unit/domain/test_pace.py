"""The pace at which the Gateway is called: additive increase, halved on refusal."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securities_transactions.domain.pace import LEAST, MOST, START, Pace

NOW: Final = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


def test_pace_grows_by_one_call_to_the_most() -> None:
    pace, seen = Pace(), [START]
    while pace.grown() is not pace:
        pace = pace.grown()
        seen.append(pace.in_flight)
    assert seen == [2, 3, 4, 5]
    assert pace.in_flight == MOST


@given(st.floats(LEAST, MOST), st.none() | st.floats(LEAST, MOST))
def test_refusal_halves_the_pace_and_success_raises_it(in_flight: float, refused_at: float | None) -> None:
    pace = Pace(in_flight, refused_at)
    assert pace.halved(NOW).in_flight == max(LEAST, in_flight / 2)
    assert pace.in_flight <= pace.grown().in_flight <= min(MOST, in_flight + 1)


def test_after_a_refusal_the_pace_returns_to_just_below_it_and_then_grows_slowly() -> None:
    """So the Gateway's limit is used, and exceeded rarely."""
    pace = Pace(2.0).halved(NOW)
    returned = pace.grown()
    assert pace.in_flight == 1.0
    assert returned.in_flight == pytest.approx(1.8)
    for _ in range(5):
        grown = returned.grown()
        assert 0 < grown.in_flight - returned.in_flight <= 2.0 / 128 + 1e-9
        returned = grown
    assert returned.in_flight < 2.0


def test_pace_that_bears_more_than_was_refused_grows_ever_faster() -> None:
    """A refusal in a bad minute sets no limit for the day."""
    pace, rounds = Pace(0.5).halved(NOW), 0
    while pace.in_flight < MOST:
        pace, rounds = pace.grown(), rounds + 1
    assert rounds < 40


def test_pace_recovers_from_an_outage_within_a_dozen_message_batches() -> None:
    pace = Pace(MOST)
    for minutes in range(30):
        pace = pace.halved(NOW + timedelta(minutes=minutes))
    assert pace.in_flight == LEAST
    for _ in range(5):
        pace = pace.grown()
    assert pace.in_flight == 1.0


def test_every_change_has_a_version_of_its_own() -> None:
    assert [Pace().grown().version, Pace().halved(NOW).version, Pace(MOST, version=7).grown().version] == [1, 1, 7]


def test_gateway_that_asks_to_be_left_alone_is_until_then() -> None:
    until = NOW + timedelta(seconds=30)
    pace = Pace().halved(NOW, until)
    assert pace.is_closed(until - timedelta(milliseconds=1))
    assert not pace.is_closed(until)
    assert pace.halved(NOW + timedelta(minutes=1)).closed_until == until, "a refusal without a wait does not lift one"


@pytest.mark.parametrize(
    ("in_flight", "workers", "took", "rest"),
    [(5, 5, 1, 0), (2, 2, 0.3, 0), (1.5, 2, 0.3, 0.1), (0.5, 1, 0.3, 0.3), (0.5, 1, 0.01, 0.3), (0.5, 1, 2, 2)],
)
def test_workers_rest_in_proportion_so_that_they_keep_the_pace(
    in_flight: float, workers: int, took: float, rest: float
) -> None:
    """A refusal comes at once, and counts as what a call usually takes: otherwise they would come in a hurry."""
    assert Pace(in_flight).rest(timedelta(seconds=took), workers).total_seconds() == pytest.approx(rest, abs=1e-5)


def test_refusals_that_come_together_halve_the_pace_once() -> None:
    """Five executions that the Gateway refuses within a second count once."""
    once = Pace(4.0).halved(NOW)
    assert once.halved(NOW + timedelta(seconds=1.9)) is once
    assert once.halved(NOW + timedelta(seconds=2)).in_flight == 1.0
    waiting = once.halved(NOW + timedelta(seconds=1), NOW + timedelta(seconds=60))
    assert (waiting.in_flight, waiting.closed_until) == (2.0, NOW + timedelta(seconds=60))
    assert waiting.halved(NOW + timedelta(seconds=1), NOW + timedelta(seconds=30)) is waiting
