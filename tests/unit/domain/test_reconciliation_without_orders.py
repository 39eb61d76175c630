"""Settling, row by row of the table in docs/guarantees.md: what follows where the Gateway shows no orders."""

from datetime import timedelta
from typing import Any

import pytest

from securities_transactions.domain import statuses
from securities_transactions.domain.gateway_state import Truth
from securities_transactions.domain.reconciliation import Change
from securities_transactions.domain.transaction import SNAPSHOT_ATTRIBUTES
from tests.unit.factories import (
    CHECKS,
    CREATED,
    DONE,
    ENDED,
    EXPIRE,
    NOW,
    PLACED,
    POLICY,
    at,
    decided,
    stored,
    truth,
    waits,
)


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
        (truth("USED", error={"code": 1012, "message": None}), "errored"),
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


def test_no_transaction_fails_while_a_doubt_about_it_may_not_show_yet() -> None:
    """Nor do the checks of one that has failed end: it may trade after all."""
    doubted = at(NOW - POLICY.lag + timedelta(milliseconds=1))
    said = truth("ERRORED", error={"code": 1010, "message": "user_cancelled"})
    for status in (statuses.CREATED, statuses.FAILED):
        assert decided(stored(doubtedAt=doubted, status=status), said) == waits(1)
    assert decided(stored(doubtedAt=at(NOW - POLICY.lag)), said).set["status"] == statuses.FAILED


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
