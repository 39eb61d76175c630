"""The cost of the most frequent functions, against the recorded baseline: instructions and units, never a time."""

import pytest

from tools.bench import gate, layers, measure


def test_no_cost_is_a_tenth_above_its_baseline() -> None:
    """A mistake in start-up or in a loop costs every invocation, and no other test sees it."""
    if not measure.has_valgrind():
        pytest.skip("instructions are not counted: valgrind is not installed")
    layers.BUILT.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    assert gate.run(out=said.append) == 0, "\n".join(said)
