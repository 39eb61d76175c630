"""Limit of an invocation's calls of the Gateway in flight: more on success, half as many on refusal. Pure.

The vendor publishes no limits (docs/reference/gateway.md §9), so they are found: a message batch of which the Gateway
refuses nothing raises the pace by a step, and a refusal halves it. The pace is that of one invocation: how many run is
bounded by the event source mappings (docs/decisions/0036-confirming-at-the-close.md).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

START: Final = 2.0
# Half of a message batch: while one call is waited for, the next is prepared, and few executions idle between batches.
MOST: Final = 5.0
# One call in ten seconds and invocation: what is left of the pace while the Gateway is away.
LEAST: Final = 2.0**-5
# A message batch in peace leads back to this share of the pace that was refused last; from there it grows slowly, and
# beyond what was refused ever faster.
_KNOWN_SHARE: Final = 0.9
_SLOW_SHARE: Final = 2.0**-7
# So long after a change, refusals are still those of the pace before it.
_SETTLING: Final = timedelta(seconds=2)
# A refusal takes no time: a rest is in proportion to what a call that is answered takes.
_USUAL: Final = timedelta(milliseconds=300)
# The Gateway may ask for any wait. After this one, a call finds out whether it still means it.
MOST_WAIT: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Pace:
    """The pace at which one invocation calls the Gateway.

    `in_flight` is how many calls it has in flight; below one, it pauses between calls in proportion. `refused_at` is
    the pace at the last refusal, `halved_at` (aware UTC) when that was, and `closed_until` until when the Gateway asked
    to be left alone. `version` counts changes: one is made only by who has seen the one before.
    """

    in_flight: float = START
    refused_at: float | None = None
    closed_until: datetime | None = None
    version: int = 0
    halved_at: datetime | None = None

    def is_closed(self, now: datetime) -> bool:
        """True if the Gateway asked not to be called at `now`."""
        return self.closed_until is not None and now < self.closed_until

    def rest(self, took: timedelta, workers: int) -> timedelta:
        """Return the pause of each of `workers` after a call that took `took`, so that together they keep the pace."""
        return max(timedelta(), max(took, _USUAL) * (workers / self.in_flight - 1))

    def grown(self) -> "Pace":
        """The pace after a message batch of which nothing was refused: equal to this one where it is the highest."""
        if self.refused_at is None:
            step = self.in_flight
        elif self.in_flight < _KNOWN_SHARE * self.refused_at:
            step = _KNOWN_SHARE * self.refused_at - self.in_flight
        else:
            step = _SLOW_SHARE * self.refused_at + max(0.0, self.in_flight - self.refused_at)
        grown = min(MOST, self.in_flight + min(1.0, step))
        return self if grown == self.in_flight else replace(self, in_flight=grown, version=self.version + 1)

    def halved(self, now: datetime, closed_until: datetime | None = None) -> "Pace":
        """The pace after a refusal, with which the Gateway may have asked to be left alone until `closed_until`.

        Refusals that come together are one: the others change nothing but that wait. What was refused at the lowest
        pace says nothing of what the Gateway bears once it is back.
        """
        if self.halved_at is not None and now - self.halved_at < _SETTLING:
            later = closed_until is not None and (self.closed_until is None or closed_until > self.closed_until)
            return replace(self, closed_until=closed_until, version=self.version + 1) if later else self
        refused_at = self.in_flight if self.in_flight > LEAST else None
        in_flight = max(LEAST, self.in_flight / 2)
        return Pace(in_flight, refused_at, closed_until or self.closed_until, self.version + 1, now)
