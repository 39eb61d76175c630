"""`python -m tests.simulation --n 100000` or `--seed 42`: run schedules on all cores and report the coverage."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.product import simulated
from tests.simulation.schedule import Outcome, Schedule

_CHUNK = 250


def play(seed: int, story: bool = False) -> Outcome:
    """One schedule; call it inside `simulated()`."""
    return Schedule(seed, story).run()


def _chunk(seeds: range) -> tuple[int, Counter[str], list[tuple[int, str]]]:
    covered: Counter[str] = Counter()
    broken = []
    with simulated():
        for seed in seeds:
            outcome = play(seed)
            covered += outcome.covered
            if outcome.violation is not None:
                broken.append((seed, str(outcome.violation)))
    return len(seeds), covered, broken


def _replay(seed: int) -> int:
    with simulated():
        outcome = play(seed, story=True)
    print("\n".join(outcome.story))
    print(f"seed {seed}: {outcome.violation or 'every promise was kept'}")
    return 1 if outcome.violation else 0


def main() -> int:
    """0 where every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--n", type=int, default=2_000, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one and tell its story")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.seed is not None:
        return _replay(options.seed)
    start = time.monotonic()
    covered: Counter[str] = Counter()
    broken: list[tuple[int, str]] = []
    done = 0
    end = options.first + options.n
    chunks = [range(at, min(at + _CHUNK, end)) for at in range(options.first, end, _CHUNK)]
    with ProcessPoolExecutor(options.workers) as pool:
        for count, seen, found in pool.map(_chunk, chunks):
            done += count
            covered += seen
            broken += found
            if sys.stderr.isatty():
                print(f"\r{done} of {options.n}, {len(broken)} broken", end="", file=sys.stderr)
    seconds = time.monotonic() - start
    print(f"\n{done} schedules in {seconds:.1f} s ({done / seconds:.0f} a second), covered:")
    for what, times in sorted(covered.items()):
        print(f"  {times:>9,}  {what}")
    for seed, what in broken[:20]:
        print(f"BROKEN seed {seed}: {what}   (make simulate SEED={seed})")
    if broken:
        _replay(broken[0][0])
        return 1
    print("every promise was kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
