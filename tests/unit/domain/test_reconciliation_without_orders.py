"""Reconciliation without orders, row by row of the table in docs/reference/guarantees.md."""

from datetime import timedelta

import pytest

from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import AccountLink, Confirmation, Failure, FailureReason, SdkError
from securities_transactions.domain.transitions import END_CHECKS, Escalate, Fail, Retract, ScheduleCheck, Transition
from tests.unit.factories import (
    CREATED,
    DONE,
    EXPIRE,
    MILLISECOND,
    NOW,
    PLACED,
    POLICY,
    check_in,
    minutes_ago,
    only_schedules_a_check,
    reconciled,
    state,
    stored,
    waits,
)

CANCELLED_BY_USER = SdkError(1012, "user_cancelled")
EXPIRED = Failure(FailureReason.EXPIRED)


@pytest.mark.parametrize("status", ["PROCESSING", "ACTION_REQUIRED", "COMPLETED"])
def test_orders_that_may_exist_and_are_not_shown_only_schedule_a_check(status: str) -> None:
    """Also long after expiry: AMO, an open limit order, an orders API that lags."""
    assert reconciled(stored(), state(status)) == waits(1)
    assert reconciled(stored(), state("USED", order_requested=True)) == waits(1)


@pytest.mark.parametrize("code", [2000, 4003, 4006])
def test_sdk_error_that_leaves_the_outcome_open_does_not_fail(code: int) -> None:
    """The order may still be placed."""
    assert reconciled(stored(), state("ERRORED", error=SdkError(code))) == waits(1)


@pytest.mark.parametrize("error", [SdkError(4007, "order_timeout"), SdkError(None, "brand_new")])
def test_unknown_sdk_error_does_not_fail(error: SdkError) -> None:
    """The set is open, and an order may have been placed."""
    assert reconciled(stored(), state("ERRORED", error=error)) == waits(1)


def test_sdk_error_without_a_known_code_is_read_by_its_message() -> None:
    """Codes have changed before; messages have not."""
    assert reconciled(stored(), state("ERRORED", error=SdkError(None, "order_pending"))) == waits(1)
    assert reconciled(stored(), state("ERRORED", error=SdkError(None, "user_cancelled"))).bumps_version


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (state("ERRORED", error=CANCELLED_BY_USER), FailureReason.ERRORED),
        (state("USED", error=CANCELLED_BY_USER), FailureReason.ERRORED),
        (state("USED", error=SdkError(1012)), FailureReason.ERRORED),
        (state("ERRORED"), FailureReason.ERRORED),
        (state("CANCELLED"), FailureReason.ERRORED),
        (state("EXPIRED"), FailureReason.EXPIRED),
        (state("INITIALIZED", expired=True), FailureReason.EXPIRED),
        (state("INITIALIZED"), FailureReason.EXPIRED),
        (state("USED"), FailureReason.ABANDONED),
        (state("USED", expired=True), FailureReason.ABANDONED),
        (
            state("INITIALIZED", expire_at=NOW - POLICY.expiry_grace - timedelta(seconds=1)),
            FailureReason.EXPIRED,
        ),
    ],
)
def test_transaction_that_can_have_no_orders_fails(shown: GatewayTransaction, reason: FailureReason) -> None:
    """Errored, expired (never begun) or abandoned (begun and left)."""
    found = reconciled(stored(), shown)
    assert found.bumps_version
    failure = Failure(reason, shown.error or SdkError())
    assert found == Transition(outcome=Fail(NOW, failure, retract=None), check=END_CHECKS)


def test_expiry_grace_is_longer_than_the_gateway_may_lag() -> None:
    """An order confirmed in the last second shows up to `lag` later."""
    assert POLICY.expiry_grace > POLICY.lag
    late = EXPIRE + POLICY.expiry_grace
    for shown in (state("USED", pulled_at=late), state("USED", pulled_at=late, expired=True), state("EXPIRED")):
        assert only_schedules_a_check(reconciled(stored(), shown, now=late))
    failed = reconciled(stored(), state("USED"), now=late + MILLISECOND).outcome
    assert failed == Fail(late + MILLISECOND, Failure(FailureReason.ABANDONED))
    assert only_schedules_a_check(reconciled(stored(), state("USED", expire_at=NOW)))


def test_suspected_transaction_does_not_fail_within_the_lag() -> None:
    """Nor do the checks of one that has failed end: it may trade after all."""
    recent = NOW - POLICY.lag + MILLISECOND
    shown = state("ERRORED", error=SdkError(1010, "user_cancelled"))
    for status in (Status.CREATED, Status.FAILED):
        last = ScheduleCheck(NOW + MILLISECOND, 1)
        assert reconciled(stored(suspected_at=recent, status=status), shown) == Transition(check=last)


def test_suspected_transaction_fails_after_the_lag_and_is_looked_at_once_more() -> None:
    """Suspicions that follow one another do not hold it off, and the last of them is not lost."""
    shown = state("ERRORED", error=SdkError(1010, "user_cancelled"))
    found = reconciled(stored(suspected_at=NOW - POLICY.lag), shown)
    assert found.outcome == Fail(NOW, Failure(FailureReason.ERRORED, SdkError(1010, "user_cancelled")))
    assert (found.check, found.ends_suspicion) == (ScheduleCheck(NOW + POLICY.lag, 0), True)
    assert reconciled(stored(status=Status.FAILED), shown) == Transition(check=END_CHECKS)


def test_failure_pulled_again_only_ends_checks() -> None:
    """No event is published twice."""
    assert reconciled(stored(status=Status.FAILED), state("EXPIRED")) == Transition(check=END_CHECKS)


def test_denied_report_is_retracted_after_the_lag() -> None:
    """With the account that only it named."""
    shown = stored(PLACED, created_at=minutes_ago(20), smallcase_auth_id="forged")
    denied = state("USED", expire_at=NOW)
    found = reconciled(shown, denied)
    assert found.bumps_version
    assert found == Transition(outcome=Retract(NOW, keeps_account=False), check=check_in(1))
    recent = stored(PLACED, reported_at=minutes_ago(9))
    assert reconciled(recent, denied) == waits(1)
    checked_often = stored(PLACED, reported_at=minutes_ago(9), checks=5)
    assert reconciled(checked_often, denied) == waits(1)


def test_report_of_another_batch_than_the_gateway_names_is_retracted() -> None:
    """Though its own orders are not shown yet: a forged batch must not stand in their way."""
    shown = state("PROCESSING", batch_id="b2")
    found = reconciled(stored(PLACED), shown)
    assert found.bumps_version
    assert found.outcome == Retract(NOW, keeps_account=False)
    assert reconciled(stored(PLACED, reported_at=minutes_ago(9)), shown) == waits(1)
    assert reconciled(stored(PLACED), state("PROCESSING", batch_id="b1")) == waits(1)
    assert reconciled(stored(PLACED, confirmation=Confirmation.CONFIRMED), shown) == waits(1)


def test_retracted_transaction_fails_as_soon_as_it_is_over() -> None:
    """No orders are shown that could lag, and none was ever confirmed."""
    retracted = stored(confirmation=Confirmation.CONFIRMED, confirmed_at=minutes_ago(1))
    assert reconciled(retracted, state("EXPIRED")).outcome == Fail(NOW, EXPIRED)


def test_failure_retracts_a_denied_report_with_everything_it_set() -> None:
    """Nothing of the forged report stays."""
    found = reconciled(stored(DONE, smallcase_auth_id="forged"), state("EXPIRED"))
    assert found == Transition(outcome=Fail(NOW, EXPIRED, Retract(NOW, keeps_account=False)), check=END_CHECKS)


def test_account_of_a_token_or_a_pull_survives_a_denied_report() -> None:
    """It does not come from the report."""
    shown = stored(DONE, smallcase_auth_id="auth", account=AccountLink.LINKED)
    assert reconciled(shown, state("EXPIRED")).outcome == Fail(NOW, EXPIRED, Retract(NOW, keeps_account=True))


def test_confirmed_orders_that_are_gone_are_escalated_once() -> None:
    """No rule can settle that; a settled transaction stays, and its version too."""
    confirmed = stored(PLACED, confirmation=Confirmation.CONFIRMED, confirmed_at=CREATED)
    found = reconciled(confirmed, state("EXPIRED"))
    assert found == Transition(outcome=Escalate(NOW), check=check_in(1))
    assert found.bumps_version
    escalated = stored(PLACED, confirmation=Confirmation.CONFIRMED, confirmed_at=CREATED, escalated_at=CREATED)
    assert reconciled(escalated, state("EXPIRED")) == waits(1)
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, confirmed_at=CREATED, settled_at=CREATED)
    assert reconciled(settled, state("EXPIRED")) == waits(1)


def test_unknown_gateway_status_is_escalated_within_half_an_hour() -> None:
    """It never fails a transaction; one that is escalated, settled or failed already only waits."""
    old = NOW - POLICY.escalate_unknown_after
    assert reconciled(stored(created_at=old), state("QUEUED")) == waits(1)
    older = old - MILLISECOND
    found = reconciled(stored(created_at=older), state("QUEUED"))
    assert found == Transition(outcome=Escalate(NOW), check=check_in(1))
    assert reconciled(stored(created_at=older), state("PROCESSING")) == waits(1)
    for over in (
        stored(created_at=older, escalated_at=CREATED),
        stored(created_at=older, settled_at=CREATED),
        stored(created_at=older, status=Status.FAILED),
    ):
        assert reconciled(over, state("QUEUED")) == waits(1)
