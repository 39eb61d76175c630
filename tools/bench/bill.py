"""The cost of settled single-stock orders at AWS's list prices: units from the design, prices as data.

`python -m tools.bench.bill` prints the table of docs/reference/cost.md. US dollars in us-east-1, without free tiers;
change `PRICES` for another region: the shares hardly change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Per million units.
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
# A month, with or without orders: alarms at $0.10, the secret, the dashboard.
STANDING: Final = 34 * 0.10 + 0.40 + 3.00
# A gigabyte of a table in a month, with point-in-time recovery.
STORED_GIGABYTE: Final = 0.25 + 0.20
# One order: the transaction, its pointer, and its history.
STORED_BYTES: Final = 4_500
RUPEES: Final = 90  # for a dollar, an assumption
ORDERS: Final = (10_000, 1_000_000, 100_000_000)
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
    Step("SDK response", {"HTTP API request": 1, "Lambda request": 1, "read unit": 1}),
    Step("webhook PLACED", {"HTTP API request": 1, "Lambda request": 2, "write unit": 1, "event": 1}),
    Step("webhook COMPLETED", {"HTTP API request": 1, "Lambda request": 2, "write unit": 1, "event": 1}),
    Step(
        "confirmation (lease, settle, leave the index)",
        {"Lambda request": 2, "write unit": 3, "read unit": 1, "event": 1, "queue request": 3},
    ),
    Step("history (a record of each of four changes)", {"Lambda request": 4, "write unit": 4}),
    Step("five reads of the app", {"HTTP API request": 5, "Lambda request": 5, "read unit": 5}),
)


def dollars(step: Step) -> float:
    """The dollars of a million times `step`."""
    calls = step.units["Lambda request"]
    used = step.units | {
        "log gigabyte": calls * _LOG_BYTES / 1e9,
        "Lambda GB-second (arm64)": calls * _GB_SECONDS,
    }
    return sum(count * PRICES[unit] for unit, count in used.items())


def table() -> Iterator[str]:
    """The lines of the docs' two tables: a million orders by step, and a month by its number of orders."""
    yield "| step | dollars for a million orders |"
    yield "| --- | --- |"
    for step in STEPS:
        yield f"| {step.name} | {dollars(step):.2f} |"
    total = sum(map(dollars, STEPS))
    yield f"| together | {total:.2f} |"
    yield ""
    yield "| orders in a month | dollars | rupees | and storage, for each month's orders kept a month |"
    yield "| --- | --- | --- | --- |"
    for orders in ORDERS:
        month = STANDING + total * orders / 1e6
        stored = orders * STORED_BYTES / 1e9 * STORED_GIGABYTE
        yield f"| {orders:,} | {month:,.2f} | {month * RUPEES:,.0f} | {stored:,.2f} dollars |"


if __name__ == "__main__":
    print("\n".join(table()))
