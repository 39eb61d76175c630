"""Reconciles a transaction with the Gateway: load, pull, decide, save.

A transaction has at most one pull in flight, and a minimum interval between two, however many requests arrive. So a
flood of forged webhooks does not become a flood of calls to the Gateway.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from securities_transactions import logging
from securities_transactions.domain import reconciliation
from securities_transactions.domain.account_linking import pull_adds_account
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.errors import Contended
from securities_transactions.domain.expiry import ASSUMED_LIFETIME, plausible_expiry
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.transaction import Confirmation, Transaction
from securities_transactions.domain.transitions import Transition
from securities_transactions.gateway.errors import GatewayError, GatewayRefused, GatewayUnavailable
from securities_transactions.services.link_account import LinkAccount
from securities_transactions.storage.adoption_leases import AdoptionLeases
from securities_transactions.storage.transactions import Busy, Leased, NotLeased, Transactions
from securities_transactions.storage.users import Users

_ATTEMPTS: Final = 4

_logger = logging.logger()

Decide = Callable[[Transaction, GatewayTransaction, datetime, reconciliation.Policy, float], Transition]
RequestLater = Callable[[PullRequest, timedelta], None]


class PullsTransactions(Protocol):
    """The interface of `gateway.client.Gateway` that reconciliation needs."""

    def pull(
        self,
        transaction_id: str,
        now: datetime,
        batch_id: str | None = None,
        known_open: GatewayStatus | None = None,
    ) -> GatewayTransaction:
        """Return the Gateway's state of a transaction; see `Gateway.pull`."""

    def pull_completed(self, transaction_ids: Sequence[str], now: datetime) -> dict[str, GatewayTransaction]:
        """Those of which one call shows the outcome; see `Gateway.pull_completed`."""


def request_nothing(request: PullRequest, delay: timedelta) -> None:
    """Leave it to the schedule: a check is due in any case."""


@dataclass(frozen=True)
class Reconcile:
    """Pulls transactions. `clock` returns aware UTC, `jitter` a random number in [0, 1).

    `decide` is the domain's rule. `leases` bound pulls of transactions that are not stored here, by the smallcaseAuthId
    whose webhook requests them; `None` where those are not pulled. `request_later` requests a pull once more after a
    delay, so that a user does not wait for the schedule.
    """

    gateway: PullsTransactions
    transactions: Transactions
    users: Users
    leases: AdoptionLeases | None
    policy: reconciliation.Policy
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    request_later: RequestLater = request_nothing
    interval: timedelta = timedelta(seconds=30)
    postponed_by: timedelta = timedelta(minutes=5)
    decide: Decide = reconciliation.reconcile

    @property
    def lease_over(self) -> timedelta:
        """After this a lease that begins now has ended, in whole seconds."""
        return self.interval + timedelta(seconds=1)

    def pull(self, request: PullRequest) -> PullOutcome:
        """Pull a transaction and save the resulting transition.

        Raises `GatewayError` if the Gateway does not respond, after scheduling the next check of a stored transaction;
        `Contended` if concurrent writers kept changing it; and the error of an item or a response that cannot be read.
        Every failure moves the check that was due, so that it does not block the checks of other transactions.
        """
        with self.moving_check(request):
            leased = self.lease(request)
            if isinstance(leased, PullOutcome):
                return leased
            if leased is None:
                return self._adopt(request, self.clock())
            return self.complete(request, leased)

    @contextmanager
    def moving_check(self, request: PullRequest) -> Iterator[None]:
        """While this lasts, an error that schedules no check itself moves the one that was due."""
        try:
            yield
        except GatewayError:
            raise
        except Exception:
            if request.due_at is not None:
                later = self.clock() + self.postponed_by
                self.transactions.postpone(request.transaction_id, request.due_at, later)
            raise

    def lease(self, request: PullRequest) -> Transaction | PullOutcome | None:
        """The transaction, leased for a pull; the outcome where it is not to be pulled now, `None` if not stored."""
        now = self.clock()
        match self.transactions.lease_pull(request, now, self.interval):
            case Leased(stored):
                return stored
            case Busy(scheduled_at):
                if scheduled_at is not None:
                    self.request_later(replace(request, due_at=scheduled_at), scheduled_at - now)
                return PullOutcome.BUSY
            case NotLeased.DONE:
                return PullOutcome.DONE
            case NotLeased.NOT_STORED:
                return None

    def complete(self, request: PullRequest, stored: Transaction) -> PullOutcome:
        """Pull a leased transaction by itself and save what that changes."""
        now = self.clock()
        try:
            state = self._fetch(request, stored, now)
        except GatewayError as error:
            self.failed(request, stored, error)
            raise
        return self.save(request, stored, state)

    def is_shown_by_orders(self, stored: Transaction) -> bool:
        """True if the orders API alone can confirm it: its final state is reported, and its account shown."""
        reported = stored.confirmation is Confirmation.REPORTED and stored.status.is_final
        return reported and stored.account is not None

    def failed(self, request: PullRequest, stored: Transaction, error: GatewayError) -> None:
        """Schedule the next check of a transaction about which the Gateway did not say anything.

        Where the Gateway only has too much to do, a request that is no check is made again when the lease ends.
        """
        now = self.clock()
        later = timedelta(seconds=error.retry_after) if isinstance(error, GatewayUnavailable) else timedelta()
        log_unconfirmed(stored, now)
        check = reconciliation.wait(_without_claim(request, stored), now + later, self.policy, self.jitter())
        self.transactions.apply(stored, replace(check, cause=request.cause))
        if isinstance(error, GatewayUnavailable) and error.is_overloaded and request.due_at is None:
            self.request_later(request, max(later, self.lease_over))

    def is_scheduled(self, transaction_id: str) -> bool:
        """True if a check of the transaction is scheduled, so that no other request is needed."""
        stored = self.transactions.get(transaction_id)
        return stored is not None and stored.next_check_at is not None

    def _fetch(self, request: PullRequest, stored: Transaction, now: datetime) -> GatewayTransaction:
        id_ = stored.transaction_id
        if not request.suspicious and self.is_shown_by_orders(stored):
            shown = self.gateway.pull_completed([id_], now).get(id_)
            if shown is not None:
                return shown
        return self.gateway.pull(id_, now, stored.batch_id, _known_open(request, stored))

    def save(self, request: PullRequest, stored: Transaction, state: GatewayTransaction) -> PullOutcome:
        """Decide and save; decide again where another writer changed the transaction meanwhile."""
        for _ in range(_ATTEMPTS):
            if self._decide_and_save(request, stored, state):
                return PullOutcome.PULLED
            again = self.transactions.get(stored.transaction_id)
            if again is None:
                return PullOutcome.UNKNOWN
            stored = again
        raise Contended(stored.transaction_id)

    def _decide_and_save(self, request: PullRequest, stored: Transaction, state: GatewayTransaction) -> bool:
        now = self.clock()
        self._log_missing_orders(stored, state)
        decided = self.decide(_without_claim(request, stored), state, now, self.policy, self.jitter())
        transition = replace(decided, cause=request.cause)
        if transition.outcome is None:
            log_unconfirmed(stored, now)
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
        return PullOutcome.ADOPTED if self._decide_and_save(request, stored, state) else PullOutcome.DEFERRED


def log_unconfirmed(stored: Transaction, now: datetime) -> None:
    """Log for how long a final report has not been confirmed, if one has not: an alarm watches the longest time."""
    reported = stored.confirmation is Confirmation.REPORTED and stored.status.is_final
    if reported and stored.reported_at is not None and not stored.is_settled:
        log_unsettled(stored.transaction_id, now - stored.reported_at)


def log_unsettled(transaction_id: str, since: timedelta) -> None:
    """Log for how long a transaction has been reported as final and is not settled."""
    seconds = int(since.total_seconds())
    _logger.info("a final report is not confirmed", transaction_id=transaction_id, unsettled_seconds=seconds)


def _without_claim(request: PullRequest, stored: Transaction) -> Transaction:
    """`stored` without the check that is being made: check_due has put its claim there, and it is no other writer's."""
    return replace(stored, next_check_at=None) if stored.next_check_at == request.due_at else stored


def _known_open(request: PullRequest, stored: Transaction) -> GatewayStatus | None:
    """The Gateway's status with which a check that is due finds nothing new without asking for the orders.

    Until the Gateway is done, details are enough: what is reported or suspected meanwhile is pulled for its own sake.
    """
    is_check = request.due_at is not None and stored.suspected_at is None
    status = stored.gateway_status
    confirmed = stored.confirmation is Confirmation.CONFIRMED and stored.orders is not None
    if not is_check or not confirmed or status is None or status == GatewayStatus.COMPLETED:
        return None
    return status


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
