"""The promises hold under every fault of the simulation, and the simulation detects broken promises."""

import pytest

from tests.simulation.planted import BUGS, PlantedBug
from tests.simulation.product import simulated
from tests.simulation.schedule import Schedule

# Planted bugs of which nearly every schedule breaks a promise: `make planted-bugs` hunts for all of them.
_QUICK = (
    "settle what a webhook reports",
    "do not compare the checksum",
    "ignore the pull's lease",
    "request no pull for a suspicious webhook",
    "take a repeated lease for busy",
)


@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.long) for first in range(40, 240, 40))])
def test_every_promise_is_kept_under_every_fault(first: int) -> None:
    """Forty schedules; `make simulate` runs as many as asked for."""
    with simulated():
        broken = [outcome for seed in range(first, first + 40) if (outcome := Schedule(seed).run()).violation]
    assert [f"make simulate SEED={each.seed}: {each.violation}" for each in broken] == []


def test_a_seed_repeats_the_same_schedule() -> None:
    """A broken promise can be replayed."""
    with simulated():
        first, second = (Schedule(11, story=True).run() for _ in range(2))
    assert first.story == second.story
    assert first.covered == second.covered


@pytest.mark.parametrize("name", _QUICK)
def test_planted_bug_breaks_a_promise(name: str) -> None:
    """The simulation has teeth."""
    (planted,) = (each for each in BUGS if each.name == name)
    with simulated():
        assert any(Schedule(seed, bug=planted.bug).run().violation for seed in range(60))


@pytest.mark.long
@pytest.mark.parametrize("planted", BUGS, ids=lambda planted: planted.name)
def test_planted_bug_stays_in_its_own_world(planted: PlantedBug) -> None:
    """A schedule with a bug leaves the next one as it was."""
    with simulated():
        before = Schedule(3, story=True).run()
        Schedule(3, bug=planted.bug).run()
        after = Schedule(3, story=True).run()
    assert before.violation is None
    assert after.story == before.story


def test_there_are_at_least_forty_planted_bugs_of_different_names() -> None:
    """Each has a name that says what an engineer did."""
    assert len({planted.name for planted in BUGS}) == len(BUGS) >= 40
