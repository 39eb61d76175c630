"""One state of a batch as it was seen, and how it is ordered among others.

A *revision* orders states by how far a batch has progressed and only then by time. Of two snapshots the one with the
greater revision is the newer, whichever arrived first: taking the maximum is idempotent, commutative and associative,
so duplicates and any order of arrival end in the same state (docs/decisions/0002-revisions.md).
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
    """What never goes back at the Gateway: whether all orders are final, how many are, how many shares are filled."""

    all_final: bool
    final: int
    filled: int


@dataclass(frozen=True, order=True)
class Progress:
    """How far a batch has come. `moved` counts the orders that have left PLACED, the status in which each begins; an
    order at ERROR may turn out to be placed, so it is no part of what is monotonic."""

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
    """Progress, then the time (UTC) of the statement, then its content, so that the order is total."""

    progress: Progress
    stated_at: datetime
    digest: str

    @property
    def text(self) -> str:
        """The revision as text that sorts in the same order: DynamoDB compares it in its conditions."""
        (all_final, final, filled), moved = self.progress.monotonic_part, self.progress.moved
        progress = f"{all_final:d}{final:04d}{filled:012d}{moved:04d}"
        return f"{progress}|{timestamp_text(self.stated_at)}|{self.digest}"

    @property
    def floor(self) -> str:
        """What is smaller than the text of every revision with this progress and time, whatever its content."""
        return self.text.removesuffix(self.digest)

    @classmethod
    def parse(cls, text: str) -> "Revision":
        """The revision that `text` stands for; `ValueError` where it stands for none."""
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
        """The batch as it was sent, unknown fields too."""
        return self.batch.as_sent()

    @cached_property
    def digest(self) -> str:
        """A short name of the batch's content, whatever the order of its rows: equal ones state the same."""
        rows = {name: sorted(dumps(row, sort_keys=True) for row in self.document.get(name, ())) for name in _ROWS}
        return hashlib.sha256(dumps(self.document | rows, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def progress(self) -> Progress:
        """How far the batch has come."""
        return Progress.of(self.batch)

    @property
    def revision(self) -> Revision:
        """The revision of this snapshot."""
        # Text has milliseconds, and a stored revision must equal the one that it was made of.
        stated_at = self.stated_at.replace(microsecond=self.stated_at.microsecond // 1000 * 1000)
        return Revision(self.progress, stated_at, self.digest)


class Leg(NamedTuple):
    """What money depends on in one order of a batch."""

    placed: bool
    tradingsymbol: str
    side: Side
    status: OrderStatus
    quantity: int
    filled: int
    price: Decimal | int


def facts(batch: Batch) -> tuple[Any, ...]:
    """Everything that the Gateway states of a batch in its documented fields, whatever the order of its rows."""
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
    """What money depends on: each order's side, status, shares and price. Equal counters are the same outcome."""
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
