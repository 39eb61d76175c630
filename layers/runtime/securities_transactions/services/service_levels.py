"""The publisher's counts of the events it publishes: service levels, and what needs an operator.

Metric filters of the template read these numbers from the line that is logged for each record batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from securities_transactions.domain.market_hours import is_market_open
from securities_transactions.domain.times import parse_time
from securities_transactions.events.schemas import (
    BrokerAccountConflict,
    Event,
    OrdersPlaced,
    OrdersSettled,
    OrdersUnknown,
)

# A transaction is to be settled so soon after its orders became final at the Gateway.
SETTLED_WITHIN: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class ServiceLevels:
    """Of a record batch: events by kind, and `slowest_ms` from the stored change to now, if there was any."""

    placed: int
    settled: int
    settled_late: int
    needs_operator: int
    market_open: bool
    slowest_ms: int | None


def service_levels(events: Sequence[Event], now: datetime) -> ServiceLevels:
    """Return the counts of `events`, published at `now` (aware)."""
    settled = [each for each in events if isinstance(each, OrdersSettled)]
    # Our own timestamps sort as text: the first is read, and not each.
    first = parse_time(min((each.occurredAt for each in events), default=None))
    return ServiceLevels(
        placed=sum(isinstance(each, OrdersPlaced) for each in events),
        settled=len(settled),
        settled_late=sum(_is_late(each, now) for each in settled),
        needs_operator=sum(isinstance(each, OrdersUnknown | BrokerAccountConflict) for each in events),
        market_open=is_market_open(now),
        slowest_ms=None if first is None else max((now - first) // timedelta(milliseconds=1), 0),
    )


def _is_late(settled: OrdersSettled, now: datetime) -> bool:
    """True if it was settled too late; from the storing on where the Gateway does not date the final state."""
    final = parse_time(settled.completedDate) or parse_time(settled.occurredAt)
    return final is not None and now - final > SETTLED_WITHIN
