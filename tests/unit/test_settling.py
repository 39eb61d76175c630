"""Settling, row by row of the table in docs/guarantees.md: what a pulled truth changes, and when to ask again."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from sst import settling, statuses
from sst.batch import Batch
from sst.settling import Change, Policy, backoff, decide, wait
from sst.snapshot import Snapshot
from sst.times import timestamp_text
from sst.transaction import SNAPSHOT_ATTRIBUTES, Transaction, check_shard, encode_request, snapshot_attributes
from sst.truth import Truth

CREATED: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
EXPIRE: Final = CREATED + timedelta(minutes=15)
NOW: Final = CREATED + timedelta(hours=2)
POLICY: Final = Policy()
CHECKS: Final = frozenset({"nextCheckAt", "checkShard", "checks"})
ENDED: Final = CHECKS | {"doubtedAt"}


def batch(status: str, filled: int = 0, *more: dict[str, Any]) -> Batch:
    """A batch of one order of ten shares, and `more`."""
    order = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": status, "quantity": 10}
    return Batch.model_validate({"batchId": "b1", "orders": [{**order, "filledQuantity": filled}, *more]})


PLACED, FILLING, DONE = batch("PLACED"), batch("PLACED", 4), batch("COMPLETE", 10)
PARTIAL, UNKNOWN = batch("PARTIAL", 4), batch("ERROR")


def at(moment: datetime) -> str:
    """A stored time."""
    return timestamp_text(moment)


def stored(shown: Batch | None = None, **more: Any) -> Transaction:
    """A transaction that shows a batch, reported an hour ago unless said otherwise."""
    attributes: dict[str, Any] = {"status": statuses.CREATED, "version": 1}
    if shown is not None:
        attributes |= snapshot_attributes(Snapshot(shown, at(NOW - timedelta(hours=1))))
        attributes["snapshot_bytes"] = attributes.pop("snapshot")
        attributes |= {"confirmation": "reported", "reportedAt": at(NOW - timedelta(hours=1)), "version": 2}
    attributes |= more
    return Transaction(
        transactionId="TRX_1",
        notes="user=42",
        createdAt=at(attributes.pop("created", CREATED)),
        expireAt=at(EXPIRE),
        request=encode_request({}),
        **attributes,
    )


def truth(status: str, shown: Batch | None = None, **more: Any) -> Truth:
    """What the Gateway says now."""
    return Truth(**{"transaction_id": "TRX_1", "status": status, "pulled_at": NOW, "batch": shown, **more})


def decided(before: Transaction, said: Truth, policy: Policy = POLICY, now: datetime = NOW) -> Change:
    """The change, without the Gateway's own word for the transaction, jitter in the middle."""
    change = decide(before, said, now, policy, 0.5)
    assert change.set.get("gatewayStatus", before.gatewayStatus) == said.status
    return Change({k: v for k, v in change.set.items() if k != "gatewayStatus"}, change.remove, change.counts)


def waits(minutes: float, checks: int = 1) -> Change:
    """Nothing but a next check."""
    due = at(NOW + timedelta(minutes=minutes))
    return Change({"nextCheckAt": due, "checkShard": check_shard("TRX_1"), "checks": checks})


# --- with orders


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
    for known in (stored(PARTIAL, reportedAt=at(NOW - POLICY.lag)), stored(DONE, reportedAt=reported)):
        assert decided(known, truth("COMPLETED", DONE)).remove == ENDED | {"error"}


def test_what_was_reported_while_the_gateway_was_asked_is_not_decided_by_its_answer() -> None:
    """It may be older. What says the same may not."""
    since = at(NOW + timedelta(milliseconds=1))
    assert decided(stored(DONE, reportedAt=since), truth("COMPLETED", PARTIAL)) == waits(1)
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


# --- without orders


@pytest.mark.parametrize("status", ["PROCESSING", "ACTION_REQUIRED", "COMPLETED"])
def test_where_orders_may_exist_and_are_not_shown_we_wait(status: str) -> None:
    """Also long after expiry: AMO, an open limit order, an orders API that lags."""
    assert decided(stored(), truth(status)) == waits(1)
    assert decided(stored(), truth("USED", order_requested=True)) == waits(1)


@pytest.mark.parametrize("code", [2000, 4003, 4006])
def test_an_sdk_error_that_leaves_the_outcome_open_is_no_failure(code: int) -> None:
    """The order may still be placed."""
    assert decided(stored(), truth("ERRORED", error={"code": code, "message": None})) == waits(1)


@pytest.mark.parametrize("error", [{"code": 4007, "message": "order_timeout"}, {"code": None, "message": "brand_new"}])
def test_an_sdk_error_that_nobody_knows_is_no_failure(error: dict[str, Any]) -> None:
    """The set is open, and an order may have been placed."""
    assert decided(stored(), truth("ERRORED", error=error)) == waits(1)


def test_an_sdk_error_without_a_known_code_is_read_by_its_name() -> None:
    """Codes have changed before; names have not."""
    assert decided(stored(), truth("ERRORED", error={"code": None, "message": "order_pending"})) == waits(1)
    assert decided(stored(), truth("ERRORED", error={"code": None, "message": "user_cancelled"})).counts


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (truth("ERRORED", error={"code": 1012, "message": "user_cancelled"}), "errored"),
        (truth("USED", error={"code": 1012, "message": "user_cancelled"}), "errored"),
        (truth("ERRORED"), "errored"),
        (truth("CANCELLED"), "errored"),
        (truth("EXPIRED"), "expired"),
        (truth("INITIALIZED", expired=True), "expired"),
        (truth("INITIALIZED"), "expired"),
        (truth("USED"), "abandoned"),
        (truth("USED", expired=True), "abandoned"),
        (truth("INITIALIZED", expire_at=NOW - POLICY.expiry_grace - timedelta(seconds=1)), "expired"),
    ],
)
def test_what_will_have_no_orders_is_failed(said: Truth, reason: str) -> None:
    """Errored, expired (never begun) or abandoned (begun and left)."""
    change = decided(stored(), said)
    assert change.counts
    assert change.set["status"] == statuses.FAILED
    assert change.set["error"] == {"reason": reason, **(said.error or {})}
    assert (change.set["confirmation"], change.set["confirmedAt"]) == ("confirmed", at(NOW))
    assert change.remove == ENDED


def test_expiry_is_waited_for_longer_than_the_gateway_may_lag() -> None:
    """An order confirmed in the last second shows up to `lag` later."""
    assert POLICY.expiry_grace > POLICY.lag
    late = EXPIRE + POLICY.expiry_grace
    for said in (truth("USED", pulled_at=late), truth("USED", pulled_at=late, expired=True), truth("EXPIRED")):
        assert decided(stored(), said, now=late).set.keys() == CHECKS
    assert decided(stored(), truth("USED"), now=late + timedelta(milliseconds=1)).set["status"] == statuses.FAILED
    assert decided(stored(), truth("USED", expire_at=NOW)).set.keys() == CHECKS


def test_a_failure_said_again_changes_nothing() -> None:
    """Only its checks go."""
    assert decided(stored(status=statuses.FAILED), truth("EXPIRED")) == Change(remove=ENDED)


def test_a_denied_report_is_retracted_once_it_cannot_be_lag() -> None:
    """With the account that only it named."""
    shown = stored(PLACED, created=NOW - timedelta(minutes=20), smallcaseAuthId="forged")
    said = truth("USED", expire_at=NOW)
    change = decided(shown, said)
    assert change.counts
    assert change.set["status"] == statuses.CREATED
    assert (change.set["confirmation"], change.set["confirmedAt"]) == ("confirmed", at(NOW))
    assert change.set["nextCheckAt"] == at(NOW + timedelta(minutes=1))
    assert change.remove == {*SNAPSHOT_ATTRIBUTES, "settledAt", "smallcaseAuthId", "broker"}
    recent = stored(PLACED, reportedAt=at(NOW - timedelta(minutes=9)))
    assert decided(recent, said) == waits(1)
    asked_often = stored(PLACED, reportedAt=at(NOW - timedelta(minutes=9)), checks=5)
    assert decided(asked_often, said) == waits(1)


def test_a_report_of_another_batch_than_the_gateway_names_is_denied_too() -> None:
    """Though its own orders are not shown yet: a forged batch must not stand in their way."""
    said = truth("PROCESSING", batch_id="b2")
    change = decided(stored(PLACED), said)
    assert change.counts
    assert change.set["status"] == statuses.CREATED
    assert {"snapshot", "batchId"} <= change.remove
    assert decided(stored(PLACED, reportedAt=at(NOW - timedelta(minutes=9))), said) == waits(1)
    assert decided(stored(PLACED), truth("PROCESSING", batch_id="b1")) == waits(1)
    assert decided(stored(PLACED, confirmation="confirmed"), said) == waits(1)


def test_what_was_retracted_a_moment_ago_fails_as_soon_as_it_is_over() -> None:
    """Nothing is shown that could lag, and no order was ever confirmed."""
    retracted = stored(confirmation="confirmed", confirmedAt=at(NOW - timedelta(minutes=1)))
    assert decided(retracted, truth("EXPIRED")).set["status"] == statuses.FAILED


def test_a_denied_report_of_a_failed_transaction_fails_it_with_all_it_left() -> None:
    """Nothing of the forged report stays."""
    change = decided(stored(DONE, smallcaseAuthId="forged"), truth("EXPIRED"))
    assert change.set["status"] == statuses.FAILED
    assert change.remove == ENDED | {*SNAPSHOT_ATTRIBUTES, "settledAt", "smallcaseAuthId", "broker"}


def test_an_account_that_a_token_or_a_pull_has_shown_survives_a_denied_report() -> None:
    """It does not come from the report."""
    change = decided(stored(DONE, smallcaseAuthId="auth", account="linked"), truth("EXPIRED"))
    assert not {"smallcaseAuthId", "broker"} & change.remove


def test_orders_that_were_confirmed_and_are_gone_ask_a_person() -> None:
    """No rule can settle that; what is settled stays, and its version too."""
    confirmed = stored(PLACED, confirmation="confirmed", confirmedAt=at(CREATED))
    change = decided(confirmed, truth("EXPIRED"))
    assert change == Change({"askedAt": at(NOW), **waits(1).set}, counts=True)
    asked = stored(PLACED, confirmation="confirmed", confirmedAt=at(CREATED), askedAt=at(CREATED))
    assert decided(asked, truth("EXPIRED")) == waits(1)
    settled = stored(DONE, confirmation="confirmed", confirmedAt=at(CREATED), settledAt=at(CREATED))
    assert decided(settled, truth("EXPIRED")) == waits(1)


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
    assert settling.Policy() == Policy("final", timedelta(minutes=10), timedelta(minutes=12), timedelta(days=3))
