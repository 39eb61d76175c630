"""Linking the broker account that a pull or a verified token names, together with the transition that it comes with."""

from dataclasses import dataclass, replace
from datetime import datetime

from securities_transactions.domain.account_linking import link_of
from securities_transactions.domain.transaction import AccountLink, Transaction, is_test_broker
from securities_transactions.domain.transitions import ClaimAccount, Transition
from securities_transactions.storage.users import Users


@dataclass(frozen=True)
class LinkAccount:
    """Saves transitions that name an account."""

    users: Users

    def save(
        self, stored: Transaction, transition: Transition, smallcase_auth_id: str, broker: str | None, now: datetime
    ) -> bool:
        """Save `transition` with the user's claim to the account; the account is linked where it was no user's, unless
        it is a test account.

        False where the transaction or the account's owner changed meanwhile: read and decide again.
        """
        if is_test_broker(broker or stored.broker):
            link = AccountLink.TEST
        else:
            link = link_of(self.users.owner_of(smallcase_auth_id), stored.user_id)
        account = ClaimAccount(smallcase_auth_id, link, broker)
        claimed = replace(transition, account=account)
        if link is AccountLink.LINKED:
            return self.users.link(stored, claimed, account, now)
        return self.users.transactions.apply(stored, claimed)
