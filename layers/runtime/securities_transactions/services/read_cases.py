"""Reads what needs a person, longest open first."""

from collections.abc import Sequence
from dataclasses import dataclass

from securities_transactions.domain.cases import CaseKey
from securities_transactions.domain.transaction import Transaction
from securities_transactions.storage.transactions import Transactions, Unreadable


@dataclass(frozen=True)
class OpenCase:
    """A transaction that needs a person, or the reason why it cannot be read."""

    key: CaseKey
    found: Transaction | Exception


@dataclass(frozen=True)
class CasePage:
    """A page of open cases, and the entry after which the next page begins."""

    items: Sequence[OpenCase]
    after: CaseKey | None


@dataclass(frozen=True)
class ReadCases:
    """Reads open cases. The index may be a moment behind, so each transaction is read consistently."""

    transactions: Transactions

    def page(self, limit: int, after: CaseKey | None) -> CasePage:
        """The cases among the next `limit` entries of the index: there may be fewer, or none, and more after them."""
        keys, last = self.transactions.case_page(limit, after)
        found = self.transactions.get_many([key.transaction_id for key in keys])
        cases = [_case(key, found[key.transaction_id]) for key in keys if key.transaction_id in found]
        return CasePage([case for case in cases if case is not None], last)


def _case(key: CaseKey, found: Transaction | Unreadable) -> OpenCase | None:
    """The case, if it is one as it stands. An item that cannot be read needs a person, too."""
    if isinstance(found, Unreadable):
        return OpenCase(key, found.error)
    return OpenCase(key, found) if found.needs_person else None
