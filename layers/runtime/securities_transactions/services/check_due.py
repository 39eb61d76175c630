"""Requesting a pull of every transaction whose check is due, once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.parallel import InParallel
from securities_transactions.services.pull_queue import PullQueue
from securities_transactions.storage.transactions import Transactions

# Bounds one run below the function's timeout; what is left over is still due a minute later.
MOST_OF_A_PARTITION: Final = 1500
# More would wait for longer than a claim lasts where the Gateway takes fifteen calls a second.
MOST_WAITING: Final = 9000
# Suspicions, which anyone may cause, fill the same queue: however many there are, some checks are made.
LEAST_OF_A_RUN: Final = 400
_AT_ONCE: Final = 10


@dataclass(frozen=True)
class CheckDue:
    """Sends what is due to the pull queue. `clock` gives aware UTC.

    What is sent is claimed for `claim`: it is due again after that, unless it was pulled. So no run sends again what is
    in the queue.
    """

    transactions: Transactions
    queue: PullQueue
    clock: Callable[[], datetime]
    in_parallel: InParallel
    claim: timedelta = timedelta(minutes=10)
    most_of_a_partition: int = MOST_OF_A_PARTITION

    def run(self) -> int:
        """Return how many were sent; `SendError` where the queue rejected some: they are due when their claim ends."""
        now = self.clock()
        room = max(LEAST_OF_A_RUN, MOST_WAITING - self.queue.depth())
        due = islice(self.transactions.due(now, self.most_of_a_partition), room)
        return self.queue.send(self._claimed(due, now + self.claim))

    def _claimed(self, due: Iterable[PullRequest], until: datetime) -> Iterable[PullRequest]:
        """The requests whose checks are this run's, each with the time that its claim has put in its place."""
        while some := list(islice(due, _AT_ONCE)):
            yield from self._claim(some, until)

    def _claim(self, some: Sequence[PullRequest], until: datetime) -> list[PullRequest]:
        def claim(request: PullRequest) -> PullRequest | None:
            id_, due_at = request.transaction_id, request.due_at
            # A check without a readable time is claimed as well, or each run would request it.
            claimed = (
                self.transactions.schedule_soon(id_, self.clock(), until)
                if due_at is None
                else self.transactions.postpone(id_, due_at, until)
            )
            return replace(request, due_at=until) if claimed else None

        found = self.in_parallel([partial(claim, request) for request in some], _AT_ONCE)
        return [request for request in found if request is not None]
