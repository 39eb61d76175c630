"""Closing the books of a day: every transaction of a window is checked with the Gateway once more, and counted.

What settled is not always the Gateway's last word: a broker corrects a trade, and the webhook of the correction may be
lost. A closing pulls nothing itself. It schedules a check of each transaction of the window, spread over time, and the
ordinary path makes them: within its budget, with its retries, its events and its escalation. Then it counts what is
stored, publishes the report, and is closed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final

from securities_transactions.domain.books import Closing, Doubt, Phase, Run, closing_due, closing_until
from securities_transactions.domain.transaction import Transaction
from securities_transactions.events.builder import of_closing
from securities_transactions.events.schemas import BooksClosed
from securities_transactions.storage.books import Books
from securities_transactions.storage.mapper import CHECK_SHARDS
from securities_transactions.storage.transactions import Transactions, Unreadable

# Checks a minute that a closing schedules. A hundred thousand transactions take less than three hours.
CHECKS_PER_MINUTE: Final = 600
# How long a closing waits for the checks after the last one was due; then it reports what is unchecked.
PATIENCE: Final = timedelta(hours=3)
# How long after the time of closing it begins: what settled in the last moment is in the index by then.
GRACE: Final = timedelta(minutes=2)
_PAGE: Final = 100
# What one page may take: its reads, a hundred writes, and the write of the step.
_SECONDS_OF_A_PAGE: Final = 10.0


@dataclass(frozen=True)
class CloseBooks:
    """Closes the books at `close_at` (IST), over `days` days. `clock` gives aware UTC.

    `publish` puts the report on the bus and raises where the bus does not accept it. `seconds_left` is how long the
    invocation still has.
    """

    transactions: Transactions
    books: Books
    publish: Callable[[BooksClosed], object]
    close_at: time
    days: int
    clock: Callable[[], datetime]
    seconds_left: Callable[[], float]

    def run(self) -> Run | None:
        """Go on with the closing that is under way or due, as far as the time allows; `None` where none is.

        Raises botocore's errors and what `publish` raises: the next invocation goes on where this one stopped.
        """
        newest, now = self.books.newest(), self.clock()
        if newest is None or newest.phase is Phase.CLOSED:
            last_until = None if newest is None else newest.closing.until
            closing = closing_due(now - GRACE, self.close_at, self.days, last_until)
            if closing is None:
                return None
            newest = self._begun(closing, newest, now)
        return self.advance(newest)

    def close_now(self) -> Run:
        """Begin a closing of what was over until now, or go on with the one that is under way."""
        newest, now = self.books.newest(), self.clock()
        if newest is None or newest.phase is Phase.CLOSED:
            last_until = None if newest is None else newest.closing.until
            newest = self._begun(closing_until(now, self.days, last_until), newest, now)
        return self.advance(newest)

    def _begun(self, closing: Closing, before: Run | None, now: datetime) -> Run:
        again = before if before is not None and before.closing.day == closing.day else None
        number, step = (1, 0) if again is None else (again.number + 1, again.step)
        return Run(closing=closing, number=number, step=step, started_at=now, scheduled_until=now)

    def advance(self, run: Run) -> Run:
        """`run` after as many steps as the time allows, until it is closed or waits for checks."""
        while run.phase is not Phase.CLOSED and self.seconds_left() > _SECONDS_OF_A_PAGE:
            further = self._step(run)
            if further is None:
                break
            further = replace(further, step=run.step + 1)
            if not self.books.save(further):
                break  # another invocation goes on
            run = further
        return run

    def _step(self, run: Run) -> Run | None:
        """`run` one step further; `None` where checks have to be waited for."""
        match run.phase:
            case Phase.SCHEDULE:
                return self._schedule(run)
            case Phase.COMPARE:
                return self._compare(run)
            case Phase.OPEN:
                return self._count_open(run)
            case _:
                self.publish(of_closing(run))
                return replace(run, phase=Phase.CLOSED)

    def _schedule(self, run: Run) -> Run:
        page = self.transactions.booked(run.shard, run.closing.since, run.closing.until, run.after, _PAGE)
        at = run.scheduled_until
        for transaction_id in page.transaction_ids:
            at += timedelta(minutes=1) / CHECKS_PER_MINUTE
            self.transactions.schedule_check(transaction_id, at)
        further = replace(run, scheduled=run.scheduled + len(page.transaction_ids), scheduled_until=at)
        return _behind(further, page.last, Phase.COMPARE)

    def _compare(self, run: Run) -> Run | None:
        page = self.transactions.booked(run.shard, run.closing.since, run.closing.until, run.after, _PAGE)
        impatient = self.clock() >= run.scheduled_until + PATIENCE
        tally = run.tally
        for transaction_id, stored in self.transactions.get_many(page.transaction_ids).items():
            if isinstance(stored, Unreadable):
                tally = tally.with_doubt(transaction_id, Doubt.UNREADABLE)
                continue
            if _is_awaited(stored) and not impatient:
                return None
            tally = tally.with_transaction(stored, run.started_at)
        return _behind(replace(run, tally=tally), page.last, Phase.OPEN)

    def _count_open(self, run: Run) -> Run:
        page = self.transactions.scheduled(run.shard, run.after, _PAGE)
        tally, named = run.tally, {transaction_id for transaction_id, _ in run.tally.unresolved}
        for transaction_id, stored in self.transactions.get_many(page.transaction_ids).items():
            if isinstance(stored, Unreadable):
                tally = tally if transaction_id in named else tally.with_doubt(transaction_id, Doubt.UNREADABLE)
            elif not stored.is_over and stored.booked_at is None:
                tally = tally.with_open(stored)
        further = _behind(replace(run, tally=tally), page.last, Phase.PUBLISH)
        return replace(further, closed_at=self.clock()) if further.phase is Phase.PUBLISH else further


def _is_awaited(stored: Transaction) -> bool:
    """True if the check that the closing has scheduled is still to be made, or made again."""
    if not stored.is_over or stored.next_check_at is None or stored.needs_person:
        return False
    return stored.batch is None or not stored.batch.lacks_price


def _behind(run: Run, last: str | None, then: Phase) -> Run:
    """`run` behind the index entry `last`; in the next partition, or the phase `then`, where that was the last."""
    if last is not None:
        return replace(run, after=last)
    if run.shard + 1 < CHECK_SHARDS:
        return replace(run, shard=run.shard + 1, after=None)
    return replace(run, phase=then, shard=0, after=None)
