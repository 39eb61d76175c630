"""Reconciling a message batch: its transactions are pulled at once, at the pace that the Gateway bears.

A failure is that of one transaction. What the Gateway takes no call for now is sent again, to come later: it is neither
pulled nor lost, and no delivery of its message is used up.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from securities_transactions import logging
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.domain.transaction import Transaction
from securities_transactions.gateway.errors import GatewayError
from securities_transactions.gateway.exchange import CALL_SECONDS
from securities_transactions.parallel import InParallel
from securities_transactions.services.pacing import Pacing
from securities_transactions.services.pull_queue import PullQueues, SendError
from securities_transactions.services.reconcile import Reconcile, log_unsettled
from securities_transactions.storage.paces import Paces

# botocore keeps ten connections to a service.
MOST_WRITES: Final = 10
# An execution rests for no longer between two calls. A longer wait that the Gateway asks for is not worth keeping the
# messages: one that sends them again at once would come back at once, and not rest at all.
MOST_REST: Final = timedelta(seconds=10)

_logger = logging.logger()


@dataclass(frozen=True)
class Pulled:
    """The end of a request: its outcome, or the error that ended it."""

    request: PullRequest
    outcome: PullOutcome | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class ReconcileBatch:
    """Pulls message batches. `clock` gives aware UTC, `sleep` takes seconds, `seconds_left` those for the Gateway.

    `ids_per_call` is how many transactions the orders API is asked for in one call.
    """

    reconcile: Reconcile
    paces: Paces
    queues: PullQueues
    ids_per_call: int
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    in_parallel: InParallel
    seconds_left: Callable[[], float]

    def pull(self, requests: Sequence[PullRequest]) -> list[Pulled]:
        """Pull what is requested; what became of each request, in any order."""
        try:
            pace = self.paces.read()
        except (BotoCoreError, ClientError) as error:
            return [Pulled(request, error=error) for request in requests]
        batch = _Batch(self, Pacing(self.paces, self.clock, pace))
        batch.run(self._tasks(batch, requests))
        batch.run(batch.left_over)
        batch.end()
        return batch.pulled

    def _tasks(self, batch: "_Batch", requests: Sequence[PullRequest]) -> list["_Task"]:
        """One task for each transaction, whose pulls exclude one another, or for those that one call may confirm."""
        groups: dict[str, list[PullRequest]] = {}
        for request in requests:
            groups.setdefault(request.transaction_id, []).append(request)
        finals = [group[0] for group in groups.values() if len(group) == 1 and group[0].final]
        if self.ids_per_call == 1 or len(finals) == 1:
            finals = []
        chunks = [finals[at : at + self.ids_per_call] for at in range(0, len(finals), self.ids_per_call)]
        for request in finals:
            del groups[request.transaction_id]
        tasks = [_Task(chunk, batch.pull_together) for chunk in chunks]
        return tasks + [_Task(group, batch.pull_in_turn) for group in groups.values()]


@dataclass(frozen=True)
class _Task:
    """Work on some requests; `is_leased` where their transactions are already, and can be leased again only later."""

    requests: Sequence[PullRequest]
    run: Callable[[Sequence[PullRequest]], None]
    is_leased: bool = False


@dataclass
class _Batch:
    """One message batch under way. Several threads work on it."""

    service: ReconcileBatch
    pacing: Pacing
    pulled: list[Pulled] = field(default_factory=list)
    left_over: list[_Task] = field(default_factory=list)
    was_bounded: bool = False

    def run(self, tasks: Sequence[_Task]) -> None:
        """Run the tasks at the pace that holds, and postpone those that it leaves no time for."""
        left = deque(tasks)
        workers = min(self.pacing.workers, len(left))
        self.was_bounded = self.was_bounded or len(left) > workers
        self.service.in_parallel([partial(self._work, left, workers)] * workers, workers)
        self._postpone(left)

    def end(self) -> None:
        """Keep up the pace. What was pulled stays pulled if that fails."""
        try:
            self.pacing.end(was_bounded=self.was_bounded)
        except (BotoCoreError, ClientError):
            _logger.exception("the pace is not stored")

    # --- tasks

    def pull_in_turn(self, requests: Sequence[PullRequest]) -> None:
        """Pull one transaction, as often as it is requested."""
        for request in requests:
            self._watch(request, partial(self.service.reconcile.pull, request))

    def pull_together(self, requests: Sequence[PullRequest]) -> None:
        """Confirm final states with one call of the orders API.

        Its response proves only what it contains: every other transaction is pulled by itself before anything is
        concluded.
        """
        reconcile = self.service.reconcile
        leased: list[tuple[PullRequest, Transaction]] = []

        def lease(request: PullRequest) -> PullOutcome | None:
            found = reconcile.lease(request)
            if isinstance(found, Transaction):
                leased.append((request, found))
                return None
            return reconcile.pull(request) if found is None else found

        self._each([(request, partial(lease, request)) for request in requests])
        shown = {stored.transaction_id: stored for _, stored in leased if reconcile.is_shown_by_orders(stored)}
        found = self._completed(list(shown)) if shown else {}
        proved = [(request, stored) for request, stored in leased if stored.transaction_id in found]
        self._each(
            [(each, partial(reconcile.save, each, stored, found[stored.transaction_id])) for each, stored in proved]
        )
        self.left_over += [
            _Task([request], partial(self._complete, stored), is_leased=True)
            for request, stored in leased
            if stored.transaction_id not in found
        ]

    def _completed(self, transaction_ids: Sequence[str]) -> Mapping[str, GatewayTransaction]:
        started = self.service.clock()
        try:
            found = self.service.reconcile.gateway.pull_completed(transaction_ids, started)
        except GatewayError as error:  # what the Gateway says of them one by one decides
            self._observe(started, error)
            return {}
        self._observe(started)
        if len(found) < len(transaction_ids):
            counts = {"requested": len(transaction_ids), "shown": len(found), "setting": "GatewayIdsPerCall"}
            _logger.warning("one call does not show all transactions", extra=counts)
        return found

    def _complete(self, stored: Transaction, requests: Sequence[PullRequest]) -> None:
        [request] = requests
        reconcile = self.service.reconcile

        def complete() -> PullOutcome:
            with reconcile.moving_check(request):
                return reconcile.complete(request, stored)

        self._watch(request, complete)

    # --- how

    def _work(self, left: "deque[_Task]", workers: int) -> None:
        """Do one task after another, as long as the Gateway and the time allow."""
        first = True
        while left and self._may_begin(first=first):
            try:
                task = left.popleft()
            except IndexError:  # another worker took the last one
                return
            first, started = False, self.service.clock()
            task.run(task.requests)
            rest = self.pacing.rest(self.service.clock() - started, workers)
            if left and not self._rest(min(rest, MOST_REST)):
                return

    def _may_begin(self, *, first: bool) -> bool:
        opens_at = self.pacing.opens_at
        if opens_at is not None and not self._rest(opens_at - self.service.clock()):
            return False
        return first or self.service.seconds_left() >= CALL_SECONDS

    def _rest(self, wait: timedelta) -> bool:
        """True if the wait is over: one that is too long for this message batch is not begun."""
        seconds = wait.total_seconds()
        if wait > MOST_REST or seconds > self.service.seconds_left() - CALL_SECONDS:
            return False
        if seconds > 0:
            self.service.sleep(seconds)
        return True

    def _watch(self, request: PullRequest, pull: Callable[[], PullOutcome]) -> None:
        """Pull, and take note of how the Gateway bears it."""
        started = self.service.clock()
        pulled = self._isolated(request, pull)
        if isinstance(pulled.error, GatewayError):
            self._observe(started, pulled.error)
        elif pulled.outcome in _CALLED:
            self._observe(started)
        self.pulled.append(pulled)

    def _each(self, work: Sequence[tuple[PullRequest, Callable[[], PullOutcome | None]]]) -> None:
        """Do what needs no call of the Gateway, all at once; what has an outcome or fails is done with."""
        done = self.service.in_parallel([partial(self._isolated, *each) for each in work], MOST_WRITES)
        self.pulled += [each for each in done if each.outcome is not None or each.error is not None]

    @staticmethod
    def _isolated(request: PullRequest, do: Callable[[], PullOutcome | None]) -> Pulled:
        try:
            return Pulled(request, do())
        except Exception as error:  # it is the request's own, and must not bring the others back
            return Pulled(request, error=error)

    def _observe(self, started: datetime, error: GatewayError | None = None) -> None:
        try:
            self.pacing.observe(started, error)
        except (BotoCoreError, ClientError):
            _logger.exception("the pace is not stored")

    def _postpone(self, tasks: Iterable[_Task]) -> None:
        """Send the requests again, to come when the Gateway may be called, and where they are leased when that ends."""
        opens_at, now = self.pacing.opens_at, self.service.clock()
        closed = timedelta() if opens_at is None else opens_at - now
        for is_leased, least in ((False, timedelta(seconds=1)), (True, self.service.reconcile.lease_over)):
            requests = [request for task in tasks if task.is_leased is is_leased for request in task.requests]
            for request in requests:
                if request.reported_at is not None:
                    log_unsettled(request.transaction_id, now - request.reported_at)
            try:
                self.service.queues.send(requests, max(closed, least))
            except (SendError, BotoCoreError, ClientError) as error:
                self.pulled += [Pulled(request, error=error) for request in requests]
            else:
                self.pulled += [Pulled(request, PullOutcome.POSTPONED) for request in requests]


# After these the Gateway was called.
_CALLED: Final = (PullOutcome.PULLED, PullOutcome.ADOPTED, PullOutcome.UNKNOWN)
