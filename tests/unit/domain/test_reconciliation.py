"""Settling, row by row of the table in docs/guarantees.md: what pulled orders change, and when to ask again."""

from datetime import timedelta
from typing import Any

import pytest

from securities_transactions.domain import reconciliation, statuses
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.reconciliation import Change, Policy, backoff, decide, wait
from securities_transactions.domain.revision import Snapshot
from tests.unit.factories import (
    CREATED,
    DONE,
    ENDED,
    FILLING,
    NOW,
    PARTIAL,
    PLACED,
    POLICY,
    UNKNOWN,
    at,
    batch,
    decided,
    stored,
    truth,
    waits,
)


def test_a_final_truth_settles() -> None:
    """Confirmed, and never asked for again."""
    change = decided(stored(), truth("COMPLETED", DONE, smallcase_auth_id="auth", broker="kite"))
    assert change.counts
    assert change.set["confirmation"] == "confirmed"
    assert change.set["confirmedAt"] == change.set["settledAt"] == at(NOW)
    assert change.set["source"] == "pull"
    assert change.set["status"] == statuses.COMPLETED
    assert (change.set["smallcaseAuthId"], change.set["broker"]) == ("auth", "kite")
    assert change.set["snapshot"] == Snapshot(DONE, at(NOW)).encoded
    assert change.set["revision"] == Snapshot(DONE, at(NOW)).revision
    assert change.remove == ENDED | {"error"}


def test_a_truth_names_no_account_where_it_has_none() -> None:
    """What is stored of it stays."""
    change = decided(stored(), truth("COMPLETED", DONE))
    assert not {"smallcaseAuthId", "broker", "buyAmount"} & change.set.keys()


def test_a_final_report_is_settled_by_the_same_truth() -> None:
    """That it was reported does not make it settled."""
    assert decided(stored(DONE), truth("COMPLETED", DONE)).set["settledAt"] == at(NOW)


def test_a_final_truth_overrules_any_report_at_once() -> None:
    """What is final at the Gateway does not go on, however far and however recent the report is."""
    for shown in (batch("COMPLETE", 12), DONE, PLACED):
        recent = stored(shown, reportedAt=at(NOW))
        assert decided(recent, truth("COMPLETED", PARTIAL)).set["status"] == statuses.PARTIALLYFILLED


def test_a_settled_outcome_said_again_changes_nothing() -> None:
    """Only a check that somebody asked for goes."""
    settled = stored(DONE, confirmation="confirmed", settledAt=at(NOW), gatewayStatus="COMPLETED")
    assert decided(settled, truth("COMPLETED", DONE)) == Change(remove=ENDED)


def test_a_settled_outcome_is_corrected_by_another_final_truth() -> None:
    """Up or down."""
    settled = stored(DONE, confirmation="confirmed", settledAt=at(CREATED))
    change = decided(settled, truth("COMPLETED", PARTIAL))
    assert change.counts
    assert change.set["settledAt"] == at(NOW)


def test_a_settled_outcome_is_corrected_only_once_the_other_cannot_be_an_old_one() -> None:
    """A replica may still show what was corrected; it is asked again, less and less often."""
    settled = stored(DONE, confirmation="confirmed", settledAt=at(CREATED), confirmedAt=at(NOW - timedelta(minutes=9)))
    assert decided(settled, truth("COMPLETED", PARTIAL)) == waits(1)
    long_ago = stored(DONE, confirmation="confirmed", settledAt=at(CREATED), confirmedAt=at(NOW - POLICY.lag))
    assert decided(long_ago, truth("COMPLETED", PARTIAL)).set["settledAt"] == at(NOW)


def test_a_doubted_outcome_is_asked_for_until_the_gateway_would_show_another() -> None:
    """A correction is learned from its webhook, which comes once."""
    doubted = at(NOW - POLICY.lag + timedelta(milliseconds=1))
    settled = stored(DONE, confirmation="confirmed", settledAt=at(CREATED), doubtedAt=doubted, checks=2)
    assert decided(settled, truth("COMPLETED", DONE)) == waits(5, 3)
    over = stored(DONE, confirmation="confirmed", settledAt=at(CREATED), doubtedAt=at(NOW - POLICY.lag))
    assert decided(over, truth("COMPLETED", DONE)) == Change(remove=ENDED)
    change = decided(stored(DONE, doubtedAt=doubted), truth("COMPLETED", DONE))
    assert change.counts
    assert change.set["settledAt"] == at(NOW)
    assert (change.set["nextCheckAt"], change.set["checks"]) == (at(NOW + timedelta(minutes=1)), 1)
    assert change.set["doubtedAt"] == doubted
    assert change.remove == {"error"}


def test_a_final_truth_that_contradicts_a_recent_final_report_settles_and_is_asked_again() -> None:
    """The report was forged, or it is a correction that this replica does not have yet."""
    reported = at(NOW - POLICY.lag + timedelta(milliseconds=1))
    change = decided(stored(PARTIAL, reportedAt=reported), truth("COMPLETED", DONE))
    assert (change.set["status"], change.set["settledAt"]) == (statuses.COMPLETED, at(NOW))
    assert change.set["doubtedAt"] == reported
    assert change.set["nextCheckAt"] == at(NOW + timedelta(minutes=1))
    later = at(NOW - timedelta(minutes=1))
    for shown in (stored(PARTIAL, doubtedAt=later), stored(PARTIAL, reportedAt=reported, doubtedAt=later)):
        assert decided(shown, truth("COMPLETED", DONE)).set["doubtedAt"] == later
    for known in (stored(PARTIAL, reportedAt=at(NOW - POLICY.lag)), stored(DONE, reportedAt=reported)):
        assert decided(known, truth("COMPLETED", DONE)).remove == ENDED | {"error"}


def test_what_was_reported_while_the_gateway_was_asked_is_not_decided_by_its_answer() -> None:
    """It may be older. What says the same may not."""
    since = at(NOW + timedelta(milliseconds=1))
    assert decided(stored(DONE, reportedAt=since, checks=5), truth("COMPLETED", PARTIAL)) == waits(1)
    assert decided(stored(DONE, reportedAt=since), truth("COMPLETED", DONE)).set["settledAt"] == at(NOW)


def test_an_order_at_error_may_turn_out_to_be_placed() -> None:
    """Not within the time that the Gateway may lag; after it, also where ERROR was confirmed."""
    recent = stored(UNKNOWN, reportedAt=at(NOW - timedelta(minutes=9)), checks=5)
    assert decided(recent, truth("PROCESSING", PLACED)) == waits(1)
    for confirmation in ("reported", "confirmed"):
        old = stored(UNKNOWN, confirmation=confirmation, confirmedAt=at(NOW - POLICY.lag))
        assert decided(old, truth("PROCESSING", PLACED)).set["status"] == statuses.PLACED


def test_an_open_truth_ahead_is_confirmed_and_asked_again_soon() -> None:
    """It moves on."""
    change = decided(stored(PLACED, checks=7, askedAt=at(CREATED)), truth("PROCESSING", FILLING))
    assert change.counts
    assert change.set["confirmation"] == "confirmed"
    assert change.set["nextCheckAt"] == at(NOW + timedelta(minutes=1))
    assert change.set["checks"] == 1
    assert change.remove == {"settledAt", "error"}
    assert "settledAt" not in change.set


def test_an_open_truth_behind_a_recent_report_may_lag() -> None:
    """It changes nothing and is pulled again in a minute, however often it was."""
    recent = stored(FILLING, reportedAt=at(NOW - POLICY.lag + timedelta(seconds=1)), checks=6)
    assert decided(recent, truth("PROCESSING", PLACED)) == waits(1)


def test_an_open_truth_behind_a_recent_confirmation_may_lag() -> None:
    """One replica may be ahead of another."""
    recent = stored(FILLING, reportedAt=None, confirmation="confirmed", confirmedAt=at(NOW - timedelta(minutes=9)))
    assert decided(recent, truth("PROCESSING", PLACED)) == waits(1)


def test_an_open_truth_behind_an_old_report_overrules_it() -> None:
    """Nobody lags that long: what was reported was forged."""
    old = stored(FILLING, reportedAt=at(NOW - POLICY.lag))
    change = decided(old, truth("PROCESSING", PLACED))
    assert change.counts
    assert change.set["confirmation"] == "confirmed"
    assert change.set["status"] == statuses.PLACED
    assert decided(stored(DONE), truth("PROCESSING", PLACED)).set["status"] == statuses.PLACED


@pytest.mark.parametrize("more", [{}, {"settledAt": at(CREATED)}])
def test_an_open_truth_never_goes_back_behind_what_was_confirmed(more: dict[str, Any]) -> None:
    """However long the replica lags."""
    confirmed = stored(DONE, confirmation="confirmed", confirmedAt=at(CREATED), checks=3, **more)
    assert decided(confirmed, truth("PROCESSING", PLACED)) == waits(10, 4)


def test_an_open_truth_of_equal_progress_overrules_another_content() -> None:
    """A forged batch that has come as far as the true one."""
    other = Batch.model_validate({"batchId": "b2", "orders": PLACED.as_sent()["orders"] * 2})
    change = decided(stored(other, reportedAt=at(NOW)), truth("PROCESSING", PLACED))
    assert change.set["batchId"] == "b1"


def test_an_open_truth_that_says_the_same_is_only_waited_for() -> None:
    """With CONFIRM=final, an open state that was reported stays reported."""
    assert decided(stored(PLACED, checks=2), truth("PROCESSING", PLACED)) == waits(5, 3)
    assert decided(stored(PLACED, confirmation="confirmed"), truth("PROCESSING", PLACED), Policy("every")) == waits(1)


def test_an_open_truth_that_says_the_same_confirms_where_every_update_is_confirmed() -> None:
    """CONFIRM=every."""
    change = decided(stored(PLACED), truth("PROCESSING", PLACED), Policy(confirm="every"))
    assert change.counts
    assert change.set["confirmation"] == "confirmed"


def test_a_batch_that_stands_at_error_asks_a_person_once() -> None:
    """Whether it was reported before or not."""
    change = decided(stored(PLACED), truth("COMPLETED", UNKNOWN))
    assert change.counts
    assert change.set["askedAt"] == at(NOW)
    again = decided(stored(UNKNOWN, confirmation="confirmed"), truth("COMPLETED", UNKNOWN))
    assert again.counts
    assert again.set == {"askedAt": at(NOW), **waits(1).set}
    asked = stored(UNKNOWN, confirmation="confirmed", askedAt=at(CREATED))
    assert decided(asked, truth("COMPLETED", UNKNOWN)) == waits(1)
    assert "askedAt" not in decided(stored(PLACED, askedAt=at(CREATED)), truth("COMPLETED", UNKNOWN)).set


# --- waiting


def test_the_gateways_own_word_is_kept_and_counts_as_no_change() -> None:
    """It is advisory."""
    change = decide(stored(), truth("PROCESSING"), NOW, POLICY, 0.5)
    assert change.set["gatewayStatus"] == "PROCESSING"
    assert not change.counts
    assert "gatewayStatus" not in decide(stored(gatewayStatus="USED"), truth("USED"), NOW, POLICY, 0.5).set


def test_checks_back_off_from_a_minute_to_a_day() -> None:
    """And never stop."""
    minutes = [backoff(checks, 0.5) / timedelta(minutes=1) for checks in range(13)]
    assert minutes == [1, 2, 5, 10, 20, 40, 60, 120, 240, 480, 1440, 1440, 1440]


def test_jitter_spreads_checks_by_a_fifth_either_way() -> None:
    """So that transactions made together are not asked for together."""
    assert backoff(0, 0.0) == timedelta(seconds=48)
    assert backoff(0, 1.0) == timedelta(seconds=72)


def test_a_sooner_check_that_somebody_scheduled_stands() -> None:
    """A question asked meanwhile is newer than this answer; one that is due already is answered by it."""
    sooner = at(NOW + timedelta(seconds=10))
    assert wait(stored(nextCheckAt=sooner), NOW, POLICY, 0.5).set["nextCheckAt"] == sooner
    for other in (NOW, NOW + timedelta(minutes=2)):
        change = wait(stored(nextCheckAt=at(other)), NOW, POLICY, 0.5)
        assert change.set["nextCheckAt"] == at(NOW + timedelta(minutes=1))


def test_what_stays_unknown_too_long_asks_a_person_once() -> None:
    """After three days; the checks go on."""
    old = stored(created=NOW - POLICY.ask_after - timedelta(seconds=1), checks=4)
    change = wait(old, NOW, POLICY, 0.5)
    assert change == Change({"askedAt": at(NOW), **waits(20, 5).set}, counts=True)
    assert wait(stored(created=NOW - POLICY.ask_after), NOW, POLICY, 0.5) == waits(1)
    assert wait(stored(created=CREATED - POLICY.ask_after, askedAt=at(NOW)), NOW, POLICY, 0.5) == waits(1)
    for name, value in (("settledAt", at(NOW)), ("status", statuses.FAILED)):
        over = stored(**{"created": CREATED - POLICY.ask_after, name: value})  # type: ignore[arg-type]  # no batch
        assert wait(over, NOW, POLICY, 0.5) == waits(1)


def test_the_module_says_its_defaults() -> None:
    """The settings that docs/guarantees.md names."""
    assert reconciliation.Policy() == Policy("final", timedelta(minutes=10), timedelta(minutes=12), timedelta(days=3))
