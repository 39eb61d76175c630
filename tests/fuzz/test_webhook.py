"""Whatever is thrown at the webhook's URL: no 5xx, no exception, nothing stored that should not be."""

import pytest

from tests.fuzz.webhook import fuzz, is_genuine
from tests.simulation.product import simulated


@pytest.mark.parametrize("seed", range(4))
def test_strange_bodies_are_refused_or_kept_and_never_break_anything(seed: int) -> None:
    """Two thousand bodies; `make fuzz-webhook` throws a hundred thousand."""
    with simulated():
        seen, broken = fuzz(1_000_000 + seed, 500)
    assert broken == []
    assert any(what.endswith("200") for what in seen)
    assert any(what.endswith("401") for what in seen)


def test_the_oracle_knows_the_documented_checksum() -> None:
    """The fuzzer's own idea of genuine is not the product's: it must agree with itself on a plain body."""
    assert not is_genuine(b"{}")
    assert not is_genuine(b"\xff")
