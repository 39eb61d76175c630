"""Durations: from a genuine webhook to what is shown and settled, from the Gateway's final state to settled.

That everything converges in the end hides what converges late. Until the faults are over nothing can be on time, so a
bound begins with what happened or with the end of the faults, whichever is later.
"""

from dataclasses import dataclass
from typing import Any, Final

from securities_transactions.storage.snapshot_codec import decode
from tests.simulation.promises import Material, is_as_far, material
from tests.simulation.vendor import Document, Vendor, VendorTransaction
from tests.simulation.world import HOUR, MINUTE, SECOND, Violation, World

# How long the Gateway's API may lag: for so long a report that it does not show is kept, a forged one too.
_LAG: Final = 10 * MINUTE
# A pull that the lease denies is made by the check that it scheduled, which the next minute's run finds.
_SOON: Final = 2 * MINUTE
# The first outcome waits for no lease.
_AT_ONCE: Final = 15 * SECOND
# What was pulled in vain while a fault lasted is checked again after 1, 2, 5, 10, 20 … minutes. The last step of this
# backoff is a day, and a fifth; each is less than twice the time that went before.
_SHORTEST_BOUND: Final = HOUR
_LONGEST_BOUND: Final = 30 * HOUR


@dataclass
class Awaited:
    """A genuine state that was answered with 200 at `since`."""

    transaction_id: str
    content: Material
    since: int
    first: bool
    masked: bool
    shown: int | None = None
    settled: int | None = None


class Delays:
    """The awaited steps, and since when."""

    def __init__(self, world: World, vendor: Vendor) -> None:
        self.world = world
        self.vendor = vendor
        self.awaited: dict[str, list[Awaited]] = {}
        self.settled: dict[str, int] = {}
        self.over = world.rates.calm
        self._refused_for_long = False

    def refused_until(self, at: int) -> None:
        """The Gateway refuses every credential until `at`: each request to pull moves the checks apart in vain."""
        self.faults_until(at)
        self._refused_for_long = True

    def faults_until(self, at: int) -> None:
        """Something is wrong until `at`, such as a secret that only one side has."""
        self.over = max(self.over, at)

    def written(self, new: Any) -> None:
        """A transaction was written."""
        id_ = new["transactionId"]["S"]
        settled = "settledAt" in new
        if settled:
            self.settled.setdefault(id_, self.world.now)
        if id_ in self.awaited and "snapshot" in new:
            self._see(id_, material(decode(new["snapshot"]["B"])), settled)

    def reported(self, body: Document, item: Any) -> None:
        """A genuine webhook was answered with 200; `item` is the stored transaction."""
        id_ = body["transactionId"]
        first = item is not None and "finalPulledAt" not in item
        shown = None if item is None or "snapshot" not in item else material(decode(item["snapshot"]["B"]))
        masked = shown is not None and not self._is_true(id_, shown)
        self.awaited.setdefault(id_, []).append(Awaited(id_, material(body), self.world.now, first, masked))
        if shown is not None:
            self._see(id_, shown, "settledAt" in item)

    def _is_true(self, id_: str, shown: Material) -> bool:
        states = self.vendor.transactions[id_].states
        return any(shown == material(state.batch) for state in states if state.batch is not None)

    def _see(self, id_: str, shown: Material, settled: bool) -> None:
        if not self._is_true(id_, shown):
            return  # forged: what is genuine is not shown
        for each in self.awaited[id_]:
            if each.shown is None and is_as_far(shown, each.content):
                each.shown = self.world.now
            if each.settled is None and settled:
                each.settled = self.world.now

    def at_rest(self) -> None:
        """Everything has come to rest: nothing took too long."""
        for made in self.vendor.transactions.values():
            if not made.ours:
                continue
            if not made.is_corrected:
                for each in self.awaited.get(made.id, ()):
                    self._on_time(made, each)
            final = next((state.at for state in made.states if state.final), None)
            if final is not None and made.id in self.settled:
                base = max(final, self.over)
                bound = self._bound_of_checks(base - made.created)
                self._bounded(made, "settled after the Gateway's last word", base, self.settled[made.id], bound)

    def _on_time(self, made: VendorTransaction, each: Awaited) -> None:
        base = max(each.since, self.over)
        soon = _LAG + _SOON if each.masked else _SOON
        bound = soon if each.since >= self.over else self._bound_of_checks(base - made.created)
        is_final = any(each.content == material(state.batch or {}) for state in made.states if state.final)
        # Open orders that arrive too late to be accepted are shown once the Gateway's API shows them.
        if is_final or self.vendor.moods.batches == "full":
            self._bounded(made, "shown after a genuine webhook", base, each.shown, bound)
        if is_final:
            at_once = each.first and self.over <= each.since == each.shown
            self._bounded(made, "settled after a genuine webhook", base, each.settled, _AT_ONCE if at_once else bound)

    def _bounded(self, made: VendorTransaction, what: str, base: int, at: int | None, bound: int) -> None:
        if at is None or at - base > bound:
            late = "never" if at is None else f"{(at - base) // SECOND} s late"
            raise Violation("nothing takes too long", f"{made.id} ({made.plan}) {what}: {late}")

    def _bound_of_checks(self, age: int) -> int:
        """Return the longest time to the next check of a transaction of this age."""
        if self._refused_for_long:
            return _LONGEST_BOUND
        return min(_LONGEST_BOUND, max(_SHORTEST_BOUND, 2 * age))
