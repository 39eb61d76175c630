"""The calls of the SDK in the browser, row by row of docs/reference/gateway.md §6.3, and the allowed pages (§8)."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.simulator.harness import Rig, token
from tools.gateway_simulator.accounts import auth_id_for
from tools.gateway_simulator.wire import loads

KITE = auth_id_for("user=42", "kite")


class Sdk:
    """One session of the client's plane."""

    def __init__(self, rig: Rig, auth: str | None = None) -> None:
        self._rig = rig
        answer = rig.call("POST", "/gateway/demo-gw/initSession", {"sdkToken": auth or token()})
        assert answer.is_success, answer.text
        self.opened: dict[str, Any] = answer.json()["data"]

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"x-sc-gateway": "demo-gw", "x-sc-csrf": self.opened["csrf"]}
        return self._rig.call(method, f"/gateway/demo-gw/{path}", body, headers)

    def get(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.is_success, answer.text
        return loads(answer.content)["data"]


@pytest.mark.parametrize(
    ("gateway", "body", "status", "error"),
    [
        ("other", {"sdkToken": token()}, 404, "invalid gateway"),
        ("demo-gw", {"sdkToken": "a.b.c"}, 401, "Invalid JWT"),
        ("demo-gw", {"sdkToken": None}, 401, "Invalid JWT"),
        ("demo-gw", {}, 401, "Invalid JWT"),
        ("demo-gw", [], 401, "Invalid JWT"),
    ],
)
def test_a_session_needs_gateway_and_token(rig: Rig, gateway: str, body: Any, status: int, error: str) -> None:
    """§6.3: initSession {sdkToken}, with the texts that the SDK knows (§1.4)."""
    answer = rig.call("POST", f"/gateway/{gateway}/initSession", body)
    assert (answer.status_code, answer.json()["errors"]) == (status, [error])


def test_no_call_works_without_a_session(rig: Rig) -> None:
    """§6.3: x-sc-csrf of the session is needed."""
    answer = rig.call("GET", f"/gateway/demo-gw/transaction?transactionId={rig.create()}")
    assert (answer.status_code, answer.json()["errors"]) == (401, ["init_sdk"])


def test_a_guest_session_offers_the_brokers(rig: Rig) -> None:
    """§5: a guest chooses, a connected user's broker is known."""
    guest = Sdk(rig).opened
    assert (guest["connected"], guest["broker"], len(guest["brokers"])) == (False, None, 20)
    rig.trade()
    known = Sdk(rig, token(smallcaseAuthId=KITE)).opened
    assert (known["connected"], known["broker"]) == (True, "kite")


def test_the_sdk_reads_the_transaction_flat(rig: Rig) -> None:
    """§6.3: GET transaction gives data.status, data.expired, data.error, data.flags."""
    seen = Sdk(rig).get("GET", f"transaction?transactionId={rig.create()}")
    assert (seen["status"], seen["expired"], seen["error"]["value"]) == ("INITIALIZED", False, False)


def test_a_foreign_or_unknown_transaction_is_an_input_exception(rig: Rig) -> None:
    """§1.4, §5: errorType InputException, also for another user's transaction."""
    theirs = rig.create(auth=token(smallcaseAuthId="a" * 24))
    for session, transaction_id in ((Sdk(rig), "TRX_0"), (Sdk(rig, token(smallcaseAuthId=KITE)), theirs)):
        answer = session.ask("GET", f"transaction?transactionId={transaction_id}")
        assert (answer.status_code, answer.json()["errorType"]) == (400, "InputException")


@pytest.mark.parametrize(("stage", "code"), [("chooser", 1010), ("login", 1011), ("confirm", 1012)])
def test_the_sdk_marks_where_the_user_left(rig: Rig, stage: str, code: int) -> None:
    """§6.2, §6.3: markErrored with the code of the stage; without one the Gateway knows the stage itself."""
    for body in ({"status": "ERRORED", "errorCode": code, "errorMessage": "user_cancelled"}, {}):
        transaction_id, sdk = rig.create(), Sdk(rig)
        if stage != "chooser":
            sdk.get("POST", "transaction/update", {"transactionId": transaction_id, "broker": "kite"})
        if stage == "confirm":
            sdk.get("POST", "flow/login", {"transactionId": transaction_id, "broker": "kite"})
        sdk.get("POST", "transaction/markErrored", {"transactionId": transaction_id, **body})
        value = sdk.get("GET", f"flow/result?transactionId={transaction_id}")["value"]
        assert (value["message"], value["code"]) == ("user_cancelled", code)


@pytest.mark.parametrize(
    ("mode", "broker", "state"),
    [
        ("open", "kite", (True, False)),
        ("closed", "kite", (False, True)),
        ("closed", "fisdom", (False, False)),
    ],
)
def test_market_status_is_per_broker(
    make_rig: Callable[..., Rig], mode: str, broker: str, state: tuple[bool, bool]
) -> None:
    """§6.3, §7: marketOpen, amoActive, cancelAmoActive."""
    rig = make_rig(market=mode)
    seen = Sdk(rig).get("GET", f"market/checkStatus?broker={broker}")
    assert seen == {"broker": broker, "marketOpen": state[0], "amoActive": state[1], "cancelAmoActive": state[1]}


def test_broker_redirect_params_name_the_broker(rig: Rig) -> None:
    """§6.3: brokerRedirectParams."""
    assert Sdk(rig).get("GET", "brokerRedirectParams?broker=kite")["brokerName"] == "Zerodha"


def test_an_order_goes_through_the_client_plane(rig: Rig) -> None:
    """§6.3, §8: choose, log in, confirm with a changed quantity, and the SDK resolves."""
    transaction_id, sdk = rig.create(), Sdk(rig)
    about = {"transactionId": transaction_id}
    sdk.get("POST", "transaction/update", {**about, "broker": "kite"})
    sdk.get("POST", "flow/login", {**about, "broker": "kite", "client": "AB1234"})
    screen = sdk.get("GET", f"flow/screen?transactionId={transaction_id}")
    assert [row["ticker"] for row in screen["securities"]] == ["INFY", "M&M"]
    wanted = [{"ticker": "INFY", "type": "BUY", "quantity": 7, "orderType": "MARKET"}]
    sdk.get("POST", "flow/confirm", {**about, "securities": wanted})
    rig.advance(60)
    result = sdk.get("GET", f"flow/result?transactionId={transaction_id}")
    (order,) = result["value"]["orderBatches"][0]["orders"]
    assert (result["outcome"], order["quantity"], order["status"]) == ("resolve", 7, "COMPLETE")
    assert rig.truth(transaction_id)["smallcaseAuthId"] == auth_id_for("AB1234", "kite")


def test_the_session_decides_whose_account_it_must_be(rig: Rig) -> None:
    """§5: a session for a connected user admits no other account, even for a transaction made by a guest token."""
    rig.trade()
    transaction_id, sdk = rig.create(), Sdk(rig, token(smallcaseAuthId=KITE))
    seen = sdk.get("POST", "flow/login", {"transactionId": transaction_id, "broker": "kite", "client": "another"})
    assert (seen["status"], seen["error"]["code"]) == ("ERRORED", 1001)


@pytest.mark.parametrize(
    ("origins", "origin", "is_let_in"),
    [
        ([], "http://localhost:3000", True),
        ([], "http://127.0.0.1:9999", True),
        ([], "https://app.example.com", False),
        (["https://app.example.com"], "https://app.example.com", True),
        (["https://app.example.com"], "http://localhost:3000", False),
    ],
)
def test_page_origins_are_allow_listed(
    make_rig: Callable[..., Rig], origins: list[str], origin: str, is_let_in: bool
) -> None:
    """§8: an origin that is not on the list meets a CORS error; by default all of loopback is."""
    rig = make_rig(origins=origins)
    answer = rig.call("GET", "/scdk/2.0.0/scdk.js", headers={"origin": origin})
    assert (answer.headers.get("access-control-allow-origin") == origin) is is_let_in
