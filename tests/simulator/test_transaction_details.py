"""The life of a transaction and its details, row by row of docs/reference/gateway.md §2."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.simulator.harness import GATEWAY_SECRET, Rig, token


def test_a_fresh_transaction_reads_initialized(rig: Rig) -> None:
    """§2.2, §2.3: INITIALIZED, not expired, no error, nothing requested, no account."""
    transaction_id = rig.create(config={"orderName": "Demo basket", "orderLogo": "https://cdn.example.test/b.png"})
    seen = rig.details(transaction_id)["transactionDetails"]
    assert (seen["transactionId"], seen["gateway"], seen["intent"]) == (transaction_id, "demo-gw", "TRANSACTION")
    assert (seen["status"], seen["expired"], seen["flags"]) == ("INITIALIZED", False, {"isOrderRequested": False})
    assert seen["error"] == {"value": False, "message": None, "code": None}
    assert seen["config"]["orderName"] == "Demo basket"
    assert seen["orderConfig"]["type"] == "SECURITIES"
    assert seen["success"] is None
    assert "authId" not in seen


def test_the_statuses_follow_the_documented_life(rig: Rig) -> None:
    """§2.2: INITIALIZED → USED → order requested → PROCESSING → COMPLETED."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    seen = rig.details(transaction_id)["transactionDetails"]
    assert (seen["status"], seen["success"]["broker"]) == ("USED", "kite")
    rig.confirm(transaction_id, paused=True)
    seen = rig.details(transaction_id)["transactionDetails"]
    assert (seen["status"], seen["flags"]) == ("USED", {"isOrderRequested": True})
    rig.sim("POST", f"/transactions/{transaction_id}/advance")
    assert rig.details(transaction_id)["transactionDetails"]["status"] == "PROCESSING"
    while rig.sim("POST", f"/transactions/{transaction_id}/advance")["more"]:
        assert rig.details(transaction_id)["transactionDetails"]["status"] == "PROCESSING"
    assert rig.details(transaction_id)["transactionDetails"]["status"] == "COMPLETED"


@pytest.mark.parametrize("scenario", ["rejected", "unplaced", "amo_cancelled"])
def test_completed_is_not_success(rig: Rig, scenario: str) -> None:
    """§2.2: COMPLETED says that the news is final, even where nothing was bought."""
    transaction_id = rig.trade(scenario)
    assert rig.details(transaction_id)["transactionDetails"]["status"] == "COMPLETED"


def test_an_open_order_stays_processing(rig: Rig) -> None:
    """§2.2: AMO and open limit orders are PROCESSING."""
    assert rig.details(rig.trade("open"))["transactionDetails"]["status"] == "PROCESSING"


def test_details_carry_what_links_the_account(rig: Rig) -> None:
    """§2.3: a connected token, broker, signup, notes, the batch's id, and the auth id."""
    transaction_id = rig.trade()
    seen = rig.details(transaction_id)["transactionDetails"]
    success, truth = seen["success"], rig.truth(transaction_id)
    claims = jwt.decode(success["smallcaseAuthToken"], GATEWAY_SECRET, algorithms=["HS256"])
    assert claims["smallcaseAuthId"] == seen["authId"] == truth["smallcaseAuthId"]
    assert (success["broker"], success["notes"], success["transactionId"]) == ("kite", "user=42", transaction_id)
    assert success["data"]["batches"] == [{"batchId": truth["batch"]["batchId"], "status": "COMPLETED"}]


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        pytest.param({}, lambda data: data["transactionDetails"]["authId"], id="nested, authId"),
        pytest.param({"details_nesting": "data"}, lambda data: data["authId"], id="flat, authId"),
        pytest.param(
            {"details_auth_id": "smallcaseAuthId"},
            lambda data: data["transactionDetails"]["smallcaseAuthId"],
            id="nested, smallcaseAuthId",
        ),
    ],
)
def test_nesting_and_the_auth_ids_key_are_settings(
    make_rig: Callable[..., Rig], settings: dict[str, Any], place: Callable[[Any], str]
) -> None:
    """§2.3: the sources contradict each other, so both nestings and both names can be had."""
    rig = make_rig(**settings)
    transaction_id = rig.trade()
    assert place(rig.details(transaction_id)) == rig.truth(transaction_id)["smallcaseAuthId"]


def test_the_auth_id_may_stand_in_the_token_alone(make_rig: Callable[..., Rig]) -> None:
    """§2.3: where neither key is there, the token's claim is all there is."""
    rig = make_rig(details_auth_id="token")
    seen = rig.details(rig.trade())["transactionDetails"]
    assert not {"authId", "smallcaseAuthId"} & seen.keys()
    assert "smallcaseAuthToken" in seen["success"]


def test_details_may_carry_whole_batches(make_rig: Callable[..., Rig]) -> None:
    """§2.3: how much of a batch details show is open, so it is a setting."""
    rig = make_rig(details_batches="full")
    batches = rig.details(rig.trade())["transactionDetails"]["success"]["data"]["batches"]
    assert [order["status"] for order in batches[0]["orders"]] == ["COMPLETE", "COMPLETE"]


def test_an_unknown_id_is_an_input_exception(rig: Rig) -> None:
    """§1.4: errorType InputException stands for a bad transaction id."""
    answer = rig.server("GET", "/v1/demo-gw/engine/transactiondetails?transactionId=TRX_0")
    assert (answer.status_code, answer.json()["errorType"]) == (400, "InputException")


def test_a_connected_token_sees_only_its_own_transactions(rig: Rig) -> None:
    """§2.3: with a connected token the id must be that user's."""
    transaction_id = rig.trade()
    mine = rig.truth(transaction_id)["smallcaseAuthId"]
    path = f"/v1/demo-gw/engine/transactiondetails?transactionId={transaction_id}"
    assert rig.server("GET", path, auth=token(smallcaseAuthId=mine)).status_code == 200
    assert rig.server("GET", path, auth=token(smallcaseAuthId="f" * 24)).status_code == 403


def test_an_id_expires_and_the_status_follows_at_the_days_end(rig: Rig) -> None:
    """§2.1: `expired` is true after 15 minutes; the status reads INITIALIZED until the end-of-day job."""
    transaction_id = rig.create()
    rig.advance(15 * 60 - 1)
    assert rig.details(transaction_id)["transactionDetails"]["expired"] is False
    rig.advance(2)
    seen = rig.details(transaction_id)["transactionDetails"]
    assert (seen["expired"], seen["status"]) == (True, "INITIALIZED")
    rig.advance(24 * 3600)
    assert rig.details(transaction_id)["transactionDetails"]["status"] == "EXPIRED"


@pytest.mark.parametrize(("intent", "minutes"), [("TRANSACTION", 15), ("CONNECT", 5), ("HOLDINGS_IMPORT", 5)])
def test_each_intent_has_its_lifetime(rig: Rig, intent: str, minutes: int) -> None:
    """§2.1: 15 minutes for orders, 5 for the rest."""
    transaction_id = rig.create(intent=intent)
    rig.advance(minutes * 60 - 1)
    assert not rig.truth(transaction_id)["expired"]
    rig.advance(2)
    assert rig.truth(transaction_id)["expired"]


def test_the_lifetime_is_a_setting(make_rig: Callable[..., Rig]) -> None:
    """§2.1, §14: older pages say five minutes."""
    rig = make_rig(expiry_seconds=300)
    transaction_id = rig.create()
    rig.advance(301)
    assert rig.truth(transaction_id)["expired"]


def test_a_confirmed_order_does_not_expire(rig: Rig) -> None:
    """§2.1: the id's lifetime ends with the flow, not with the order."""
    transaction_id = rig.trade("open")
    rig.advance(3600)
    assert rig.truth(transaction_id)["expired"] is False


@pytest.mark.parametrize("prepare", ["expired", "errored", "completed", "processing"])
def test_an_id_works_once(rig: Rig, prepare: str) -> None:
    """§2.1: single use; neither an expired nor a used id can be triggered."""
    if prepare == "completed":
        transaction_id = rig.trade()
    elif prepare == "processing":
        transaction_id = rig.trade("open")
    else:
        transaction_id = rig.create()
        if prepare == "expired":
            rig.advance(3600)
        else:
            rig.sim("POST", f"/transactions/{transaction_id}/close")
    answer = rig.call("POST", f"/_sim/transactions/{transaction_id}/login", {"broker": "kite"})
    assert answer.status_code == 409


def test_an_errored_transaction_keeps_who_logged_in(rig: Rig) -> None:
    """§2.3: on ERRORED, success may still hold the token and the broker."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.sim("POST", f"/transactions/{transaction_id}/close")
    seen = rig.details(transaction_id)["transactionDetails"]
    assert (seen["status"], seen["error"]["code"]) == ("ERRORED", 1012)
    assert seen["success"]["smallcaseAuthToken"]


def test_details_may_lag_behind_the_webhook(rig: Rig) -> None:
    """§14: for a while the pull shows the past."""
    rig.faults(detailsLagSeconds=30)
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.confirm(transaction_id)
    rig.advance(20)
    assert rig.statuses()[-1] == "COMPLETED"
    assert rig.details(transaction_id)["transactionDetails"]["status"] == "INITIALIZED"
    rig.advance(30)
    assert rig.details(transaction_id)["transactionDetails"]["status"] == "COMPLETED"
