"""Reading transactions for a caller: what is theirs to see, refreshed where they ask for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from securities_transactions import logging
from securities_transactions.domain.transaction import Transaction
from securities_transactions.http import cursor, problems
from securities_transactions.http.api import Request
from securities_transactions.http.problems import Problem
from securities_transactions.http.views import OrdersPage, OrdersView, orders_of, unreadable
from securities_transactions.storage.transactions import Pull, Transactions, Unreadable
from securities_transactions.storage.users import Notes, Pointer

if TYPE_CHECKING:
    from securities_transactions.services.reconcile import Puller

_logger = logging.logger()

MOST_ITEMS: Final = 50
USUAL_ITEMS: Final = 20


@dataclass
class Fetcher:
    """Fetches for callers. `make_puller` is called at the first refresh: most reads never load the Gateway's client."""

    transactions: Transactions
    make_puller: Callable[[], "Puller"]
    service_scope: str

    @cached_property
    def puller(self) -> "Puller":
        """What refreshes a transaction from the Gateway."""
        return self.make_puller()

    def orders(self, request: Request) -> OrdersView:
        """The orders of the transaction that the path names; see `fetch`."""
        transaction = self.fetch(request)
        return orders_of(transaction, for_support=request.caller(self.service_scope).is_service)

    def fetch(self, request: Request) -> Transaction:
        """The transaction that the path names, pulled first where the query says refresh=true.

        `Problem` 404 where it does not exist or is not the caller's: whether it exists is not told.
        """
        transaction_id = request.path("transactionId")
        caller = request.caller(self.service_scope)
        refresh = request.flag("refresh")
        transaction = self.transactions.get(transaction_id)
        if transaction is None or not caller.may_see(transaction.notes):
            raise Problem(problems.NOT_FOUND, "there is no such transaction of yours")
        if refresh and self.puller.pull(Pull(transaction_id)) != "busy":
            transaction = self.transactions.get(transaction_id) or transaction
        return transaction

    def page(self, request: Request, notes_table: Notes) -> OrdersPage:
        """A page of the orders of the user that the query names or, by default, of the caller."""
        caller = request.caller(self.service_scope)
        notes = caller.acting_for(request.query("notes"))
        page = notes_table.transactions_of(notes, _limit(request), cursor.decode(notes, request.query("cursor")))
        found = self.transactions.get_many([each.transaction_id for each in page.pointers])
        items = [
            _on_page(pointer, found[pointer.transaction_id], notes, for_support=caller.is_service)
            for pointer in page.pointers
            if pointer.transaction_id in found
        ]
        return OrdersPage(items=items, cursor=cursor.encode(notes, page.after) if page.after else None)


def _on_page(pointer: Pointer, found: Transaction | Unreadable, notes: str, *, for_support: bool) -> OrdersView:
    """The orders of one transaction. One that cannot be read says so in its own place, and an operator is told."""
    try:
        if isinstance(found, Unreadable):
            raise found.error
        return orders_of(found, for_support=for_support)
    except Exception:  # whatever is wrong with one transaction, the user's others are shown
        _logger.exception("a transaction cannot be read", transaction_id=pointer.transaction_id)
        return unreadable(pointer, notes)


def _limit(request: Request) -> int:
    text = request.query("limit")
    if text is None:
        return USUAL_ITEMS
    # Python converts no more than 4300 digits.
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MOST_ITEMS):
        raise problems.of_field("limit", f"must be a number from 1 to {MOST_ITEMS}")
    return int(text)
