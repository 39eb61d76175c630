"""The costs in the docs."""

from pathlib import Path

import pytest

from tools.bench import bill

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cost.md"


def test_page_of_costs_has_the_table_that_is_computed() -> None:
    assert "\n".join(bill.table()) in PAGE.read_text()


def test_costs_are_the_sum_of_the_units() -> None:
    """A webhook by hand: an HTTP request, two invocations, a write, an event, 700 bytes of log, 10 ms of half a GB."""
    step = next(each for each in bill.STEPS if each.name == "webhook PLACED")
    assert bill.dollars(step) == pytest.approx(1.00 + 0.40 + 0.625 + 1.00 + 0.35 + 0.1333, abs=0.001)
