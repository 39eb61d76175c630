"""The gate in continuous integration: instructions and units at most a tenth above the recorded baseline.

It never compares times: instructions are the same on a busy machine. Other builds of Python have other counts, so
counts are compared as multiples of the standard-library floor's, counted in the same run.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tools.bench import cloud, layers, measure, units
from tools.bench.subjects import Function, functions, ours, rival

BASELINE: Final = Path(__file__).parent / "baseline.json"
TOLERANCE: Final = 1.10
# The most frequent functions, with their numbers of orders or records. More would cost continuous integration a minute.
_MEASURED: Final = {"ingest_webhook": 50, "publish_updates": 10}
_FLOOR: Final = "ingest_webhook"

Costs = dict[str, float]


def run(*, record: bool = False, out: Callable[[str], object] = print) -> int:
    """Compare with the baseline, or write it. Returns the exit code."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    baseline: dict[str, Costs] = json.loads(BASELINE.read_text()) if BASELINE.is_file() else {}
    costs = {"units": unit_costs()}
    if measure.has_valgrind():
        costs[version] = instruction_costs()
    else:
        out("SKIPPED: instructions are not counted, valgrind is not installed (Debian: apt install valgrind)")
    if record:
        BASELINE.write_text(json.dumps(baseline | costs, indent=1, sort_keys=True) + "\n")
        return 0
    faults: list[str] = []
    for part, measured in costs.items():
        if part in baseline:
            faults += regressions(baseline[part], measured)
        else:
            out(f"SKIPPED: no baseline for Python {part}; record one: python -m tools.bench --record")
    for fault in faults:
        out(fault)
    return 1 if faults else 0


def regressions(baseline: Costs, measured: Costs) -> list[str]:
    """The costs that exceed the baseline, and those that only one of the two has."""
    faults = [f"{name} is in only one of baseline and measurement" for name in baseline.keys() ^ measured.keys()]
    return faults + [
        f"{name}: {measured[name]:.3g}, was {baseline[name]:.3g}: more than a tenth above it"
        for name in sorted(baseline.keys() & measured.keys())
        if measured[name] > baseline[name] * TOLERANCE
    ]


def unit_costs() -> Costs:
    """The write units of a webhook, by the number of orders."""
    return {f"write units, orders: {orders}": row["write_units"] for orders, row in units.table().items()}


def instruction_costs() -> Costs:
    """The instructions of each measured function as multiples of the floor's, cold and warm."""
    authority = cloud.Authority(layers.BUILT)
    product, bootstrap = layers.product(authority.certificate), layers.bootstrap()
    every = {each.name: each for each in functions()}

    def counted(function: Function, subject: measure.Subject, size: int, compact: bool) -> measure.Instructions:
        events = [function.events(1, compact), *(function.events(size, compact) for _ in range(2))]
        return measure.instructions(subject, bootstrap, authority, events)

    floor = counted(every[_FLOOR], rival(every[_FLOOR], f"floor.{every[_FLOOR].floor}", bootstrap), 50, False)
    costs: dict[str, Any] = {}
    for name, size in _MEASURED.items():
        found = counted(every[name], ours(every[name], product), size, True)
        costs[f"{name}, cold"] = round(found.cold / floor.cold, 3)
        costs[f"{name}, warm, {size}"] = round(found.warm[1] / floor.warm[1], 3)
    return costs
