"""The books of a day: which transactions an evening's closing compares with the Gateway, and what it counts.

A transaction is in the books from the moment at which it is first over: settled, or failed. What is not over has a
check scheduled and is reconciled by that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Final

from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Transaction

IST: Final = timezone(timedelta(hours=5, minutes=30))
"""The time zone of the exchanges. India has no daylight saving time."""

MOST_LISTED: Final = 100
"""How many transactions a report names of each kind; it counts the others."""


@dataclass(frozen=True)
class Closing:
    """The closing of `day` (IST): of what was first over after `since`, and at `until` at the latest (aware UTC)."""

    day: date
    since: datetime
    until: datetime


def closing_due(now: datetime, close_at: time, days: int, last_until: datetime | None) -> Closing | None:
    """The closing that is to be made at `now` (aware), or `None` where the last one, until `last_until`, is the newest.

    `close_at` is the time of closing in IST. The window is `days` long, and longer where evenings were missed: nothing
    falls between two closings.
    """
    today = now.astimezone(IST)
    until = datetime.combine(today.date(), close_at, IST)
    if until > today:
        until -= timedelta(days=1)
    if last_until is not None and last_until >= until:
        return None
    return closing_until(until, days, last_until)


def closing_until(until: datetime, days: int, last_until: datetime | None) -> Closing:
    """The closing whose window ends at `until` (aware)."""
    since = until - timedelta(days=days)
    if last_until is not None:
        since = min(since, last_until)
    return Closing(until.astimezone(IST).date(), since.astimezone(UTC), until.astimezone(UTC))


class Doubt(StrEnum):
    """The reason for which a stored transaction may differ from the Gateway's state."""

    UNCHECKED = "unchecked"
    """The Gateway has not answered for it since the closing began, or shows something that settles nothing."""
    PRICE = "price"
    """Shares were filled, and the Gateway has not given their price."""
    PERSON = "person"
    """It is escalated: the Gateway cannot say what became of the orders."""
    UNREADABLE = "unreadable"
    """The stored item cannot be read."""


def doubt_about(stored: Transaction) -> Doubt | None:
    """The doubt about a transaction of the books once its check was made; `None` where there is none."""
    if stored.needs_person and stored.status != Status.FAILED:
        return Doubt.PERSON
    if not stored.is_over or stored.next_check_at is None:
        return None
    if stored.batch is not None and stored.batch.lacks_price:
        return Doubt.PRICE
    return Doubt.UNCHECKED


@dataclass(frozen=True)
class BrokerBooks:
    """Settled transactions with the accounts of one broker. Amounts are rupees; orders are the legs of the batches."""

    transactions: int = 0
    orders: int = 0
    buy_amount: Decimal = Decimal(0)
    sell_amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Tally:
    """The counts of a closing so far.

    `corrected` are those whose settled state changed while the closing compared them. `open` are not over: the Gateway
    still has something to say about them. `doubtful` counts by reason, `unresolved` names the first of them.
    """

    failed: int = 0
    open: int = 0
    corrected: int = 0
    corrected_ids: Sequence[str] = ()
    brokers: Mapping[str, BrokerBooks] = field(default_factory=dict)
    doubtful: Mapping[Doubt, int] = field(default_factory=dict)
    unresolved: Sequence[tuple[str, Doubt]] = ()

    @property
    def drift(self) -> int:
        """The number of transactions that may differ from the Gateway's state; 0: every one was compared."""
        return sum(self.doubtful.values())

    def with_transaction(self, stored: Transaction, started_at: datetime) -> "Tally":
        """With one transaction of the window, as it is after its check; the closing began at `started_at`."""
        doubt = doubt_about(stored)
        tally = self if doubt is None else self.with_doubt(stored.transaction_id, doubt)
        if not stored.is_settled:
            return replace(tally, failed=tally.failed + 1) if stored.is_over else replace(tally, open=tally.open + 1)
        tally = tally._with_amounts(stored)
        booked_at, settled_at = stored.booked_at, stored.settled_at
        if booked_at is None or settled_at is None or not booked_at < started_at <= settled_at:
            return tally
        ids = tally.corrected_ids
        ids = ids if len(ids) >= MOST_LISTED else (*ids, stored.transaction_id)
        return replace(tally, corrected=tally.corrected + 1, corrected_ids=ids)

    def with_open(self, stored: Transaction) -> "Tally":
        """With one transaction that is not over and in no books yet."""
        tally = replace(self, open=self.open + 1)
        return tally.with_doubt(stored.transaction_id, Doubt.PERSON) if stored.needs_person else tally

    def with_doubt(self, transaction_id: str, doubt: Doubt) -> "Tally":
        """With one transaction that may differ from the Gateway's state."""
        counted = {**self.doubtful, doubt: self.doubtful.get(doubt, 0) + 1}
        named = self.unresolved
        named = named if len(named) >= MOST_LISTED else (*named, (transaction_id, doubt))
        return replace(self, doubtful=counted, unresolved=named)

    def _with_amounts(self, stored: Transaction) -> "Tally":
        name = stored.broker or "unknown"
        before, batch = self.brokers.get(name, BrokerBooks()), stored.batch
        after = BrokerBooks(
            transactions=before.transactions + 1,
            orders=before.orders + (0 if batch is None else len(batch.orders)),
            buy_amount=before.buy_amount + (stored.buy_amount or 0),
            sell_amount=before.sell_amount + (stored.sell_amount or 0),
        )
        return replace(self, brokers={**self.brokers, name: after})


class Phase(StrEnum):
    """The progress of a closing."""

    SCHEDULE = "schedule"
    """Checks of the window's transactions are being scheduled."""
    COMPARE = "compare"
    """What is stored after the checks is being counted."""
    OPEN = "open"
    """What is not over is being counted."""
    PUBLISH = "publish"
    """The report is complete and to be published."""
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A closing under way, or its report once it is `CLOSED`.

    `number` counts the closings of the day. `shard` and `after` say where its phase is to go on: behind the index entry
    `after` of that partition. `step` goes up by one with each write, and is the optimistic lock. `scheduled` checks
    were scheduled, the last of them for `scheduled_until`. Times are aware UTC.
    """

    closing: Closing
    number: int
    started_at: datetime
    scheduled_until: datetime
    phase: Phase = Phase.SCHEDULE
    step: int = 0
    shard: int = 0
    after: str | None = None
    scheduled: int = 0
    tally: Tally = Tally()
    closed_at: datetime | None = None
