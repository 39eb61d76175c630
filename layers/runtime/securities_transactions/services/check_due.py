"""Requesting a pull of every transaction whose check is due."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from securities_transactions.services.pull_queue import PullQueue
from securities_transactions.storage.transactions import Transactions

# Bounds one run below the function's timeout; what is left over is still due a minute later.
MOST_OF_A_PARTITION: Final = 250


@dataclass(frozen=True)
class CheckDue:
    """Sends what is due to the pull queue. `clock` gives aware UTC."""

    transactions: Transactions
    queue: PullQueue
    clock: Callable[[], datetime]

    def run(self) -> int:
        """How many requests were sent; `SendError` where the queue refused some: they are still due at the next run."""
        return self.queue.send(self.transactions.due(self.clock(), MOST_OF_A_PARTITION))
