"""Reconciliation: the transition that the Gateway's state causes, and the time of the next check.

Pure: time and jitter are parameters. The rules, in order (docs/reference/guarantees.md lists them with their tests):

1. A pull that is older than a recent statement may be stale. Within `lag` it changes nothing and is repeated. A final
   state is never older than an open one: at the Gateway a final state is only corrected, never continued. A state that
   the Gateway has confirmed never goes back, however stale its API is.
2. Otherwise the Gateway's state decides, at any revision: it confirms, advances, corrects or retracts a report.
3. A state that is final and confirmed is settled. A transaction that errored, expired or was abandoned without orders
   has failed.
4. Any other state is checked again with backoff, and escalated after `escalate_after`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from securities_transactions.domain.backoff import backoff
from securities_transactions.domain.expiry import plausible_expiry
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.resolution import overlaid
from securities_transactions.domain.revision import Snapshot, facts, financial_fingerprint
from securities_transactions.domain.sdk_errors import may_have_orders
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.transaction import (
    Confirmation,
    ConfirmPolicy,
    EscalationReason,
    Failure,
    FailureReason,
    SdkError,
    Source,
    Transaction,
)
from securities_transactions.domain.transitions import (
    END_CHECKS,
    Confirm,
    Escalate,
    Fail,
    Retract,
    ScheduleCheck,
    Settle,
    ShownAccount,
    Transition,
)


@dataclass(frozen=True)
class Policy:
    """Time limits of reconciliation.

    `lag` is the maximum staleness of the Gateway's API. `expiry_grace` is added to the expiry before a transaction
    counts as expired. It is longer than `lag`, because an order confirmed in the last second takes that long to appear.
    A transaction is escalated when it is open for `escalate_after`, or for `escalate_unknown_after` if its status at
    the Gateway is unknown. `price_wait` is how long a settled transaction is checked for a missing price,
    `resolved_watch` how long one that a person resolved is checked for the Gateway's own word.
    """

    confirm: ConfirmPolicy = ConfirmPolicy.FINAL
    lag: timedelta = timedelta(minutes=10)
    expiry_grace: timedelta = timedelta(minutes=12)
    escalate_after: timedelta = timedelta(days=3)
    escalate_unknown_after: timedelta = timedelta(minutes=30)
    price_wait: timedelta = timedelta(days=2)
    resolved_watch: timedelta = timedelta(days=14)


def reconcile(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """The transition of `stored` that the Gateway's `state` causes at `now` (aware). `jitter` is random in [0, 1)."""
    decision = _Decision(stored, state, now, policy, jitter)
    transition = decision.without_orders() if state.batch is None else decision.with_orders(state.batch)
    if state.status != stored.gateway_status:
        transition = replace(transition, gateway_status=state.status)
    suspected_at = stored.suspected_at
    if suspected_at is not None and transition.suspected_at is None and transition.check is not END_CHECKS:
        # One suspicion is open at a time. It ends once the Gateway's API must show what it is about, so a series of
        # suspicions cannot delay the outcome.
        transition = replace(transition, ends_suspicion=state.pulled_at >= suspected_at + policy.lag)
    return transition


def wait(stored: Transaction, now: datetime, policy: Policy, jitter: float, *, soon: bool = False) -> Transition:
    """Nothing new: check again later, and escalate once it has been too long."""
    if stored.escalated_at is None and _is_open_for(stored, now, policy.escalate_after):
        return escalate(stored, now, policy, jitter, EscalationReason.OPEN_TOO_LONG)
    return Transition(check=_next_check(stored, now, policy, 0 if soon else stored.checks, jitter))


def escalate(stored: Transaction, now: datetime, policy: Policy, jitter: float, reason: EscalationReason) -> Transition:
    """Escalate for `reason`, and go on checking."""
    return Transition(outcome=Escalate(now, reason), check=_next_check(stored, now, policy, stored.checks, jitter))


@dataclass(frozen=True)
class _Decision:
    stored: Transaction
    state: GatewayTransaction
    now: datetime
    policy: Policy
    jitter: float

    def with_orders(self, shown: Batch) -> Transition:
        stored, state, policy = self.stored, self.state, self.policy
        batch, resolved = overlaid(shown, stored.resolution)
        snapshot = Snapshot(batch, state.pulled_at)
        known = stored.batch
        # A transaction is settled only with the Gateway's own COMPLETED: that is its final update, and without it a
        # partly filled order may continue. An unclear batch, or one of two batches, is not booked until an operator has
        # looked.
        complete = batch.is_final and state.status == GatewayStatus.COMPLETED
        final = complete and not batch.is_unclear and not state.has_several_batches
        same = known is not None and financial_fingerprint(known) == financial_fingerprint(batch)
        behind = self._behind(snapshot, same)
        unclear = None if stored.needs_person else self._needs_person(batch)
        if behind is not None:
            # The Gateway is done, so it is not behind: its orders are not readable.
            done = state.status == GatewayStatus.COMPLETED and not self._may_lag()
            if done and unclear and batch.is_unclear:
                return escalate(stored, self.now, policy, self.jitter, unclear)
            return self._wait(soon=behind == "soon")
        confirmed = stored.confirmation is Confirmation.CONFIRMED
        enough = stored.is_settled if final else (confirmed or policy.confirm is not ConfirmPolicy.EVERY)
        own_word = final and stored.source is Source.PERSON and not resolved
        restated = own_word or (known is not None and facts(known) != facts(batch))
        if same and enough and not restated:
            if unclear:
                return escalate(stored, self.now, policy, self.jitter, unclear)
            watched = resolved and self.now < (stored.settled_at or self.now) + policy.resolved_watch
            if not stored.is_settled or watched or self._may_show_later(stored.suspected_at):
                return self._wait()
            return self._wait_for_price() if batch.lacks_price else Transition(check=END_CHECKS)
        if same and restated and self._may_lag():
            return self._wait(soon=True)
        if stored.is_settled and not final:
            # What is settled stays settled: only another settled state corrects it.
            return escalate(stored, self.now, policy, self.jitter, unclear) if unclear else self._wait()
        account = ShownAccount(
            smallcase_auth_id=state.smallcase_auth_id, broker=state.broker, keeps_account=stored.account is not None
        )
        if not final:
            return Transition(
                outcome=Confirm(snapshot, self.now, account, escalate=unclear is not None, reason=unclear),
                check=self._check_from_the_start(),
            )
        contradicted = known is not None and known.is_final and not same and not stored.is_settled
        # The report is either forged or newer than this (possibly stale) response.
        suspicions = (stored.suspected_at, stored.reported_at if contradicted else None)
        suspected_at = max(filter(None, suspicions), default=None)
        settle = Settle(snapshot, self.now, account, stored.resolution if resolved else None)
        if self._may_show_later(suspected_at):
            return Transition(outcome=settle, check=self._check_from_the_start(), suspected_at=suspected_at)
        if batch.lacks_price or self._needs_person(batch):
            return Transition(outcome=settle, check=self._check_from_the_start())
        return Transition(outcome=settle, check=END_CHECKS)

    def _needs_person(self, batch: Batch) -> EscalationReason | None:
        """The reason to escalate: the Gateway cannot say what became of the orders, or says nothing that decides.

        A word that is not known may be a transitional one, as long as the Gateway is not done.
        """
        if batch.has_lost_order:
            return EscalationReason.LOST_ORDER
        if self.state.has_several_batches and self.stored.resolution is None:
            return EscalationReason.SEVERAL_BATCHES
        done = self.state.status == GatewayStatus.COMPLETED
        late = done or _is_open_for(self.stored, self.now, self.policy.escalate_unknown_after)
        return EscalationReason.UNCLEAR_ORDER if batch.is_unclear and late else None

    def _wait_for_price(self) -> Transition:
        """Shares were filled at an unknown price: check until it is known, then escalate once."""
        stored = self.stored
        if self.now < (stored.settled_at or self.now) + self.policy.price_wait:
            return Transition(check=_next_check(stored, self.now, self.policy, stored.checks, self.jitter))
        if stored.needs_person:
            return Transition(check=END_CHECKS)
        return Transition(outcome=Escalate(self.now, EscalationReason.NO_PRICE), check=END_CHECKS)

    def without_orders(self) -> Transition:
        stored, state, policy = self.stored, self.state, self.policy
        # The Gateway names a batch. That denies a report of another batch, even if its orders are not shown yet.
        reported = stored.confirmation is Confirmation.REPORTED
        denied = reported and state.batch_id not in (None, stored.batch_id)
        unknown = not state.status.is_known and stored.escalated_at is None
        if unknown and _is_open_for(stored, self.now, policy.escalate_unknown_after):
            return escalate(stored, self.now, policy, self.jitter, EscalationReason.UNKNOWN_STATUS)
        if (state.may_have_orders or _leaves_outcome_open(state.error)) and not denied:
            return self._wait()
        if stored.orders is not None:
            if self._may_lag():
                return self._wait(soon=True)
            if stored.confirmation is Confirmation.CONFIRMED:
                # The Gateway once showed these orders and now shows none: no rule of ours can settle that.
                escalated = stored.escalated_at is not None or stored.is_settled
                if escalated:
                    return self._wait()
                return escalate(stored, self.now, policy, self.jitter, EscalationReason.ORDERS_GONE)
        failure = None if denied else self._failure()
        retract = None if stored.orders is None else Retract(self.now, keeps_account=stored.account is not None)
        if failure is not None:
            if self._may_show_later(stored.suspected_at):
                return self._wait()
            if stored.status == Status.FAILED:
                return Transition(check=END_CHECKS)
            # A suspicion that was raised again in the meantime may not show yet: schedule one last check.
            last = None if stored.suspected_at is None else ScheduleCheck(self.now + self.policy.lag, 0)
            return Transition(outcome=Fail(self.now, failure, retract), check=last or END_CHECKS)
        if retract is not None:
            return Transition(outcome=retract, check=self._check_from_the_start())
        return self._wait()

    def _behind(self, snapshot: Snapshot, same: bool) -> Literal["soon", "later"] | None:
        """The time of the next check if this state is, or may be, older than the stored one; else `None`."""
        stored = self.stored
        if snapshot.batch.is_final:
            if same:
                return None
            if stored.is_settled:
                return "later" if self._may_lag() else None
            return "soon" if self._reported_since() else None
        shown = None if stored.revision is None else stored.revision.progress
        if shown is None or snapshot.progress >= shown:
            return None
        if self._may_lag():
            return "soon"
        goes_back = snapshot.progress.monotonic_part < shown.monotonic_part
        return "later" if stored.confirmation is Confirmation.CONFIRMED and goes_back else None

    def _failure(self) -> Failure | None:
        """The failure (errored, expired unused, or used and abandoned), or `None` if orders may still follow."""
        error = self.state.error or SdkError()
        if self.state.error is not None or self.state.status in (GatewayStatus.ERRORED, GatewayStatus.CANCELLED):
            return Failure(FailureReason.ERRORED, error)
        # The Gateway derives the expiry from the clock, but the use from a record that may be stale.
        expire_at = plausible_expiry(self.state.expire_at, self.stored.created_at) or self.stored.expire_at
        if self.now <= expire_at + self.policy.expiry_grace:
            return None
        used = self.state.status == GatewayStatus.USED
        return Failure(FailureReason.ABANDONED if used else FailureReason.EXPIRED, error)

    def _may_lag(self) -> bool:
        """True if the stored state is so recent that the Gateway's API may not show it yet."""
        stated = [moment for moment in (self.stored.reported_at, self.stored.confirmed_at) if moment is not None]
        return bool(stated) and self.state.pulled_at < max(stated) + self.policy.lag

    def _reported_since(self) -> bool:
        """True if a report arrived during the pull, whose response cannot show it."""
        return self.stored.reported_at is not None and self.state.pulled_at < self.stored.reported_at

    def _may_show_later(self, suspected_at: datetime | None) -> bool:
        """True if the suspicion is so recent that the Gateway's API may not show its subject yet."""
        return suspected_at is not None and self.state.pulled_at < suspected_at + self.policy.lag

    def _wait(self, *, soon: bool = False) -> Transition:
        return wait(self.stored, self.now, self.policy, self.jitter, soon=soon)

    def _check_from_the_start(self) -> ScheduleCheck:
        return _next_check(self.stored, self.now, self.policy, 0, self.jitter)


def _next_check(stored: Transaction, now: datetime, policy: Policy, checks: int, jitter: float) -> ScheduleCheck:
    due = now + backoff(checks, jitter)
    if stored.suspected_at is not None and now < stored.suspected_at + policy.lag < due:
        due = stored.suspected_at + policy.lag  # the Gateway's API shows it by then
    if stored.next_check_at is not None and now < stored.next_check_at < due:
        due = stored.next_check_at  # keep an earlier check that another writer scheduled
    return ScheduleCheck(due, checks + 1)


def _is_open_for(stored: Transaction, now: datetime, span: timedelta) -> bool:
    return not stored.is_over and now > stored.created_at + span


def _leaves_outcome_open(error: SdkError | None) -> bool:
    """True if the SDK gave up or failed internally: the order may still be placed (docs/reference/gateway.md §6.2)."""
    return error is not None and may_have_orders(error.code, error.message)
