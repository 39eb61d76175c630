"""Requests as public back ends send them, with nothing but the base URL changed, and their ways to read the answers."""

from typing import Any

import pytest

from tests.simulator.harness import API_SECRET, Rig, token

# How public integrations find what they need in the answer about a transaction: at one of the two nestings (§2.3).
NESTINGS = {
    "data": lambda answer: answer["data"],
    "transactionDetails": lambda answer: answer["data"]["transactionDetails"],
}


def headers(auth: str) -> dict[str, str]:
    """The headers that they send with every call; some with a content type where there is no content."""
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "x-gateway-secret": API_SECRET,
        "x-gateway-authtoken": auth,
    }


@pytest.mark.parametrize("nesting", NESTINGS)
def test_order_of_a_public_back_end_is_read_in_each_nesting(nesting: str) -> None:
    """§1.2, §2.3, §3: create, the user confirms, details, then orders with the transaction's id."""
    with Rig(details_nesting=nesting, details_auth_id="smallcaseAuthId") as rig:
        order = {"type": "SECURITIES", "securities": [{"ticker": "INFY", "quantity": 2, "type": "BUY"}]}
        body = {"intent": "TRANSACTION", "orderConfig": order}
        created = rig.call("POST", "/gateway/demo-gw/transaction", body, headers(token()))
        transaction_id = created.json()["data"]["transactionId"]
        rig.sim("POST", f"/transactions/{transaction_id}/login", {"broker": "kite"})
        rig.sim("POST", f"/transactions/{transaction_id}/confirm", {"scenario": "complete", "paused": True})
        rig.sim("POST", f"/transactions/{transaction_id}/finish")
        path = f"/v1/demo-gw/engine/transactiondetails?transactionId={transaction_id}"
        details: Any = NESTINGS[nesting](rig.call("GET", path, headers=headers(token())).json())
        assert details["status"] == "COMPLETED"
        path = f"/v1/demo-gw/engine/orders/sst?transactionId={transaction_id}"
        mine = headers(token(smallcaseAuthId=details["smallcaseAuthId"]))
        (row,) = rig.call("GET", path, headers=mine).json()["data"]["orderBatches"]
        assert [(each["tradingsymbol"], each["status"]) for each in row["orders"]] == [("INFY", "COMPLETE")]


@pytest.mark.parametrize("path", ["/v1/demo-gw/engine/user/holdings", "/gateway/demo-gw/user/holdings"])
def test_holdings_are_those_of_the_account(path: str) -> None:
    """§4.4: in the form of a holdings import, with what is known here and nothing made up."""
    with Rig() as rig:
        auth_id = "65a1b2c3d4e5f60718293a4b"
        rig.sim("PUT", f"/books/{auth_id}", {"broker": "kite", "holdings": {"INFY": 7, "TCS": 0}})
        answer = rig.call("GET", path, headers=headers(token(smallcaseAuthId=auth_id)))
        data = answer.json()["data"]
        assert data["securities"] == {"holdings": [{"ticker": "INFY", "shares": 7}]}
        assert data["smallcases"] == {"public": [], "private": {"stats": {}}}
        other = rig.call("GET", path, headers=headers(token(smallcaseAuthId="65a1b2c3d4e5f60718293a4c")))
        assert other.json()["data"]["securities"] == {"holdings": []}


def test_no_account_is_invested_in_the_vendors_baskets() -> None:
    """§4.4: there are none here."""
    with Rig() as rig:
        auth = token(smallcaseAuthId="65a1b2c3d4e5f60718293a4b")
        answer = rig.call("GET", "/v1/demo-gw/engine/user/investments", headers=headers(auth))
        assert (answer.status_code, answer.json()["data"]) == (200, [])


@pytest.mark.parametrize("path", ["/engine/user/holdings", "/engine/user/investments"])
def test_guest_has_no_holdings(path: str) -> None:
    """§5: a guest's token names no account."""
    with Rig() as rig:
        answer = rig.call("GET", f"/v1/demo-gw{path}", headers=headers(token()))
        assert (answer.status_code, answer.json()["success"]) == (401, False)


def test_holdings_fail_on_demand() -> None:
    """§1.4: faults are there as for the other calls."""
    with Rig() as rig:
        rig.sim("PUT", "/faults", {"holdings": {"kind": "status", "status": 503}})
        auth = token(smallcaseAuthId="65a1b2c3d4e5f60718293a4b")
        assert rig.call("GET", "/v1/demo-gw/engine/user/holdings", headers=headers(auth)).status_code == 503
