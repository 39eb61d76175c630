"""`python -m tests.simulation.plants`: every planted bug, the promise that caught it, after how many schedules."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.simulation.planted import BUGS
from tests.simulation.product import simulated
from tests.simulation.schedule import Schedule


@dataclass(frozen=True)
class Caught:
    """The result of a planted bug: the promise it broke after how many schedules, or `None` if it broke none."""

    name: str
    promise: str | None
    schedules: int


def hunt(index: int, most: int) -> Caught:
    """Run schedules until one breaks a promise."""
    planted = BUGS[index]
    with simulated():
        for seed in range(most):
            violation = Schedule(seed, bug=planted.bug).run().violation
            if violation is not None:
                return Caught(planted.name, violation.rule, seed + 1)
    return Caught(planted.name, None, most)


def main() -> int:
    """0 where every planted bug is caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.plants", description=__doc__)
    parser.add_argument("words", nargs="*", help="plant only the bugs whose names have all of these words")
    parser.add_argument("--most", type=int, default=4_000, help="schedules before a bug counts as not caught")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [n for n, each in enumerate(BUGS) if all(word in each.name for word in options.words)]
    start, escaped = time.monotonic(), 0
    print(f"{'planted bug':<64}{'caught by the promise':<36}{'schedules':>9}")
    with ProcessPoolExecutor(options.workers) as pool:
        for caught in pool.map(hunt, chosen, [options.most] * len(chosen)):
            escaped += caught.promise is None
            print(f"{caught.name:<64}{caught.promise or 'NOT CAUGHT':<36}{caught.schedules:>9}", flush=True)
    print(f"{len(chosen) - escaped} of {len(chosen)} caught, {time.monotonic() - start:.0f} s")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
