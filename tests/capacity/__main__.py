"""`python -m tests.capacity --n 100000`: how long the close and the open take, what is in flight, what saturates."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.capacity.recorded import Calls, Published, publishing, record
from tests.capacity.scenarios import Result, Setup, checks, close, opening

# The defaults of events that are sent to targets in a second, of executions, and of writes:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html
INVOCATIONS_A_SECOND: Final = {"ap-south-1": 1_100, "ap-southeast-1": 2_250, "eu-central-1": 4_500, "us-east-1": 18_750}
WARM_WRITES_A_SECOND: Final = 4_000
LAMBDA_EXECUTIONS: Final = 1_000


@dataclass(frozen=True)
class Target:
    """A scenario, and what it has to come to."""

    name: str
    run: Callable[[], Result]
    holds: Callable[[Result], bool]
    says: str


def targets(count: int, recorded: Mapping[str, Calls], published: Published) -> list[Target]:
    """The scenarios of the close, with their targets."""
    hundred = Setup(confirm_concurrency=20)
    share = count / 100_000
    alone: list[Result] = []

    def quiet_close() -> Result:
        alone.append(close(count, recorded, published, hundred))
        return alone[0]

    return [
        Target(
            "one id a call, 100 in flight",
            quiet_close,
            lambda r: r.last <= max(360 * share, 75) and r.p50 <= 180 and r.gateway.peak <= 100,
            "the last within 6 min, half within 3",
        ),
        Target(
            "50 ids a call, 20 in flight",
            lambda: close(count, recorded, published, Setup(confirm_concurrency=20, ids_per_call=50)),
            lambda r: r.longest <= 60 and r.gateway.peak <= 20,
            "each within a minute, 20 in flight at most",
        ),
        Target(
            "and as many forged suspicions",
            lambda: close(count, recorded, published, hundred, suspicions=count),
            lambda r: r.longest <= alone[0].longest + 5 and r.p50 <= alone[0].p50 + 5,
            "no genuine one 5 s later",
        ),
        Target(
            "429 above 30 a second",
            lambda: close(count, recorded, published, Setup(confirm_concurrency=20, limit=30)),
            lambda r: r.gateway.refused <= r.gateway.calls / 10 and r.last <= count / 30 / 0.7 + 60,
            "a tenth refused at most, 70 % of what 30 a second allow",
        ),
    ]


def row(name: str, result: Result) -> str:
    """A line of the table."""
    gateway = result.gateway
    return (
        f"{name:<34}{clock(result.last):>9}{result.p50:>9.1f}{result.longest:>9.1f}{gateway.calls:>9,}"
        f"{gateway.refused:>9,}{gateway.peak:>7}{result.executions:>7}{result.deepest:>9,}"
    )


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return "never" if seconds == float("inf") else f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def saturation(result: Result) -> Iterator[str]:
    """Return the used part of each limit, the most first, and the way to raise it."""
    setup = result.setup
    used = {
        "calls in flight": (result.gateway.peak / (5 * setup.confirm_concurrency), "ConfirmConcurrency"),
        f"lanes of the stream of {setup.shards} shards": (
            result.lanes / (setup.shards * setup.factor),
            "ParallelizationFactor",
        ),
        "executions": (result.executions / LAMBDA_EXECUTIONS, "Lambda's quota L-B99A9384"),
        "writes that a new table is warm for": (
            2 * result.busiest / WARM_WRITES_A_SECOND,
            "WarmThroughput of the table",
        ),
    }
    used |= {
        f"target invocations in {region}, one rule": (result.busiest / most, "EventBridge's quota of invocations")
        for region, most in INVOCATIONS_A_SECOND.items()
    }
    for name, (share, remedy) in sorted(used.items(), key=lambda each: -each[1][0])[:4]:
        yield f"{share:>38.0%} of {name}: {remedy}"


def main() -> int:
    """0 where every target is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.capacity", description=__doc__)
    parser.add_argument("--n", type=int, default=100_000, help="how many orders")
    options = parser.parse_args()
    began = time.monotonic()
    recorded, published = record(), publishing()
    print("What the real handlers call, recorded once and played (DynamoDB 5 ms, Gateway 300 ms):")
    for kind, calls in recorded.items():
        dynamodb = f"{calls.before} + {calls.after} of DynamoDB"
        print(f"  {kind:<34}{dynamodb}, {calls.gateway} of the Gateway, {calls.cpu * 1e3:.1f} ms")
    sent = f"{published.puts} PutEvents, {published.sends} of SQS, {published.cpu * 1e3:.1f} ms"
    print(f"  {'a hundred records published':<34}{sent}")
    print(f"\nThe close: {options.n:,} orders become final within a minute (seconds from a report to its confirmation)")
    print(f"{'':<34}{'last':>9}{'p50':>9}{'longest':>9}{'calls':>9}{'refused':>9}{'flight':>7}{'exec.':>7}{'queue':>9}")
    missed = 0
    for target in targets(options.n, recorded, published):
        result = target.run()
        met = target.holds(result)
        missed += not met
        print(row(target.name, result), "✓" if met else "✗", target.says, flush=True)
        if target.name.startswith("one id"):
            print(*saturation(result), sep="\n")
    print(row("defaults (50 in flight)", close(options.n, recorded, published, Setup())), flush=True)
    print(f"\nThe open: {options.n:,} orders placed in ten minutes, with a first look each, final 2 s later")
    for name, setup in (("defaults", Setup()), ("CheckConcurrency=30", Setup(20, 30))):
        result = opening(options.n, recorded, published, setup)
        print(row(name, result), flush=True)
        print(*saturation(result), sep="\n")
    due = options.n
    result = checks(due, recorded, published, Setup(), a_minute=6_000)
    hours = result.last / due * 1_000_000 / 3600
    missed += hours > 4
    mark = "✓" if hours <= 4 else "✗"
    print(f"\nChecks at the default cap, from {due:,}: a million in {hours:.1f} h {mark} within 4 h")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
