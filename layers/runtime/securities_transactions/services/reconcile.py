"""Reconciles a transaction with the Gateway: load, pull, decide, save.

A transaction has at most one pull in flight, and a minimum interval between two, however many requests arrive. So a
flood of forged webhooks does not become a flood of calls to the Gateway.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from securities_transactions import logging
from securities_transactions.domain import reconciliation
from securities_transactions.domain.account_linking import pull_adds_account
from securities_transactions.domain.cause import Cause
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.errors import Contended
from securities_transactions.domain.expiry import ASSUMED_LIFETIME, plausible_expiry
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.transaction import Transaction
from securities_transactions.domain.transitions import Transition
from securities_transactions.gateway.errors import GatewayError, GatewayRefused, GatewayUnavailable
from securities_transactions.services.link_account import LinkAccount
from securities_transactions.storage.adoption_leases import AdoptionLeases
from securities_transactions.storage.transactions import Leased, NotLeased, Transactions
from securities_transactions.storage.users import Users

_ATTEMPTS: Final = 4

_logger = logging.logger()

Decide = Callable[[Transaction, GatewayTransaction, datetime, reconciliation.Policy, float], Transition]


class PullsTransactions(Protocol):
    """The interface of `gateway.client.Gateway` that reconciliation needs."""

    def pull(self, transaction_id: str, now: datetime, batch_id: str | None = None) -> GatewayTransaction:
        """The Gateway's state of a transaction. See `Gateway.pull`."""


@dataclass(frozen=True)
class Reconcile:
    """Pulls transactions. `clock` returns aware UTC, `jitter` a random number in [0, 1).

    `decide` is the domain's rule. `leases` limit the pulls of transactions that are not stored, per smallcaseAuthId of
    the webhook that requests them. If it is `None`, those are not pulled.
    """

    gateway: PullsTransactions
    transactions: Transactions
    users: Users
    leases: AdoptionLeases | None
    policy: reconciliation.Policy
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    interval: timedelta = timedelta(seconds=30)
    postponed_by: timedelta = timedelta(minutes=5)
    decide: Decide = reconciliation.reconcile

    def pull(self, request: PullRequest) -> PullOutcome:
        """Pull a transaction and save the resulting transition.

        Raises `GatewayError` if the Gateway does not respond, after scheduling the next check of a stored transaction;
        `Contended` if concurrent writers kept changing it; and the error of an item or a response that cannot be read.
        Every failure moves the check that was due, so that it does not block the checks of other transactions.
        """
        try:
            return self._pull(request)
        except GatewayError:
            raise
        except Exception:
            if request.due_at is not None:
                later = self.clock() + self.postponed_by
                self.transactions.postpone(request.transaction_id, request.due_at, later)
            raise

    def _pull(self, request: PullRequest) -> PullOutcome:
        now = self.clock()
        match self.transactions.lease_pull(request, now, self.interval):
            case Leased(stored):
                return self._save(stored, self._fetch(stored, now, request.cause), request.cause)
            case NotLeased.BUSY:
                return PullOutcome.BUSY
            case NotLeased.DONE:
                return PullOutcome.DONE
            case NotLeased.NOT_STORED:
                return self._adopt(request, now)

    def is_scheduled(self, transaction_id: str) -> bool:
        """True if a check of the transaction is scheduled, so that no other request is needed."""
        stored = self.transactions.get(transaction_id)
        return stored is not None and stored.next_check_at is not None

    def _fetch(self, stored: Transaction, now: datetime, cause: Cause | None) -> GatewayTransaction:
        try:
            return self.gateway.pull(stored.transaction_id, now, stored.batch_id)
        except GatewayError as error:
            later = timedelta(seconds=error.retry_after) if isinstance(error, GatewayUnavailable) else timedelta()
            check = reconciliation.wait(stored, now + later, self.policy, self.jitter())
            self.transactions.apply(stored, replace(check, cause=cause))
            raise

    def _save(self, stored: Transaction, state: GatewayTransaction, cause: Cause | None) -> PullOutcome:
        """Decide and save. Decide again if a concurrent writer changed the transaction."""
        for _ in range(_ATTEMPTS):
            if self._decide_and_save(stored, state, cause):
                return PullOutcome.PULLED
            again = self.transactions.get(stored.transaction_id)
            if again is None:
                return PullOutcome.UNKNOWN
            stored = again
        raise Contended(stored.transaction_id)

    def _decide_and_save(self, stored: Transaction, state: GatewayTransaction, cause: Cause | None) -> bool:
        now = self.clock()
        self._log_missing_orders(stored, state)
        transition = replace(self.decide(stored, state, now, self.policy, self.jitter()), cause=cause)
        auth_id = state.smallcase_auth_id
        if auth_id is None or not pull_adds_account(stored, auth_id):
            return self.transactions.apply(stored, transition)
        return LinkAccount(self.users).save(stored, transition, auth_id, state.broker, now)

    def _log_missing_orders(self, stored: Transaction, state: GatewayTransaction) -> None:
        """Log an error if the Gateway's details stay COMPLETED for too long while its orders API has no orders.

        A wrong GatewayOrdersPath may be the path of another API of the Gateway, which returns an empty list.
        """
        if state.batch is not None or not state.status == stored.gateway_status == GatewayStatus.COMPLETED:
            return
        if stored.reported_at is None or state.pulled_at > stored.reported_at + self.policy.lag:
            _logger.error(
                "a completed transaction has no orders",
                transaction_id=stored.transaction_id,
                setting="GatewayOrdersPath",
            )

    def _adopt(self, request: PullRequest, now: datetime) -> PullOutcome:
        """Adopt a transaction of our gateway that is not stored: it was created elsewhere, or our write was lost."""
        transaction_id = request.transaction_id
        if self.leases is None:
            return PullOutcome.UNKNOWN
        if not self.leases.take(request.smallcase_auth_id or transaction_id, now, self.interval):
            return PullOutcome.DEFERRED
        try:
            state = self.gateway.pull(transaction_id, now)
        except GatewayRefused as error:
            if error.is_about_us:  # the error implies nothing about the transaction
                raise
            return PullOutcome.UNKNOWN
        user_id = state.user_id
        if user_id is None and state.smallcase_auth_id is not None:
            user_id = self.users.owner_of(state.smallcase_auth_id)
        if not state.is_of_securities:
            return PullOutcome.UNKNOWN
        if user_id is None:
            # The Gateway's API may lag. It shows the user together with the orders at the latest.
            return PullOutcome.DEFERRED if state.batch is None else PullOutcome.UNKNOWN
        self.users.create(_adopted(state, user_id, now, request))
        stored = self.transactions.get(transaction_id)
        if stored is None:
            return PullOutcome.UNKNOWN
        saved = self._decide_and_save(stored, state, request.cause)
        return PullOutcome.ADOPTED if saved else PullOutcome.DEFERRED


def _adopted(state: GatewayTransaction, user_id: str, now: datetime, request: PullRequest) -> Transaction:
    created_at = state.created_at if state.created_at is not None and state.created_at <= now else now
    return Transaction(
        transaction_id=state.transaction_id,
        user_id=user_id,
        status=Status.CREATED,
        version=1,
        created_at=created_at,
        expire_at=plausible_expiry(state.expire_at, created_at) or created_at + ASSUMED_LIFETIME,
        requested=Deferred.of(state.requested or {}),
        next_check_at=now,
        pulled_at=now,
        suspected_at=now if request.suspicious else None,
        adopted=True,
        cause=request.cause,
    )
