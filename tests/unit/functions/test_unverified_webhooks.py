"""Unverified input decides nothing and has a bounded cost: webhooks from a sender that once saw a genuine one."""

import json
from typing import Any

import pytest

from securities_transactions.storage.counters import MOST_WEBHOOKS
from tests.unit.functions.harness import KITE, Rig
from tests.unit.functions.scenarios import ASHA, batch, details, hook, order
from tests.unit.functions.test_reconcile import item, pulls, reconcile

GROWW = "0" * 24


def post(rig: Rig, body: dict[str, Any]) -> str:
    """The outcome of a webhook."""
    answer = rig.call("POST /webhooks/orders", body)
    assert answer.status == 200, answer.text
    return str(answer.body["status"])


def about(rig: Rig, transaction_id: str, **more: Any) -> dict[str, Any]:
    """A signed webhook about a transaction, its only order open."""
    orders = [order(status="PLACED", filledQuantity=0, averagePrice=0)]
    return dict(hook(rig, batch(transactionId=transaction_id, broker="kite", orders=orders, status="PLACED") | more))


def stored_webhooks(rig: Rig) -> int:
    """The number of stored webhooks."""
    return len(rig.tables["Webhooks"].items)


# --- the account


def test_reported_account_is_not_confirmed_with_the_orders_where_the_gateway_names_none(rig: Rig) -> None:
    transaction_id = rig.transaction()
    assert post(rig, about(rig, transaction_id, broker="forged")) == "accepted"
    assert (item(rig, transaction_id)["smallcaseAuthId"], item(rig, transaction_id)["broker"]) == (KITE, "forged")

    shown = details(transaction_id)
    del shown["smallcaseAuthId"], shown["success"]["broker"]
    rig.gateway.details[transaction_id] = shown
    rig.pass_time(601)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []

    assert "settledAt" in item(rig, transaction_id)
    assert not {"smallcaseAuthId", "broker", "account"} & item(rig, transaction_id).keys()


def test_reported_broker_neither_replaces_a_shown_one_nor_is_linked_with_the_account(rig: Rig) -> None:
    transaction_id = rig.transaction()
    assert post(rig, about(rig, transaction_id, broker="forged")) == "accepted"
    shown = details(transaction_id)
    del shown["success"]["broker"]
    rig.gateway.details[transaction_id] = shown
    rig.pass_time(601)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    assert item(rig, transaction_id)["account"] == "linked"
    assert "broker" not in item(rig, transaction_id)


def test_shown_broker_stays_under_a_later_report(rig: Rig) -> None:
    transaction_id = rig.transaction()
    rig.resolve(transaction_id)
    assert post(rig, about(rig, transaction_id, broker="forged")) == "accepted"
    assert item(rig, transaction_id)["broker"] == "kite"


def test_retraction_takes_the_forged_account_away_while_the_gateway_names_the_true_one(rig: Rig) -> None:
    transaction_id = rig.transaction()
    assert post(rig, hook(rig, batch(transactionId=transaction_id, broker="forged"), auth_id=GROWW)) == "accepted"
    rig.gateway.details[transaction_id] = {
        "transactionId": transaction_id, "status": "USED", "smallcaseAuthId": KITE
    }  # fmt: skip
    rig.pass_time(601)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    after = item(rig, transaction_id)
    assert (after["status"], after["smallcaseAuthId"], after["account"]) == ("CREATED", KITE, "linked")
    assert "broker" not in after


# --- other kinds


@pytest.mark.parametrize(
    ("notes", "linked", "named"), [(ASHA, True, True), ("another user", True, False), (ASHA, False, False)]
)
def test_notes_of_another_kind_are_kept_where_the_account_is_that_users(
    rig: Rig, notes: str, linked: bool, named: bool
) -> None:
    """The checksum covers the account and not the notes."""
    if linked:
        rig.link(KITE, user=ASHA)
    assert post(rig, hook(rig, {"securities": [], "notes": notes})) == "stored"
    (stored,) = rig.tables["Webhooks"].items.values()
    assert ("notes" in stored) is named


# --- bounds


def test_one_proof_stores_a_bounded_number_of_webhooks_and_another_is_free(rig: Rig) -> None:
    """Every body differs; what is too much still requests a pull, once."""
    transaction_id = rig.transaction()
    proof = {name: about(rig, transaction_id)[name] for name in ("timestamp", "checksum", "smallcaseAuthId")}
    rig.pass_time(3600)  # so that each is suspicious
    outcomes = [post(rig, about(rig, transaction_id, quantity=count) | proof) for count in range(MOST_WEBHOOKS + 5)]
    assert outcomes == ["stored"] * MOST_WEBHOOKS + ["dropped"] * 5
    assert stored_webhooks(rig) == MOST_WEBHOOKS
    assert item(rig, transaction_id)["suspectedAt"] == item(rig, transaction_id)["pullRequestedAt"]
    assert post(rig, about(rig, transaction_id, notes="another user")) == "stored"


def test_next_day_counts_from_zero(rig: Rig) -> None:
    transaction_id = rig.transaction()
    proof = {name: about(rig, transaction_id)[name] for name in ("timestamp", "checksum", "smallcaseAuthId")}
    rig.pass_time(3600)
    for count in range(MOST_WEBHOOKS + 1):
        post(rig, about(rig, transaction_id, quantity=count) | proof)
    rig.pass_time(24 * 3600)
    assert post(rig, about(rig, transaction_id, quantity=1000) | proof) == "stored"


def test_suspicions_that_follow_one_another_hold_no_failure_off(rig: Rig) -> None:
    """One every nine minutes, each within what the Gateway's API may lag."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "EXPIRED"}
    rig.pass_time(3600)
    suspicion = json.dumps({"transactionId": transaction_id, "suspicious": True})
    for _ in range(3):
        assert reconcile(rig, suspicion) == []
        rig.pass_time(9 * 60)
    assert item(rig, transaction_id)["status"] == "FAILED"


def test_suspicious_webhook_that_comes_again_requests_another_pull(rig: Rig) -> None:
    """The Gateway repeats it after a quarter of an hour: the first pull cannot have answered that finally."""
    transaction_id = rig.transaction()
    body = about(rig, transaction_id, notes="another user")
    assert post(rig, body) == "stored"
    assert post(rig, body) == "duplicate"
    rig.pass_time(15 * 60)
    assert post(rig, body) == "stored"
    (stored,) = rig.tables["Webhooks"].items.values()
    assert stored["receivedAt"]["S"] > item(rig, transaction_id)["createdAt"]


# --- the first look


def test_first_open_report_requests_one_pull_and_the_next_does_not(rig: Rig) -> None:
    """It links the account; a webhook alone does not."""
    transaction_id = rig.transaction()
    assert "pullRequestedAt" not in item(rig, transaction_id)
    assert post(rig, about(rig, transaction_id)) == "accepted"
    first = item(rig, transaction_id)["pullRequestedAt"]
    rig.pass_time(60)
    further = order(status="PLACED", filledQuantity=1, averagePrice=100)
    assert post(rig, about(rig, transaction_id, orders=[further])) == "accepted"
    assert item(rig, transaction_id)["pullRequestedAt"] == first


def test_check_after_the_first_look_is_due_in_about_a_minute(rig: Rig) -> None:
    transaction_id = rig.transaction()
    assert post(rig, about(rig, transaction_id)) == "accepted"
    rig.gateway.details[transaction_id] = {
        "transactionId": transaction_id, "status": "PROCESSING", "smallcaseAuthId": KITE
    }  # fmt: skip
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    assert pulls(rig) == 2
    after = item(rig, transaction_id)
    assert after["account"] == "linked"
    assert "2026-01-15T04:00:30" < after["nextCheckAt"] < "2026-01-15T04:02:00"
