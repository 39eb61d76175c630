"""Creating a transaction at the Gateway and storing it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.errors import TooMany
from securities_transactions.domain.expiry import ASSUMED_LIFETIME, plausible_expiry
from securities_transactions.domain.order_config import NewTransaction
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Transaction
from securities_transactions.gateway.client import Gateway
from securities_transactions.gateway.errors import GatewayUnreadable
from securities_transactions.storage.counters import CreationCounts
from securities_transactions.storage.users import Users

# The first check of a transaction that nothing was reported about: once it can have expired (reconciliation.Policy).
FIRST_CHECK_AFTER_EXPIRY: Final = timedelta(minutes=13)


@dataclass(frozen=True)
class Created:
    """A transaction that was created and stored. `expire_at` is aware UTC."""

    transaction_id: str
    expire_at: datetime


@dataclass(frozen=True)
class CreateTransaction:
    """Creates transactions at the Gateway and stores them: `per_minute` for one user. `clock` gives aware UTC."""

    gateway: Gateway
    users: Users
    counts: CreationCounts
    per_minute: int
    clock: Callable[[], datetime]

    def create(self, new: NewTransaction, user_id: str, auth_token: str) -> Created:
        """Create `new` for the user, with the SDK token that goes with it.

        The Gateway is called first and the transaction stored second: where the process dies in between, an id exists
        that no user has seen and that expires unused; a webhook for it would be adopted. Raises `TooMany` before it is
        called, what `Gateway.create_transaction` raises, and `GatewayUnreadable` for an id that it gave before.
        """
        asked = self.clock()
        if not self.counts.count(user_id, asked, self.per_minute):
            detail = f"a user can create {self.per_minute} transactions in a minute"
            raise TooMany(detail, retry_after=60 - asked.second)
        created = self.gateway.create_transaction(new.gateway_body(user_id), auth_token)
        now = self.clock()
        expire_at = plausible_expiry(created.expire_at, now) or now + ASSUMED_LIFETIME
        transaction = Transaction(
            transaction_id=created.transaction_id,
            user_id=user_id,
            status=Status.CREATED,
            version=1,
            created_at=now,
            expire_at=expire_at,
            requested=Deferred.of(new.request()),
            next_check_at=expire_at + FIRST_CHECK_AFTER_EXPIRY,
        )
        if not self.users.create(transaction) and not self._is_adopted(transaction):
            raise GatewayUnreadable("the Gateway gave a transactionId that is another transaction's")
        return Created(created.transaction_id, expire_at)

    def _is_adopted(self, transaction: Transaction) -> bool:
        """Whether a pull has stored the transaction for the same user a moment ago."""
        stored = self.users.transactions.get(transaction.transaction_id)
        return stored is not None and stored.adopted and stored.user_id == transaction.user_id
