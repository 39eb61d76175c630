"""The promises hold under every fault that a seed can think of, and the simulation would notice if they did not."""

import pytest

from tests.simulation.planted import PLANTS, planted
from tests.simulation.product import simulated
from tests.simulation.schedule import Schedule

# Seeds at which a few planted bugs are known to be caught: `make planted-bugs` hunts for all of them.
_QUICK = (
    "trust the body: settle what a webhook reports",
    "acknowledge although the write failed",
    "refuse what is older than five minutes",
    "settle what is not final",
    "ignore the pull's lease",
)


@pytest.mark.parametrize("first", range(0, 240, 40))
def test_every_promise_is_kept_under_every_fault(first: int) -> None:
    """Forty schedules; `make simulate` runs as many as asked for."""
    with simulated():
        broken = [outcome for seed in range(first, first + 40) if (outcome := Schedule(seed).run()).violation]
    assert [f"make simulate SEED={each.seed}: {each.violation}" for each in broken] == []


def test_a_seed_tells_the_same_story_again() -> None:
    """A broken promise can be replayed."""
    with simulated():
        first, second = (Schedule(11, story=True).run() for _ in range(2))
    assert first.story == second.story
    assert first.covered == second.covered


@pytest.mark.parametrize("name", _QUICK)
def test_a_planted_bug_breaks_a_promise(name: str) -> None:
    """The simulation has teeth."""
    plant = next(each for each in PLANTS if each.name == name)
    with simulated(), planted(plant):
        assert any(Schedule(seed).run().violation for seed in range(60))


def test_a_planted_bug_is_gone_afterwards() -> None:
    """Planting leaves nothing behind."""
    with simulated():
        for plant in PLANTS:
            with planted(plant):
                pass
        assert Schedule(3).run().violation is None


def test_there_are_at_least_twenty_planted_bugs_of_different_names() -> None:
    """Each has a name that says what somebody did."""
    assert len({plant.name for plant in PLANTS}) == len(PLANTS) >= 20
