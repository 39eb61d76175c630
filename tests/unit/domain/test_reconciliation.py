"""Reconciliation with orders, row by row of the table in docs/reference/guarantees.md, and the next check."""

from datetime import timedelta
from typing import Any, Final

import pytest

from securities_transactions.domain.backoff import backoff
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.reconciliation import Policy, reconcile, wait
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.transaction import AccountLink, Confirmation, ConfirmPolicy, EscalationReason
from securities_transactions.domain.transitions import (
    END_CHECKS,
    Confirm,
    Escalate,
    ScheduleCheck,
    Settle,
    ShownAccount,
    Transition,
)
from tests.unit.factories import (
    CREATED,
    DONE,
    FILLING,
    MILLISECOND,
    NOW,
    PARTIAL,
    PLACED,
    POLICY,
    UNKNOWN,
    batch,
    check_in,
    confirms,
    minutes_ago,
    reconciled,
    settles,
    state,
    stored,
    waits,
)

EVERY = Policy(confirm=ConfirmPolicy.EVERY)


def test_final_state_settles() -> None:
    """Confirmed, and not checked again."""
    found = reconciled(stored(), state("COMPLETED", DONE, smallcase_auth_id="auth", broker="kite"))
    shown = ShownAccount(smallcase_auth_id="auth", broker="kite")
    assert found == Transition(outcome=Settle(Snapshot(DONE, NOW), NOW, shown), check=END_CHECKS)
    assert found.bumps_version
    assert DONE.status_of_orders == Status.COMPLETED


def test_account_that_was_only_reported_is_not_confirmed_along_with_the_orders() -> None:
    """One that a pull or a token has shown stays where the Gateway names none."""
    assert DONE.buyAmount is None
    for account, keeps in ((None, False), (AccountLink.KNOWN, True)):
        reported = stored(PLACED, smallcase_auth_id="auth", broker="kite", account=account)
        for status, kind, shown in (("COMPLETED", Settle, DONE), ("PROCESSING", Confirm, FILLING)):
            found = reconciled(reported, state(status, shown))
            assert found.outcome == kind(Snapshot(shown, NOW), NOW, ShownAccount(keeps_account=keeps))


def test_final_report_is_settled_by_the_same_state() -> None:
    """A report alone does not settle."""
    assert not stored(DONE).is_settled
    assert reconciled(stored(DONE), state("COMPLETED", DONE)).outcome == settles(DONE)


def test_final_state_overrules_any_report_at_once() -> None:
    """A batch that is final at the Gateway does not change, however far and however recent the report is."""
    assert PARTIAL.status_of_orders == Status.PARTIALLYFILLED
    for shown in (batch("COMPLETE", 12), DONE, PLACED):
        recent = stored(shown, reported_at=NOW)
        assert reconciled(recent, state("COMPLETED", PARTIAL)).outcome == settles(PARTIAL)


def test_settled_outcome_pulled_again_only_ends_checks() -> None:
    """A check that another writer scheduled is removed."""
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=NOW, gateway_status=GatewayStatus.COMPLETED)
    found = reconciled(settled, state("COMPLETED", DONE))
    assert found == Transition(check=END_CHECKS)
    assert not found.bumps_version


def test_settled_outcome_is_corrected_by_another_final_state() -> None:
    """Up or down."""
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED)
    for other in (PARTIAL, batch("COMPLETE", 12)):
        found = reconciled(settled, state("COMPLETED", other))
        assert found.bumps_version
        assert found.outcome == settles(other)


def test_settled_outcome_is_corrected_only_after_the_lag() -> None:
    """A replica may still show what was corrected; checks back off."""
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, confirmed_at=minutes_ago(9))
    assert reconciled(settled, state("COMPLETED", PARTIAL)) == waits(1)
    long_ago = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, confirmed_at=NOW - POLICY.lag)
    assert reconciled(long_ago, state("COMPLETED", PARTIAL)).outcome == settles(PARTIAL)


def test_suspected_outcome_is_checked_until_the_lag_is_over() -> None:
    """Only a webhook shows that there is a correction, and it is sent once."""
    recent = NOW - POLICY.lag + MILLISECOND
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, suspected_at=recent, checks=2)
    assert reconciled(settled, state("COMPLETED", DONE)) == Transition(check=ScheduleCheck(NOW + MILLISECOND, 3))
    over = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, suspected_at=NOW - POLICY.lag)
    assert reconciled(over, state("COMPLETED", DONE)) == Transition(check=END_CHECKS)
    found = reconciled(stored(DONE, suspected_at=recent), state("COMPLETED", DONE))
    last = ScheduleCheck(NOW + MILLISECOND, 1)
    assert found == Transition(outcome=settles(DONE), check=last, suspected_at=recent)
    assert found.bumps_version


@pytest.mark.parametrize("shown", [state("PROCESSING", PLACED), state("PROCESSING", FILLING), state("PROCESSING")])
def test_suspicion_about_an_open_transaction_is_over_after_the_lag(shown: GatewayTransaction) -> None:
    """It is looked at when the lag is over, and a later suspicion is one of its own."""
    since = minutes_ago(7)
    found = reconciled(stored(PLACED, suspected_at=since, checks=9), shown)
    assert (found.ends_suspicion, found.check) in (
        (False, ScheduleCheck(since + POLICY.lag, 10)),
        (False, check_in(1)),
    )
    over = reconciled(stored(PLACED, suspected_at=NOW - POLICY.lag), shown)
    assert over.ends_suspicion
    assert isinstance(over.check, ScheduleCheck)
    assert not reconciled(stored(PLACED), shown).ends_suspicion


def test_batch_that_the_vendor_closed_settles_and_its_lost_order_is_escalated() -> None:
    """The other orders are booked at once; the escalation is a change of its own."""
    orders = [*DONE.as_sent()["orders"], *UNKNOWN.as_sent()["orders"]]
    closed = Batch.model_validate({**DONE.as_sent(), "orders": orders, "status": "MARKEDCOMPLETE"})
    found = reconciled(stored(PLACED), state("COMPLETED", closed))
    assert (found.outcome, found.check) == (settles(closed), check_in(1))
    settled = stored(closed, **SETTLED)
    assert reconciled(settled, state("COMPLETED", closed)) == Transition(outcome=Escalate(NOW), check=check_in(1))
    escalated = stored(closed, **SETTLED, escalated_at=NOW)
    assert reconciled(escalated, state("COMPLETED", closed)) == Transition(check=END_CHECKS)
    assert reconciled(stored(PLACED), state("PROCESSING", closed)).outcome == confirms(closed, escalate=True)


def test_final_state_against_a_recent_report_settles_and_is_checked_again() -> None:
    """The report is either forged or a correction that this replica does not have yet."""
    reported = NOW - POLICY.lag + MILLISECOND
    found = reconciled(stored(PARTIAL, reported_at=reported), state("COMPLETED", DONE))
    assert found == Transition(outcome=settles(DONE), check=check_in(1), suspected_at=reported)
    later = minutes_ago(1)
    for shown in (stored(PARTIAL, suspected_at=later), stored(PARTIAL, reported_at=reported, suspected_at=later)):
        assert reconciled(shown, state("COMPLETED", DONE)).suspected_at == later
    for known in (stored(PARTIAL, reported_at=NOW - POLICY.lag), stored(DONE, reported_at=reported)):
        assert reconciled(known, state("COMPLETED", DONE)) == Transition(outcome=settles(DONE), check=END_CHECKS)


def test_report_during_the_pull_is_not_overruled_by_its_response() -> None:
    """The response may be older, unless it shows the same outcome."""
    since = NOW + MILLISECOND
    assert reconciled(stored(DONE, reported_at=since, checks=5), state("COMPLETED", PARTIAL)) == waits(1)
    assert reconciled(stored(DONE, reported_at=since), state("COMPLETED", DONE)).outcome == settles(DONE)


def test_order_at_error_may_turn_out_to_be_placed() -> None:
    """Not within the time that the Gateway may lag; after it, also where ERROR was confirmed."""
    recent = stored(UNKNOWN, reported_at=minutes_ago(9), checks=5)
    assert reconciled(recent, state("PROCESSING", PLACED)) == waits(1)
    assert PLACED.status_of_orders == Status.PLACED
    for confirmation in Confirmation:
        old = stored(UNKNOWN, confirmation=confirmation, confirmed_at=NOW - POLICY.lag)
        assert reconciled(old, state("PROCESSING", PLACED)).outcome == confirms(PLACED)


def test_open_state_ahead_is_confirmed_and_checked_again_soon() -> None:
    """The backoff restarts."""
    found = reconciled(stored(PLACED, checks=7, escalated_at=CREATED), state("PROCESSING", FILLING))
    assert found == Transition(outcome=confirms(FILLING), check=check_in(1, checks=1))
    assert found.bumps_version


def test_open_state_behind_a_recent_report_may_lag() -> None:
    """It changes nothing and is pulled again in a minute, however often it was."""
    recent = stored(FILLING, reported_at=NOW - POLICY.lag + timedelta(seconds=1), checks=6)
    assert reconciled(recent, state("PROCESSING", PLACED)) == waits(1)


def test_open_state_behind_a_recent_confirmation_may_lag() -> None:
    """One replica may be ahead of another."""
    recent = stored(FILLING, reported_at=None, confirmation=Confirmation.CONFIRMED, confirmed_at=minutes_ago(9))
    assert reconciled(recent, state("PROCESSING", PLACED)) == waits(1)


def test_open_state_behind_an_old_report_overrules_it() -> None:
    """The Gateway's API does not lag that long: the report was forged."""
    found = reconciled(stored(FILLING, reported_at=NOW - POLICY.lag), state("PROCESSING", PLACED))
    assert found.bumps_version
    assert found.outcome == confirms(PLACED)
    assert reconciled(stored(DONE), state("PROCESSING", PLACED)).outcome == confirms(PLACED)


@pytest.mark.parametrize("fields", [{}, {"settled_at": CREATED}])
def test_open_state_never_goes_back_behind_what_was_confirmed(fields: dict[str, Any]) -> None:
    """However long the replica lags."""
    confirmed = stored(DONE, confirmation=Confirmation.CONFIRMED, confirmed_at=CREATED, checks=3, **fields)
    assert reconciled(confirmed, state("PROCESSING", PLACED)) == waits(10, 4)


def test_open_state_of_equal_progress_overrules_other_content() -> None:
    """A forged batch that has come as far as the genuine one."""
    other = Batch.model_validate({"batchId": "b2", "orders": PLACED.as_sent()["orders"] * 2})
    found = reconciled(stored(other, reported_at=NOW), state("PROCESSING", PLACED))
    assert PLACED.batchId == "b1"
    assert found.outcome == confirms(PLACED)


def test_open_state_equal_to_the_report_only_schedules_a_check() -> None:
    """With CONFIRM=final, an open state that was reported stays reported."""
    assert reconciled(stored(PLACED, checks=2), state("PROCESSING", PLACED)) == waits(5, 3)
    confirmed = stored(PLACED, confirmation=Confirmation.CONFIRMED)
    assert reconciled(confirmed, state("PROCESSING", PLACED), EVERY) == waits(1)


def test_open_state_equal_to_the_report_confirms_under_every() -> None:
    """CONFIRM=every."""
    found = reconciled(stored(PLACED), state("PROCESSING", PLACED), EVERY)
    assert found.bumps_version
    assert isinstance(found.outcome, Confirm)
    assert found.outcome == confirms(PLACED)


def test_batch_at_error_is_escalated_once() -> None:
    """Reported before or not."""
    found = reconciled(stored(PLACED), state("COMPLETED", UNKNOWN))
    assert found.bumps_version
    assert found.outcome == confirms(UNKNOWN, escalate=True)
    again = reconciled(stored(UNKNOWN, confirmation=Confirmation.CONFIRMED), state("COMPLETED", UNKNOWN))
    assert again == Transition(outcome=Escalate(NOW), check=check_in(1))
    assert again.bumps_version
    escalated = stored(UNKNOWN, confirmation=Confirmation.CONFIRMED, escalated_at=CREATED)
    assert reconciled(escalated, state("COMPLETED", UNKNOWN)) == waits(1)
    before = stored(PLACED, escalated_at=CREATED)
    assert reconciled(before, state("COMPLETED", UNKNOWN)).outcome == confirms(UNKNOWN, escalate=False)


@pytest.mark.parametrize("word", ["PROCESSING", "USED", "ERRORED", "EXPIRED", "DONE"])
@pytest.mark.parametrize("shown", [DONE, PARTIAL, batch("REJECTED")])
def test_final_orders_settle_only_once_the_transaction_is_completed(word: str, shown: Batch) -> None:
    """Before that the Gateway may still add to them, as to an order that is filled in part."""
    found = reconciled(stored(PLACED), state(word, shown))
    assert (found.outcome, found.check) == (confirms(shown), check_in(1))
    assert reconciled(stored(shown, checks=2), state(word, shown)) == waits(5, 3)
    assert reconciled(stored(shown), state("COMPLETED", shown)).outcome == settles(shown)


def test_settled_transaction_stays_settled_where_its_status_goes_back() -> None:
    """A replica that lags for longer shows an earlier state, with fewer facts."""
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, confirmed_at=CREATED)
    earlier = DONE.model_copy(update={"variety": "regular"})
    assert not isinstance(reconciled(settled, state("PROCESSING", earlier)).outcome, Confirm)


# --- facts without money


LATER_FACTS = [
    {"exchangeOrderId": "1100000012345678"},
    {"errorCode": "marginsExceeded"},
    {"price": 1450},
]


def with_facts(of: Batch, order: dict[str, Any], **more: Any) -> Batch:
    """`of` with more facts about its order and about itself."""
    document = of.as_sent()
    return Batch.model_validate({**document, "orders": [{**document["orders"][0], **order}], **more})


@pytest.mark.parametrize("order", LATER_FACTS)
def test_fact_that_comes_after_settling_is_settled_again(order: dict[str, Any]) -> None:
    """So that it is stored and published, once no replica lags."""
    later = with_facts(DONE, order)
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, confirmed_at=CREATED)
    found = reconciled(settled, state("COMPLETED", later))
    assert found == Transition(outcome=settles(later), check=END_CHECKS)
    assert found.bumps_version
    recent = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, confirmed_at=minutes_ago(9))
    assert reconciled(recent, state("COMPLETED", later)) == waits(1)


@pytest.mark.parametrize("more", [{"completedDate": "2026-01-15T04:33:10.000Z"}, {"buyAmount": 14982}])
def test_fact_about_the_batch_is_settled_again_too(more: dict[str, Any]) -> None:
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, confirmed_at=CREATED)
    assert reconciled(settled, state("COMPLETED", with_facts(DONE, {}, **more))).outcome == settles(
        with_facts(DONE, {}, **more)
    )


def test_limit_price_that_changes_is_confirmed_again() -> None:
    """Its webhook may be lost: an open order shows what the Gateway has."""
    one, other = with_facts(PLACED, {"price": 1450}), with_facts(PLACED, {"price": 1460})
    for confirmation in Confirmation:
        found = reconciled(stored(one, confirmation=confirmation), state("PROCESSING", other))
        assert (found.outcome, found.check) == (confirms(other), check_in(1))
    assert reconciled(stored(one, reported_at=minutes_ago(9), checks=5), state("PROCESSING", other)) == waits(1)


def test_text_of_the_broker_alone_is_not_stored_again() -> None:
    settled = stored(DONE, confirmation=Confirmation.CONFIRMED, settled_at=CREATED, confirmed_at=CREATED)
    spoken = with_facts(DONE, {"statusMessage": "NA", "segment": "EQ"})
    assert reconciled(settled, state("COMPLETED", spoken)) == Transition(check=END_CHECKS)


# --- what is unclear, and a missing price


UNCLEAR = [
    with_facts(DONE, {"filledQuantity": 0}),
    with_facts(DONE, {"filledQuantity": 11}),
    with_facts(DONE, {"averagePrice": -1}),
    with_facts(DONE, {"transactionType": "SHORT"}),
    batch("FROZEN", 10),
    batch("UNREADABLE"),
]


@pytest.mark.parametrize("shown", UNCLEAR)
def test_unclear_orders_are_confirmed_and_escalated_and_never_settled(shown: Batch) -> None:
    """A person has to look before anything is booked."""
    found = reconciled(stored(PLACED), state("COMPLETED", shown))
    assert (found.outcome, found.check) == (confirms(shown, escalate=True), check_in(1))
    confirmed = stored(shown, confirmation=Confirmation.CONFIRMED)
    assert reconciled(confirmed, state("COMPLETED", shown)) == Transition(outcome=Escalate(NOW), check=check_in(1))
    escalated = stored(shown, confirmation=Confirmation.CONFIRMED, escalated_at=CREATED)
    assert reconciled(escalated, state("COMPLETED", shown)) == waits(1)


@pytest.mark.parametrize("shown", UNCLEAR)
def test_unclear_orders_of_an_open_transaction_are_escalated_after_half_an_hour(shown: Batch) -> None:
    """A word may be a transitional one as long as the Gateway is not done."""
    young = stored(PLACED, created_at=NOW - POLICY.escalate_unknown_after)
    assert reconciled(young, state("PROCESSING", shown)).outcome == confirms(shown)
    old = stored(PLACED, created_at=NOW - POLICY.escalate_unknown_after - MILLISECOND)
    assert reconciled(old, state("PROCESSING", shown)).outcome == confirms(shown, escalate=True)


def test_second_batch_is_escalated() -> None:
    """A transaction has one batch; with two nothing shows which is the outcome."""
    found = reconciled(stored(PLACED), state("COMPLETED", DONE, has_several_batches=True))
    assert (found.outcome, found.check) == (confirms(DONE, escalate=True), check_in(1))
    opened = reconciled(stored(PLACED), state("PROCESSING", FILLING, has_several_batches=True))
    assert opened.outcome == confirms(FILLING, escalate=True)


SETTLED: Final = {"confirmation": Confirmation.CONFIRMED, "confirmed_at": CREATED, "settled_at": CREATED}


@pytest.mark.parametrize(
    "shown",
    [
        state("PROCESSING", with_facts(DONE, {"errorCode": "marginsExceeded"})),
        state("PROCESSING", PARTIAL),
        state("PROCESSING", DONE),
        state("USED", batch("COMPLETE", 12)),
        state("PROCESSING", FILLING),
        state("SHELVED", PARTIAL),
    ],
)
def test_settled_transaction_stays_settled_while_the_gateway_is_not_done(shown: GatewayTransaction) -> None:
    """One of its replicas may lag; only another settled state corrects what is settled."""
    assert reconciled(stored(DONE, **SETTLED), shown).outcome is None


@pytest.mark.parametrize(
    "shown",
    [
        state("COMPLETED", with_facts(DONE, {"averagePrice": -1})),
        state("COMPLETED", batch("UNREADABLE")),
        state("COMPLETED", DONE, has_several_batches=True),
        state("COMPLETED", PARTIAL, has_several_batches=True),
    ],
)
def test_settled_transaction_that_the_gateway_contradicts_unclearly_is_escalated_once(
    shown: GatewayTransaction,
) -> None:
    """It stays settled: a person decides what is right."""
    found = reconciled(stored(DONE, **SETTLED), shown)
    assert found == Transition(outcome=Escalate(NOW), check=check_in(1))
    assert reconciled(stored(DONE, **SETTLED, escalated_at=NOW), shown).outcome is None


NO_PRICE = with_facts(DONE, {"averagePrice": None})


def test_settled_transaction_without_a_price_is_checked_for_two_days() -> None:
    """The Gateway may learn the price later; then the transaction is escalated once."""
    found = reconciled(stored(PLACED), state("COMPLETED", NO_PRICE))
    assert (found.outcome, found.check) == (settles(NO_PRICE), check_in(1))
    known = {"confirmation": Confirmation.CONFIRMED, "confirmed_at": CREATED, "checks": 2}
    waiting = stored(NO_PRICE, settled_at=NOW - POLICY.price_wait + MILLISECOND, **known)
    assert reconciled(waiting, state("COMPLETED", NO_PRICE)) == waits(5, 3)
    over = stored(NO_PRICE, settled_at=NOW - POLICY.price_wait, **known)
    assert reconciled(over, state("COMPLETED", NO_PRICE)) == Transition(outcome=Escalate(NOW), check=END_CHECKS)
    escalated = stored(NO_PRICE, settled_at=NOW - POLICY.price_wait, escalated_at=NOW, **known)
    assert reconciled(escalated, state("COMPLETED", NO_PRICE)) == Transition(check=END_CHECKS)


def test_price_that_comes_later_is_settled_again_and_ends_the_checks() -> None:
    known = {"confirmation": Confirmation.CONFIRMED, "confirmed_at": CREATED, "settled_at": CREATED}
    found = reconciled(stored(NO_PRICE, **known), state("COMPLETED", DONE))
    assert found == Transition(outcome=settles(DONE), check=END_CHECKS)


# --- waiting


def test_gateway_status_is_stored_and_bumps_no_version() -> None:
    """It is advisory."""
    found = reconcile(stored(), state("PROCESSING"), NOW, POLICY, 0.5)
    assert found.gateway_status is GatewayStatus.PROCESSING
    assert not found.bumps_version
    same = stored(gateway_status=GatewayStatus.USED)
    assert reconcile(same, state("USED"), NOW, POLICY, 0.5).gateway_status is None


def test_unknown_gateway_status_is_stored_as_sent() -> None:
    """And not stored again while it is the same."""
    found = reconcile(stored(), state("Queued"), NOW, POLICY, 0.5)
    assert found.gateway_status == GatewayStatus("Queued")
    same = stored(gateway_status=GatewayStatus("Queued"))
    assert reconcile(same, state("Queued"), NOW, POLICY, 0.5).gateway_status is None


def test_checks_back_off_from_a_minute_to_a_day() -> None:
    """And never stop."""
    minutes = [backoff(checks, 0.5) / timedelta(minutes=1) for checks in range(13)]
    assert minutes == [1, 2, 5, 10, 20, 40, 60, 120, 240, 480, 1440, 1440, 1440]


def test_jitter_spreads_checks_by_a_fifth_either_way() -> None:
    """Transactions that were made together are not pulled together."""
    assert backoff(0, 0.0) == timedelta(seconds=48)
    assert backoff(0, 1.0) == timedelta(seconds=72)


def test_earlier_check_of_another_writer_is_not_overwritten() -> None:
    """It was requested after this pull; one that is due already is answered by this pull."""
    sooner = NOW + timedelta(seconds=10)
    assert wait(stored(next_check_at=sooner), NOW, POLICY, 0.5) == Transition(check=ScheduleCheck(sooner, 1))
    for other in (NOW, NOW + timedelta(minutes=2)):
        assert wait(stored(next_check_at=other), NOW, POLICY, 0.5).check == check_in(1)


def test_transaction_open_for_too_long_is_escalated_once() -> None:
    """After three days; the checks go on."""
    old = stored(created_at=NOW - POLICY.escalate_after - timedelta(seconds=1), checks=4)
    found = wait(old, NOW, POLICY, 0.5)
    assert found == Transition(outcome=Escalate(NOW), check=check_in(20, 5))
    assert found.bumps_version
    assert wait(stored(created_at=NOW - POLICY.escalate_after), NOW, POLICY, 0.5) == waits(1)
    long_ago = CREATED - POLICY.escalate_after
    assert wait(stored(created_at=long_ago, escalated_at=NOW), NOW, POLICY, 0.5) == waits(1)
    for over in (stored(created_at=long_ago, settled_at=NOW), stored(created_at=long_ago, status=Status.FAILED)):
        assert wait(over, NOW, POLICY, 0.5) == waits(1)


def test_policy_has_the_documented_defaults() -> None:
    """The settings that docs/reference/guarantees.md names."""
    assert Policy() == Policy(
        ConfirmPolicy.FINAL,
        timedelta(minutes=10),
        timedelta(minutes=12),
        timedelta(days=3),
        timedelta(minutes=30),
        timedelta(days=2),
    )


def reason(transition: Transition) -> EscalationReason | None:
    """Return the reason for which a transition escalates."""
    outcome = transition.outcome
    assert isinstance(outcome, Confirm | Escalate)
    return outcome.reason


def test_escalation_says_why() -> None:
    """An operator begins with it: a lost order is looked for at the broker, a lost answer at the Gateway."""
    confirmed = {"confirmation": Confirmation.CONFIRMED, "confirmed_at": CREATED}
    late = NOW - POLICY.escalate_after - MILLISECOND
    found = {
        EscalationReason.LOST_ORDER: reconciled(stored(PLACED), state("COMPLETED", UNKNOWN)),
        EscalationReason.UNCLEAR_ORDER: reconciled(stored(PLACED), state("COMPLETED", batch("FROZEN", 10))),
        EscalationReason.SEVERAL_BATCHES: reconciled(
            stored(PLACED), state("COMPLETED", DONE, has_several_batches=True)
        ),
        EscalationReason.UNKNOWN_STATUS: reconciled(
            stored(created_at=NOW - POLICY.escalate_unknown_after - MILLISECOND), state("QUEUED")
        ),
        EscalationReason.ORDERS_GONE: reconciled(stored(PLACED, **confirmed), state("EXPIRED")),
        EscalationReason.OPEN_TOO_LONG: reconciled(stored(PLACED, created_at=late), state("PROCESSING")),
        EscalationReason.NO_PRICE: reconciled(
            stored(NO_PRICE, settled_at=NOW - POLICY.price_wait, **confirmed), state("COMPLETED", NO_PRICE)
        ),
    }
    assert {expected: reason(transition) for expected, transition in found.items()} == {each: each for each in found}
    # A person gives the last one, with a case of a settled transaction.
    assert found.keys() == set(EscalationReason) - {EscalationReason.RECORDS_DIFFER}
