"""The cost of a settled single-stock order at AWS's list prices: units from the design, prices as data.

US dollars per million orders, us-east-1, without free tiers. Change `PRICES` for another region; the shares hardly
change.
"""

from dataclasses import dataclass
from typing import Final

PRICES: Final = {
    "HTTP API request": 1.00,
    "Lambda request": 0.20,
    "write unit": 0.625,
    "read unit": 0.125,
    "event": 1.00,
    "queue request": 0.40,
    "log gigabyte": 500_000.0,
    "Lambda GB-second (arm64)": 13.3334,
}
_LOG_BYTES: Final = 350
_GB_SECONDS: Final = 0.5 * 0.01


@dataclass(frozen=True)
class Step:
    """The units of one step of an order."""

    name: str
    units: dict[str, float]


STEPS: Final = (
    Step(
        "create (a DynamoDB transaction of two items, one index entry)",
        {"HTTP API request": 1, "Lambda request": 2, "write unit": 5, "read unit": 1, "event": 1},
    ),
    Step("webhook PLACED", {"HTTP API request": 1, "Lambda request": 2, "write unit": 1, "event": 1}),
    Step("webhook COMPLETED", {"HTTP API request": 1, "Lambda request": 2, "write unit": 1, "event": 1}),
    Step(
        "confirmation (lease, settle, leave the index)",
        {"Lambda request": 2, "write unit": 3, "read unit": 1, "event": 1, "queue request": 3},
    ),
)


def lines() -> list[str]:
    """The bill, one line per step, in dollars per million orders."""
    shown, total = [], 0.0
    for step in STEPS:
        calls = step.units["Lambda request"]
        used = step.units | {
            "log gigabyte": calls * _LOG_BYTES / 1e9,
            "Lambda GB-second (arm64)": calls * _GB_SECONDS,
        }
        dollars = sum(count * PRICES[unit] for unit, count in used.items())
        total += dollars
        shown.append(f"  {step.name:64}{dollars:7.2f}")
    return [*shown, f"  {'settled order':64}{total:7.2f}"]
