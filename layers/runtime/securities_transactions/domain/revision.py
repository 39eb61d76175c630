"""Snapshots of a batch, and the order among them.

A *revision* orders states first by the progress of the batch, then by time. Of two snapshots, the one with the greater
revision is newer, whichever arrived first. Taking the maximum is idempotent, commutative and associative, so duplicates
and any order of arrival end in the same state (docs/decisions/0002-revisions.md).
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.domain.orders import Batch, Order
from securities_transactions.domain.statuses import OrderStatus, Side
from securities_transactions.domain.times import parse_time, timestamp_text

_MOST_SHARES: Final = 10**12 - 1
_ROWS: Final = ("orders", "unplaced")


class MonotonicPart(NamedTuple):
    """The part of progress that never decreases at the Gateway: all orders final, final orders, filled shares."""

    all_final: bool
    final: int
    filled: int


@dataclass(frozen=True, order=True)
class Progress:
    """The progress of a batch.

    `moved` counts the orders that have left PLACED, the initial status. An order with the status ERROR may turn out to
    be placed, so `moved` is not monotonic.
    """

    monotonic_part: MonotonicPart
    moved: int

    @classmethod
    def of(cls, batch: Batch) -> "Progress":
        """The progress of a batch."""
        orders = batch.orders
        return cls(
            MonotonicPart(
                all_final=batch.is_final,
                final=sum(order.status.is_final for order in orders),
                filled=min(sum(order.filledQuantity or 0 for order in orders), _MOST_SHARES),
            ),
            moved=sum(order.status != OrderStatus.PLACED for order in orders) + len(batch.unplaced),
        )


@dataclass(frozen=True, order=True)
class Revision:
    """Progress, then the time of the statement (UTC), then a digest of the content, so that the order is total."""

    progress: Progress
    stated_at: datetime
    digest: str

    @property
    def text(self) -> str:
        """The revision as text that sorts in the same order, for DynamoDB conditions."""
        (all_final, final, filled), moved = self.progress.monotonic_part, self.progress.moved
        progress = f"{all_final:d}{final:04d}{filled:012d}{moved:04d}"
        return f"{progress}|{timestamp_text(self.stated_at)}|{self.digest}"

    @property
    def floor(self) -> str:
        """Text that sorts before every revision with this progress and time."""
        return self.text.removesuffix(self.digest)

    @classmethod
    def parse(cls, text: str) -> "Revision":
        """Parse `text`. Raises `ValueError` if it is not a revision."""
        progress, stated_at, digest = text.split("|")
        moment = parse_time(stated_at)
        if moment is None or len(progress) != 21:
            raise ValueError("not the text of a revision")
        monotonic_part = MonotonicPart(progress[0] == "1", int(progress[1:5]), int(progress[5:17]))
        return cls(Progress(monotonic_part, int(progress[17:])), moment, digest)


@dataclass(frozen=True)
class Snapshot:
    """A batch and the time (aware UTC) at which the Gateway stated it."""

    batch: Batch
    stated_at: datetime

    @cached_property
    def document(self) -> dict[str, Any]:
        """The batch as sent, including unknown fields."""
        return self.batch.as_sent()

    @cached_property
    def digest(self) -> str:
        """A short digest of the content, independent of the order of its rows. Equal digests mean equal content."""
        rows = {name: sorted(dumps(row, sort_keys=True) for row in self.document.get(name, ())) for name in _ROWS}
        return hashlib.sha256(dumps(self.document | rows, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def progress(self) -> Progress:
        """The progress of the batch."""
        return Progress.of(self.batch)

    @cached_property
    def revision(self) -> Revision:
        """The revision of this snapshot."""
        # Text has milliseconds, and a parsed revision must equal the original.
        stated_at = self.stated_at.replace(microsecond=self.stated_at.microsecond // 1000 * 1000)
        return Revision(self.progress, stated_at, self.digest)


class Leg(NamedTuple):
    """The financial content of one order."""

    placed: bool
    tradingsymbol: str
    side: Side
    status: OrderStatus
    quantity: int
    filled: int
    price: Decimal | int


def facts(batch: Batch) -> tuple[Any, ...]:
    """Every documented field of the batch, independent of the order of its rows."""
    named = tuple(getattr(batch, name) for name in _BATCH_FACTS)
    rows = (Counter(_order_facts(order) for order in orders) for orders in (batch.orders, batch.unplaced))
    return (*named, *rows)


def _order_facts(order: Order) -> tuple[Any, ...]:
    return tuple(getattr(order, name) for name in _ORDER_FACTS)


_BATCH_FACTS: Final = ("batchId", "variety", "buyAmount", "sellAmount", "completedDate", "status")
_ORDER_FACTS: Final = tuple(
    name for name in Order.model_fields if name not in ("derived", "unreadable", "statusMessage")
)


def financial_fingerprint(batch: Batch) -> Counter[Leg]:
    """The financial content of a batch: each order's side, status, shares and price.

    Equal counters mean the same financial outcome.
    """
    return Counter(
        Leg(
            placed,
            order.tradingsymbol,
            order.transactionType,
            order.status,
            order.quantity,
            order.filledQuantity or 0,
            order.averagePrice or 0,
        )
        for placed, orders in ((True, batch.orders), (False, batch.unplaced))
        for order in orders
    )
