"""Links between users and broker accounts, as a pull or a verified token shows them.

A webhook links no account: its checksum does not cover the user that the transaction belongs to. An account is linked
to at most one user. The product never relinks an account (docs/decisions/0009-links-come-from-the-gateway.md).
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
    """The result of `user_id` claiming an account that is linked to `owner`; `owner` is `None` if it is not linked."""
    if owner is None:
        return AccountLink.LINKED
    return AccountLink.KNOWN if owner == user_id else AccountLink.CONFLICT


def pull_adds_account(stored: Transaction, smallcase_auth_id: str) -> bool:
    """True if no pull and no token has shown this account for the transaction yet."""
    return stored.account is None or stored.smallcase_auth_id != smallcase_auth_id


def token_adds_account(stored: Transaction, smallcase_auth_id: str) -> bool:
    """True if the account in a user's verified token is new for the transaction.

    If the orders belong to another account than the token's, only the Gateway can decide the owner.
    """
    return stored.account is None and stored.smallcase_auth_id in (None, smallcase_auth_id)
