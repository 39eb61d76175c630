"""Calling the Gateway at the pace that it bears, for one message batch: the record is read once, then kept up here."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from securities_transactions.domain.pace import MOST_WAIT, Pace
from securities_transactions.gateway.errors import GatewayError, GatewayUnavailable
from securities_transactions.storage.paces import Paces

# Ten times what the Gateway usually takes: it is answering, and it is too much for it.
SLOW: Final = timedelta(seconds=3)


@dataclass
class Pacing:
    """The pace of one message batch. `clock` gives aware UTC. Several threads call it at once."""

    paces: Paces
    clock: Callable[[], datetime]
    pace: Pace
    was_refused: bool = False
    _lock: Lock = field(default_factory=Lock)

    @property
    def workers(self) -> int:
        """Return the most calls in flight at once."""
        return math.ceil(self.pace.in_flight)

    @property
    def opens_at(self) -> datetime | None:
        """Return the time from which the Gateway may be called again; `None` where it may be now."""
        return self.pace.closed_until if self.pace.is_closed(self.clock()) else None

    def rest(self, took: timedelta, workers: int) -> timedelta:
        """Return the pause of each of `workers` after a call that took `took`, so that together they keep the pace."""
        return self.pace.rest(took, workers)

    def observe(self, started: datetime, error: GatewayError | None = None) -> None:
        """Take note of what became of a call: the pace is halved where the Gateway refused it or was slow."""
        now = self.clock()
        refused = isinstance(error, GatewayUnavailable) and error.is_overloaded
        if not refused and now - started < SLOW:
            return
        asked = error.asks_to_wait if isinstance(error, GatewayUnavailable) else None
        closed_until = None if asked is None else now + min(timedelta(seconds=asked), MOST_WAIT)
        with self._lock:  # only around what takes no time
            self.was_refused = True
            before, halved = self.pace, self.pace.halved(now, closed_until)
            self.pace = halved
        # Where another invocation was refused first, its change is the one that counts.
        if halved is not before and not self.paces.replace(before, halved, now):
            self.pace = self.paces.read()

    def end(self, *, was_bounded: bool) -> None:
        """The message batch is done. Only what the pace has bounded shows that the Gateway bears more."""
        grown = self.pace.grown()
        if was_bounded and not self.was_refused and grown is not self.pace:
            self.paces.replace(self.pace, grown, self.clock())
