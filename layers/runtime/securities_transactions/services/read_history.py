"""Reading what happened to a transaction, by which causes, and what happens next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from securities_transactions.domain.errors import NotFound
from securities_transactions.domain.history import Entry
from securities_transactions.domain.stored_webhook import FoundWebhook
from securities_transactions.domain.transaction import Transaction
from securities_transactions.storage.history import History
from securities_transactions.storage.transactions import Transactions
from securities_transactions.storage.webhooks import webhooks_about

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient


@dataclass(frozen=True)
class ReadHistory:
    """Reads histories. `webhooks_table` has the webhooks that changed nothing."""

    client: "DynamoDBClient"
    transactions: Transactions
    history: History
    webhooks_table: str

    def transaction(self, transaction_id: str, may_see: Callable[[str], bool]) -> Transaction:
        """The transaction. `NotFound` where it does not exist or is not to be seen: which of the two is not said."""
        transaction = self.transactions.get(transaction_id)
        if transaction is None or not may_see(transaction.user_id):
            raise NotFound("no such transaction")
        return transaction

    def entries(self, transaction_id: str, limit: int, after: str | None) -> tuple[Sequence[Entry], str | None]:
        """At most `limit` changes, the oldest first, those after the key `after`, and the key to go on after."""
        page = self.history.page(transaction_id, limit, after)
        return page.entries, page.after

    def webhooks(self, transaction_id: str) -> list[FoundWebhook]:
        """The stored webhooks that name the transaction and changed nothing, the oldest first."""
        return webhooks_about(self.client, self.webhooks_table, transaction_id)
