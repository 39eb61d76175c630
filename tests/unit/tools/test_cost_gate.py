"""The cost gate."""

from tools.bench.gate import regressions, unit_costs
from tools.bench.units import item_bytes, write_units


def test_more_than_a_tenth_above_the_baseline_is_a_regression() -> None:
    baseline = {"cold": 10.0, "warm": 2.0}
    assert regressions(baseline, {"cold": 11.0, "warm": 1.0}) == []
    (fault,) = regressions(baseline, {"cold": 11.2, "warm": 2.0})
    assert fault.startswith("cold: 11.2, was 10")


def test_what_is_measured_on_one_side_only_is_reported() -> None:
    assert regressions({"cold": 1.0}, {"warm": 1.0}) != []


def test_a_write_unit_is_a_kilobyte() -> None:
    """The limits are AWS's: 1 KB and no byte more."""
    assert [write_units(bytes_) for bytes_ in (1, 1024, 1025)] == [1, 1, 2]
    assert item_bytes({"ab": "cd"}) == 3 + 2 + 2 + 1


def test_a_single_stock_costs_one_write_unit_and_a_basket_of_fifty_two() -> None:
    costs = unit_costs()
    assert costs["write units, orders: 1"] == 1
    assert costs["write units, orders: 50"] <= 2
