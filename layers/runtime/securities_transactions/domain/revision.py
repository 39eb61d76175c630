"""One state of a batch as it was seen, and how it is ordered among others.

A *revision* is a sortable value of how far a batch has progressed and only then of when it was said. Of two snapshots
the one with the greater revision is the newer, whichever arrived first: taking the maximum is idempotent, commutative
and associative, so duplicates and any order of arrival end in the same state.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from securities_transactions.domain import statuses
from securities_transactions.domain.decimal_json import dumps
from securities_transactions.domain.orders import Batch
from securities_transactions.storage.snapshot_codec import encode

_LASTING_LENGTH: Final = 17
_PROGRESS_LENGTH: Final = _LASTING_LENGTH + 4


@dataclass(frozen=True)
class Snapshot:
    """A batch and the time (UTC, ISO 8601 with milliseconds) at which the Gateway said so."""

    batch: Batch
    timestamp: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The batch as it was sent, unknown fields too."""
        return self.batch.as_sent()

    @cached_property
    def encoded(self) -> bytes:
        """The batch as stored; `decode` gives `document` back."""
        return encode(self.document)

    @cached_property
    def digest(self) -> str:
        """A short name of the batch's content: two snapshots with the same one say the same."""
        return hashlib.sha256(dumps(self.document, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def progress(self) -> str:
        """How far the batch has come: all final, how many orders are final, how many shares are filled, and how many
        orders have left PLACED, in which each begins."""
        orders = self.batch.orders
        final = sum(statuses.is_final(order.status) for order in orders)
        filled = sum(order.filledQuantity or 0 for order in orders)
        moved = sum(order.status != statuses.PLACED for order in orders) + len(self.batch.unplaced)
        return f"{self.batch.is_final:d}{final:04d}{min(filled, 10**12 - 1):012d}{moved:04d}"

    @property
    def revision(self) -> str:
        """The sortable revision: progress, then timestamp, then content so that the order is total."""
        return f"{self.progress}|{self.timestamp}|{self.digest}"


def progress_of(revision: str) -> str:
    """The progress that a stored revision stands for."""
    return revision[:_PROGRESS_LENGTH]


def lasting(progress: str) -> str:
    """The part of a progress that never goes back at the Gateway: an order at ERROR may turn out to be placed."""
    return progress[:_LASTING_LENGTH]


def digest_of(revision: str) -> str:
    """The content digest that a stored revision stands for."""
    return revision.rpartition("|")[2]


def material(batch: Batch) -> Counter[tuple[object, ...]]:
    """What money depends on: each order's side, state, shares and price. Equal counters are the same outcome."""
    return Counter(
        (
            place,
            order.tradingsymbol,
            order.transactionType,
            statuses.canonical(order.status),
            order.quantity,
            order.filledQuantity or 0,
            order.averagePrice or 0,
        )
        for place, orders in (("orders", batch.orders), ("unplaced", batch.unplaced))
        for order in orders
    )
