"""Requests a pull of every transaction whose check is due."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from securities_transactions.services.pull_queue import PullQueue
from securities_transactions.storage.transactions import Transactions

# Keeps one run below the function's timeout. The remaining checks are still due a minute later.
MOST_OF_A_PARTITION: Final = 250


@dataclass(frozen=True)
class CheckDue:
    """Sends due checks to the pull queue. `clock` returns aware UTC."""

    transactions: Transactions
    queue: PullQueue
    clock: Callable[[], datetime]

    def run(self) -> int:
        """Send the requests and return their number. Raises `SendError` if the queue rejected some: they stay due."""
        return self.queue.send(self.transactions.due(self.clock(), MOST_OF_A_PARTITION))
