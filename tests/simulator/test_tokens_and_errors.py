"""Tokens, the SDK's errors and its decisions, row by row of docs/reference/gateway.md §5, §6.2 and §6.3."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.simulator.harness import GATEWAY_SECRET, Rig, order, token
from tools.gateway_simulator.accounts import auth_id_for

PATH = "/gateway/demo-gw/transaction"
KITE = auth_id_for("user=42", "kite")
NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        pytest.param({"guest": True}, True, id="guest"),
        pytest.param({"guest": True, "iat": NOW, "exp": NOW + 86_400}, True, id="guest that expires"),
        pytest.param({"smallcaseAuthId": KITE}, True, id="connected, without exp"),
        pytest.param({"smallcaseAuthId": KITE, "exp": NOW + 86_400}, True, id="connected"),
        pytest.param({"guest": True, "exp": NOW - 86_400}, False, id="expired"),
        pytest.param({"guest": False}, False, id="no guest"),
        pytest.param({"sub": "user"}, False, id="neither"),
        pytest.param({"smallcaseAuthId": ""}, False, id="no auth id"),
        pytest.param({"smallcaseAuthId": KITE, "guest": True}, False, id="both"),
        pytest.param({"smallcaseAuthId": 42}, False, id="auth id not a text"),
    ],
)
def test_which_claims_count(rig: Rig, claims: dict[str, Any], is_good: bool) -> None:
    """§5: a guest or one account; exp is optional, and past ones are refused."""
    answer = rig.server("POST", PATH, order(), auth=token(**claims))
    assert (answer.status_code == 200) is is_good


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_only_hs256_counts(rig: Rig, algorithm: str) -> None:
    """§5: HS256 with the gateway secret, no other algorithm."""
    key = "" if algorithm == "none" else GATEWAY_SECRET * 2
    answer = rig.server("POST", PATH, order(), auth=jwt.encode({"guest": True}, key, algorithm=algorithm))
    assert (answer.status_code, answer.json()["errors"]) == (401, ["Invalid JWT"])


def test_tokens_of_unknown_accounts_can_be_refused(make_rig: Callable[..., Rig]) -> None:
    """§5: with adoptAccounts off, a connected token counts only for an account this Gateway has seen."""
    rig = make_rig(adopt_accounts=False)
    assert rig.server("POST", PATH, order(), auth=token(smallcaseAuthId=KITE)).status_code == 401
    rig.trade()
    assert rig.server("POST", PATH, order(), auth=token(smallcaseAuthId=KITE)).status_code == 200


def test_the_sdk_hands_out_a_connected_token(rig: Rig) -> None:
    """§5: payload smallcaseAuthId, iat, exp an hour later, verifiable with the gateway secret."""
    value = rig.sdk(rig.trade())["value"]
    claims = jwt.decode(value["smallcaseAuthToken"], GATEWAY_SECRET, algorithms=["HS256"])
    assert claims.keys() == {"smallcaseAuthId", "iat", "exp"}
    assert (claims["smallcaseAuthId"], claims["exp"] - claims["iat"]) == (KITE, 3600)


def test_one_user_and_broker_account_is_one_auth_id(rig: Rig) -> None:
    """§5: the same account again gives the same id, another broker or client another one."""

    def auth_id(broker: str, **who: str) -> str:
        transaction_id = rig.create()
        return str(rig.login(transaction_id, broker, **who)["smallcaseAuthId"])

    assert auth_id("kite") == auth_id("kite")
    assert len({auth_id("kite"), auth_id("groww"), auth_id("kite", client="other")}) == 3


@pytest.mark.parametrize(
    ("broker", "who"),
    [("kite", {"client": "someone else"}), ("groww", {}), ("kite", {"smallcaseAuthId": "f" * 24})],
)
def test_another_account_than_the_connected_one_is_a_mismatch(rig: Rig, broker: str, who: dict[str, str]) -> None:
    """§5, §6.2: user_mismatch 1001 when a connected user logs in with another account or broker."""
    rig.trade()
    transaction_id = rig.create(auth=token(smallcaseAuthId=KITE))
    assert rig.login(transaction_id, broker, **who)["status"] == "ERRORED"
    assert _rejection(rig, transaction_id) == ("user_mismatch", 1001)


def test_a_returning_user_continues_with_the_linked_account(rig: Rig) -> None:
    """§5: a connected token needs no further word on who logs in."""
    rig.trade()
    transaction_id = rig.create(auth=token(smallcaseAuthId=KITE), notes="another reference")
    truth = rig.login(transaction_id)
    assert (truth["status"], truth["smallcaseAuthId"]) == ("USED", KITE)


def test_the_sdk_resolves_with_the_documented_value(rig: Rig) -> None:
    """§8: transactionId, smallcaseAuthToken, broker, notes, and one batch without the webhook's keys."""
    transaction_id = rig.trade()
    result = rig.sdk(transaction_id)
    value = result["value"]
    assert (result["outcome"], value["success"], value["transactionId"]) == ("resolve", True, transaction_id)
    assert (value["broker"], value["notes"]) == ("kite", "user=42")
    assert value["orderBatches"] == [rig.truth(transaction_id)["batch"]]


@pytest.mark.parametrize(
    ("stage", "code", "message"),
    [("chooser", 1010, "user_cancelled"), ("login", 1012, "user_cancelled")],
)
def test_leaving_is_reported_by_its_stage(rig: Rig, stage: str, code: int, message: str) -> None:
    """§6.2: 1010 at the chooser, 1012 between login and confirming (1011 comes by the client's plane)."""
    transaction_id = rig.create()
    if stage == "login":
        rig.login(transaction_id)
    rig.sim("POST", f"/transactions/{transaction_id}/close")
    assert _rejection(rig, transaction_id) == (message, code)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1003, "consent_denied"),
        (1006, "no_broker"),
        (1007, "no_broker"),
        (1008, "no_broker"),
        (2000, "internal_error"),
        (3000, "intent_not_enabled_for_broker"),
        (4003, "timed_out"),
    ],
)
def test_every_other_code_can_be_brought_about(rig: Rig, code: int, message: str) -> None:
    """§6.2: the flow can end with each code that the SDK knows."""
    transaction_id = rig.create()
    rig.sim("POST", f"/transactions/{transaction_id}/close", {"code": code})
    assert _rejection(rig, transaction_id) == (message, code)
    error = rig.details(transaction_id)["transactionDetails"]["error"]
    assert error == {"value": True, "message": message, "code": code}


def test_market_closed_without_amo(make_rig: Callable[..., Rig]) -> None:
    """§6.2, §7: 4004 where the market is closed and the page did not enable AMO."""
    rig = make_rig(market="closed")
    transaction_id = rig.create()
    rig.login(transaction_id)
    assert rig.confirm(transaction_id)["status"] == "ERRORED"
    assert _rejection(rig, transaction_id) == ("market_closed", 4004)


def test_expiry_is_1005_for_the_sdk(rig: Rig) -> None:
    """§6.3: expired rejects with 1005."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.advance(3600)
    assert _rejection(rig, transaction_id) == ("transaction_expired", 1005)


def test_the_sdk_resolves_while_the_order_is_only_placed(rig: Rig) -> None:
    """§6.3: PROCESSING resolves; the batch may be no more than PLACED."""
    value = rig.sdk(rig.trade("open"))["value"]
    assert value["orderBatches"][0]["status"] == "PLACED"


def test_an_untouched_transaction_rejects_with_1011(rig: Rig) -> None:
    """§6.3: INITIALIZED."""
    assert _rejection(rig, rig.create()) == ("user_cancelled", 1011)


def test_a_login_without_confirming_rejects_with_1012(rig: Rig) -> None:
    """§6.3: USED, not requested."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    assert _rejection(rig, transaction_id) == ("user_cancelled", 1012)


def test_order_pending_may_still_be_placed(rig: Rig) -> None:
    """§6.2, §6.3, §14: 15 polls of 2 s, then 4006, then the order completes all the same."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.confirm(transaction_id, scenario="slow")
    rig.advance(30)
    assert rig.sdk(transaction_id, polling="true") == {"outcome": "poll", "value": None}
    assert _rejection(rig, transaction_id) == ("order_pending", 4006)
    assert rig.received == []
    rig.advance(30)
    assert rig.statuses()[-1] == "COMPLETED"


def test_closing_after_confirming_does_not_stop_the_order(rig: Rig) -> None:
    """§2.2: once requested, the window may be closed."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.confirm(transaction_id)
    rig.sim("POST", f"/transactions/{transaction_id}/close")
    rig.advance(60)
    assert rig.truth(transaction_id)["status"] == "COMPLETED"


def _rejection(rig: Rig, transaction_id: str) -> tuple[str, int]:
    result = rig.sdk(transaction_id)
    assert result["outcome"] == "reject"
    value = result["value"]
    assert value["errorCode"] == value["code"]
    return value["message"], value["code"]
