"""Whose a broker account is, as a pull or a verified token shows it.

A webhook links nothing: its checksum does not cover who the transaction is for. An account is linked to one user at
most, and nothing is relinked by itself (docs/decisions/0009-links-come-from-the-gateway.md).
"""

from dataclasses import dataclass
from datetime import datetime

from securities_transactions.domain.transaction import AccountLink, Transaction


@dataclass(frozen=True)
class LinkedAccount:
    """A broker account that a user has traded with. `linked_at` is aware UTC."""

    smallcase_auth_id: str
    broker: str | None
    linked_at: datetime


def link_of(owner: str | None, user_id: str) -> AccountLink:
    """What a claim of `user_id` to an account amounts to that is linked to `owner`, or to no user."""
    if owner is None:
        return AccountLink.LINKED
    return AccountLink.KNOWN if owner == user_id else AccountLink.CONFLICT


def pull_adds_account(stored: Transaction, smallcase_auth_id: str) -> bool:
    """Whether the account that the Gateway names is one more than a pull or a token has shown for the transaction."""
    return stored.account is None or stored.smallcase_auth_id != smallcase_auth_id


def token_adds_account(stored: Transaction, smallcase_auth_id: str) -> bool:
    """Whether the account in a user's verified token is new for the transaction.

    Where the orders are another account's than the token's, only the Gateway can say whose they are.
    """
    return stored.account is None and stored.smallcase_auth_id in (None, smallcase_auth_id)
