"""Reading transactions for a user: what is theirs to see, refreshed where they ask for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from securities_transactions.domain.errors import NotFound
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.domain.transaction import Transaction
from securities_transactions.storage.transactions import Transactions, Unreadable
from securities_transactions.storage.users import Pointer, Users

if TYPE_CHECKING:
    from securities_transactions.services.reconcile import Reconcile


@dataclass(frozen=True)
class Listed:
    """A transaction on a page, or why it cannot be read."""

    pointer: Pointer
    found: Transaction | Unreadable


@dataclass(frozen=True)
class Read:
    """A transaction; `refreshed` says whether the Gateway was asked just now, where that was wanted."""

    transaction: Transaction
    refreshed: bool | None = None


@dataclass(frozen=True)
class Page:
    """A page of a user's transactions, newest first, and the entry to go on after."""

    items: Sequence[Listed]
    after: str | None


@dataclass
class ReadOrders:
    """Reads for users.

    `make_reconcile` is called at the first refresh: most reads never load the Gateway's client. `get_users` is called
    for pages alone: who reads one transaction needs no access to the table.
    """

    transactions: Transactions
    get_users: Callable[[], Users]
    make_reconcile: Callable[[], "Reconcile"]

    @cached_property
    def reconcile(self) -> "Reconcile":
        """What refreshes a transaction from the Gateway."""
        return self.make_reconcile()

    def one(self, transaction_id: str, may_see: Callable[[str], bool], *, refresh: bool = False) -> Read:
        """The transaction, pulled first where `refresh` is set. `may_see` is asked whether a user's are to be seen.

        `NotFound` where it does not exist or is not to be seen: which of the two is not said.
        """
        transaction = self.transactions.get(transaction_id)
        if transaction is None or not may_see(transaction.user_id):
            raise NotFound("there is no such transaction of yours")
        if not refresh:
            return Read(transaction)
        if self.reconcile.pull(PullRequest(transaction_id)) is PullOutcome.BUSY:
            return Read(transaction, refreshed=False)
        return Read(self.transactions.get(transaction_id) or transaction, refreshed=True)

    def page(self, user_id: str, limit: int, after: str | None) -> Page:
        """At most `limit` of the user's transactions after the entry `after`; what was deleted is passed over."""
        page = self.get_users().transactions_of(user_id, limit, after)
        found = self.transactions.get_many([each.transaction_id for each in page.pointers])
        items = [Listed(each, found[each.transaction_id]) for each in page.pointers if each.transaction_id in found]
        return Page(items, page.after)
