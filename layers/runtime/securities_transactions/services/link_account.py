"""Links the broker account in a pull or a verified token, in the same write as its transition."""

from dataclasses import dataclass, replace
from datetime import datetime

from securities_transactions.domain.account_linking import link_of
from securities_transactions.domain.transaction import AccountLink, Transaction, is_test_broker
from securities_transactions.domain.transitions import ClaimAccount, Transition
from securities_transactions.storage.users import Users


@dataclass(frozen=True)
class LinkAccount:
    """Saves transitions that contain an account."""

    users: Users

    def save(
        self, stored: Transaction, transition: Transition, smallcase_auth_id: str, broker: str | None, now: datetime
    ) -> bool:
        """Save `transition` with the user's claim to the account.

        The account is linked if it was not linked before and is not a test account. Returns False if the transaction or
        the owner of the account has changed since it was read: the caller must read and decide again.
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
