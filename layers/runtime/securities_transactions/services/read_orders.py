"""Reads the transactions that a user may see, refreshed if requested."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from securities_transactions.domain.cause import Cause
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.domain.selection import EVERYTHING, Selection
from securities_transactions.domain.transaction import Transaction
from securities_transactions.storage.transactions import Transactions, Unreadable
from securities_transactions.storage.users import Pointer, Users

if TYPE_CHECKING:
    from securities_transactions.services.reconcile import Reconcile

# The maximum number of transactions that a page reads to find matching ones, and of DynamoDB reads in one call.
MOST_READ: Final = 200
MOST_TOGETHER: Final = 100


@dataclass(frozen=True)
class Listed:
    """A transaction on a page, or the reason why it cannot be read."""

    pointer: Pointer
    found: Transaction | Unreadable


@dataclass(frozen=True)
class Read:
    """A transaction. `refreshed` is set if a refresh was requested: true if the Gateway was pulled now."""

    transaction: Transaction
    refreshed: bool | None = None


@dataclass(frozen=True)
class Page:
    """A page of a user's transactions, and the entry after which the next page begins."""

    items: Sequence[Listed]
    after: str | None


@dataclass
class ReadOrders:
    """Reads transactions for users.

    `make_reconcile` is called at the first refresh: most reads never load the Gateway's client. `get_users` is called
    for pages only: a read of one transaction needs no access to the table.
    """

    transactions: Transactions
    get_users: Callable[[], Users]
    make_reconcile: Callable[[], "Reconcile"]

    @cached_property
    def reconcile(self) -> "Reconcile":
        """The use case that refreshes a transaction from the Gateway."""
        return self.make_reconcile()

    def one(
        self,
        transaction_id: str,
        may_see: Callable[[str], bool],
        *,
        refresh: bool = False,
        cause_for: Callable[[str], Cause] | None = None,
    ) -> Read:
        """The transaction, pulled first where `refresh` is set. `may_see` is asked whether a user's are to be seen.
        `cause_for` makes the cause that is stored with what the pull changes, of the transaction's user.

        `NotFound` where it does not exist or is not to be seen: which of the two is not said.
        """
        transaction = self.transactions.visible(transaction_id, may_see)
        if not refresh:
            return Read(transaction)
        request = PullRequest(transaction_id, cause=cause_for and cause_for(transaction.user_id))
        if self.reconcile.pull(request) is PullOutcome.BUSY:
            return Read(transaction, refreshed=False)
        return Read(self.transactions.get(transaction_id) or transaction, refreshed=True)

    def page(self, user_id: str, limit: int, after: str | None, selection: Selection = EVERYTHING) -> Page:
        """At most `limit` of the user's transactions that match `selection`, after the entry `after`.

        It reads at most `MOST_READ` transactions. So the page may have fewer than `limit`, or none, and still an entry
        after which the next page begins, until there are no more. Deleted transactions are skipped. Unreadable ones are
        on the page, because they may match. Raises `InvalidField` for an entry of another list.
        """
        if selection.reference is not None:
            return self._of_reference(user_id, selection.reference, selection)
        items, left = list[Listed](), MOST_READ
        while True:
            page = self.get_users().transactions_of(
                user_id, min(left, MOST_TOGETHER) if selection.reads_content else limit, after, selection
            )
            found = self.transactions.get_many([each.transaction_id for each in page.pointers])
            for pointer in page.pointers:
                each = found.get(pointer.transaction_id)
                if each is not None and _may_be_wanted(each, selection):
                    if len(items) == limit:
                        return Page(items, items[-1].pointer.entry)
                    items.append(Listed(pointer, each))
            left, after = left - len(page.pointers), page.after
            if after is None or left <= 0 or not selection.reads_content:
                return Page(items, after)

    def _of_reference(self, user_id: str, reference: str, selection: Selection) -> Page:
        pointer = self.get_users().of_reference(user_id, reference)
        if pointer is None or not selection.covers(pointer.created_at):
            return Page([], None)
        found = self.transactions.get_many([pointer.transaction_id]).get(pointer.transaction_id)
        is_wanted = found is not None and _may_be_wanted(found, selection)
        return Page([Listed(pointer, found)] if found is not None and is_wanted else [], None)


def _may_be_wanted(found: Transaction | Unreadable, selection: Selection) -> bool:
    if isinstance(found, Unreadable):
        return True
    try:
        return selection.wants(found)
    except Exception:  # its orders cannot be decoded; the error is logged where they are shown
        return True
