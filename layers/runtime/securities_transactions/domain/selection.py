"""Filters over a user's transactions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from securities_transactions.domain.statuses import Side, Status
from securities_transactions.domain.transaction import Transaction


class State(StrEnum):
    """The progress of a transaction. One that needs attention is also open, settled or failed."""

    OPEN = "open"
    SETTLED = "settled"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs-attention"

    def holds(self, transaction: Transaction) -> bool:
        """Return True if a transaction is in this state."""
        match self:
            case State.OPEN:
                return not transaction.is_over
            case State.SETTLED:
                return transaction.is_settled
            case State.FAILED:
                return transaction.status == Status.FAILED
            case State.NEEDS_ATTENTION:
                return transaction.needs_person


@dataclass(frozen=True)
class Selection:
    """The filter of a reader; `None` selects everything.

    `since` and `until` (aware UTC) limit the creation time: at or after the first, before the second. `tradingsymbol`
    (upper case) and `side` must match the same order, placed or not. If no orders are known, they match the request. A
    requested security without a side may become either.
    """

    since: datetime | None = None
    until: datetime | None = None
    state: State | None = None
    tradingsymbol: str | None = None
    side: Side | None = None
    reference: str | None = None
    oldest_first: bool = False

    @property
    def reads_content(self) -> bool:
        """True if the filter needs the transaction itself, not only its pointer."""
        return not (self.state is self.tradingsymbol is self.side is None)

    def wants(self, transaction: Transaction) -> bool:
        """Return True if a transaction of any time and reference matches. Reads its orders only if needed."""
        if self.state is not None and not self.state.holds(transaction):
            return False
        if self.tradingsymbol is None and self.side is None:
            return True
        return any(
            self.tradingsymbol in (None, symbol.upper()) and (side is None or self.side in (None, side))
            for symbol, side in _traded(transaction)
        )

    def covers(self, created_at: datetime) -> bool:
        """Return True if a transaction created then is in the selected time."""
        return (self.since is None or self.since <= created_at) and (self.until is None or created_at < self.until)


EVERYTHING: Final = Selection()


def _traded(transaction: Transaction) -> Iterator[tuple[str, str | None]]:
    """Each security and side of a transaction's orders, or of its request if there are none."""
    batch = transaction.batch
    if batch is not None:
        for order in (*batch.orders, *batch.unplaced):
            yield order.tradingsymbol, order.transactionType
        return
    for security in _requested(transaction.requested.value):
        if isinstance(security, Mapping):
            yield str(security.get("ticker", "")), security.get("type")


def _requested(requested: Mapping[str, Any]) -> list[Any]:
    config = requested.get("orderConfig")
    securities = config.get("securities") if isinstance(config, Mapping) else None
    return securities if isinstance(securities, list) else []
