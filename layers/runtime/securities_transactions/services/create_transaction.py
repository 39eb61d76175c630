"""Creates a transaction at the Gateway and stores it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from securities_transactions import logging
from securities_transactions.domain.cause import Cause
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.errors import (
    Contended,
    ReferenceReserved,
    ReferenceTaken,
    Stopped,
    TooMany,
)
from securities_transactions.domain.expiry import ASSUMED_LIFETIME, plausible_expiry
from securities_transactions.domain.order_config import NewTransaction
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Transaction
from securities_transactions.gateway.client import Gateway, Mint
from securities_transactions.gateway.errors import GatewayUnreadable
from securities_transactions.storage.brakes import Brakes
from securities_transactions.storage.counters import CreationCounts
from securities_transactions.storage.reference_leases import ReferenceLeases
from securities_transactions.storage.users import Users

_logger = logging.logger()

# The first check of a transaction without any report: once it can have expired (reconciliation.Policy).
FIRST_CHECK_AFTER_EXPIRY: Final = timedelta(minutes=13)
# When an app may ask again after operators have stopped creates, in seconds.
STOPPED_RETRY_AFTER: Final = 60
RESERVED_RETRY_AFTER: Final = 2


@dataclass(frozen=True)
class Created:
    """A created and stored transaction. `expire_at` is aware UTC."""

    transaction_id: str
    expire_at: datetime


@dataclass(frozen=True)
class CreateTransaction:
    """Creates transactions at the Gateway and stores them, at most `per_minute` for one user. `clock` returns aware
    UTC.

    `new_holder` returns a new text each time, which distinguishes requests for the same reference.
    """

    gateway: Gateway
    users: Users
    counts: CreationCounts
    references: ReferenceLeases
    brakes: Brakes
    per_minute: int
    clock: Callable[[], datetime]
    new_holder: Callable[[], str]

    def create(self, new: NewTransaction, user_id: str, mint: Mint, cause: Cause) -> Created:
        """Create `new` for the user, with the SDK token that `mint` signs; `cause` is stored with it.

        The Gateway is called first and the transaction stored second: where the process dies in between, an id exists
        that no user has seen and that expires unused; a webhook for it would be adopted. A reference is leased before
        the Gateway is called, and stored with the transaction: after a failure it is free again, after a crash once its
        lease is over.

        Raises `Stopped`, `TooMany`, `ReferenceTaken` and `ReferenceReserved` before the Gateway is called, what
        `Gateway.create_transaction` raises, and `GatewayUnreadable` for an id that it gave before.
        """
        asked = self.clock()
        if self.brakes.is_set("creates"):
            raise Stopped("operators have stopped creating transactions; try again later", STOPPED_RETRY_AFTER)
        if not self.counts.count(user_id, asked, self.per_minute):
            detail = f"a user can create {self.per_minute} transactions in a minute"
            raise TooMany(detail, retry_after=60 - asked.second)
        if new.reference is None:
            return self._create(new, user_id, mint, cause)
        holder = self.new_holder()
        if not self.references.take(user_id, new.reference, holder, asked):
            # A holder that is done keeps its lease until it expires.
            self._check_free(user_id, new.reference)
            raise ReferenceReserved(RESERVED_RETRY_AFTER)
        try:
            # Checked after the lease, so that an earlier holder's transaction is seen.
            self._check_free(user_id, new.reference)
            return self._create(new, user_id, mint, cause)
        except Exception:
            self._release(user_id, new.reference, holder)
            raise

    def _release(self, user_id: str, reference: str, holder: str) -> None:
        try:
            self.references.release(user_id, reference, holder)
        except (BotoCoreError, ClientError) as error:  # it ends by itself; the caller gets the first error
            _logger.warning("a reference stays reserved for a minute", reason=type(error).__name__)

    def _check_free(self, user_id: str, reference: str) -> None:
        named = self.users.of_reference(user_id, reference)
        if named is not None:
            raise ReferenceTaken(named.transaction_id)

    def _create(self, new: NewTransaction, user_id: str, mint: Mint, cause: Cause) -> Created:
        created = self.gateway.create_transaction(new.gateway_body(user_id), mint)
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
            reference=new.reference,
            next_check_at=expire_at + FIRST_CHECK_AFTER_EXPIRY,
            cause=cause,
        )
        if not self.users.create(transaction):
            self._explain(transaction)
        return Created(created.transaction_id, expire_at)

    def _explain(self, transaction: Transaction) -> None:
        """Raise the reason why a transaction could not be stored, unless a pull has just stored it for the same user.

        A transaction stored by a pull has no reference: its user has not seen it, so it expires unused, and the request
        can be repeated.
        """
        stored = self.users.transactions.get(transaction.transaction_id)
        if transaction.reference is not None:
            self._check_free(transaction.user_id, transaction.reference)
            if stored is not None and stored.adopted:
                raise Contended(transaction.transaction_id)
        if stored is None or not stored.adopted or stored.user_id != transaction.user_id:
            raise GatewayUnreadable("the Gateway returned the transactionId of another transaction")
