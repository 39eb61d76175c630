"""POST …/sdk-response: every shape ends in the same state, a report decides nothing, and nothing is relinked."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from securities_transactions.domain import sdk_errors
from securities_transactions.domain.secrets import GatewaySecret
from securities_transactions.gateway import tokens
from tests.unit.functions.harness import GATEWAY_SECRET, GROWW, KITE, OTHER, USER, Answered, Rig
from tests.unit.functions.scenarios import batch, details

ROUTE = "POST /transactions/{transactionId}/sdk-response"


def post(rig: Rig, transaction_id: str, **said: Any) -> Answered:
    """Post as the app does."""
    return rig.call(ROUTE, said, path={"transactionId": transaction_id})


def value(rig: Rig, transaction_id: str, auth_id: str = KITE, **more: Any) -> dict[str, Any]:
    """The value that the SDK resolves with on the web."""
    token = tokens.mint_connected(GatewaySecret(GATEWAY_SECRET), auth_id, rig.world.clock())
    return {"success": True, "transactionId": transaction_id, "smallcaseAuthToken": token, "broker": "kite", **more}


def item(rig: Rig, transaction_id: str) -> dict[str, Any]:
    """The stored transaction."""
    return dict(rig.tables["Transactions"].items[(transaction_id,)])


def accounts(rig: Rig, user: str = USER) -> list[str]:
    """The accounts that a user has."""
    listed = rig.call("GET /accounts", user=user).body["items"]
    return [each["smallcaseAuthId"] for each in listed]


SDKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "web": lambda value: value,
    "React Native": lambda value: {"data": json.dumps(value), "success": True, "transaction": "TRANSACTION"},
    "Flutter": json.dumps,
}


def test_app_report_settles_nothing_even_if_webhooks_are_trusted(rig: Rig) -> None:
    """Confirm=none is about the checksum of webhooks; an app has none."""
    rig.restart(CONFIRM="none")
    transaction_id = rig.transaction()
    shown = post(rig, transaction_id, resolved=value(rig, transaction_id, orderBatches=[batch()])).body
    assert (shown["status"], shown["confirmation"], shown["settled"]) == ("COMPLETED", "reported", False)
    assert "pullRequestedAt" in item(rig, transaction_id)


@pytest.mark.parametrize("sdk", SDKS)
def test_every_sdk_response_links_reports_and_requests_a_pull(rig: Rig, sdk: str) -> None:
    """Reported, even where every order is final: the app is not the Gateway."""
    transaction_id = rig.transaction()
    answer = post(rig, transaction_id, resolved=SDKS[sdk](value(rig, transaction_id, orderBatches=[batch()])))

    assert answer.status == 202
    shown = answer.body
    assert (shown["status"], shown["confirmation"], shown["settled"]) == ("COMPLETED", "reported", False)
    assert (shown["account"], shown["smallcaseAuthId"], shown["broker"]) == ("linked", KITE, "kite")
    assert shown["buyAmount"] == 300.15
    assert item(rig, transaction_id)["pullRequestedAt"]["S"] == "2026-01-15T04:00:00.000Z"
    assert accounts(rig) == [KITE]


@pytest.mark.parametrize("batches", [None, [], [{"batchId": "b1", "orders": []}]])
def test_resolve_without_orders_links_the_account_and_requests_a_pull(rig: Rig, batches: Any) -> None:
    transaction_id = rig.transaction()
    answer = post(rig, transaction_id, resolved=value(rig, transaction_id, orderBatches=batches))

    assert (answer.status, answer.body["status"], answer.body["account"]) == (202, "CREATED", "linked")
    assert "pullRequestedAt" in item(rig, transaction_id)


def test_the_same_response_again_is_no_news(rig: Rig) -> None:
    """Apps try again: no version more, and so no event more."""
    transaction_id = rig.transaction()
    said = value(rig, transaction_id, orderBatches=[batch()])
    first = post(rig, transaction_id, resolved=said).body
    rig.pass_time(1)
    again = post(rig, transaction_id, resolved=said).body

    assert again["version"] == first["version"]
    assert again == first


@pytest.mark.parametrize("code", sorted(sdk_errors.ERROR_CODES))
def test_no_code_ends_a_transaction_by_itself(rig: Rig, code: int) -> None:
    """Each is kept and shown, and has the Gateway asked."""
    transaction_id = rig.transaction()
    answer = post(rig, transaction_id, rejected={"errorCode": code})

    assert (answer.status, answer.body["status"], answer.body["settled"]) == (202, "CREATED", False)
    assert answer.body["sdkError"]["code"] == code
    assert "error" not in answer.body
    assert "pullRequestedAt" in item(rig, transaction_id)


def test_an_account_of_another_user_is_a_conflict_and_stays_theirs(rig: Rig) -> None:
    rig.link(user=OTHER)
    transaction_id = rig.transaction()
    answer = post(rig, transaction_id, resolved=value(rig, transaction_id, orderBatches=[batch()]))

    assert (answer.status, answer.body["account"]) == (202, "conflict")
    assert (accounts(rig), accounts(rig, OTHER)) == ([], [KITE])
    assert rig.call("POST /sdk-tokens", {}).body["kind"] == "guest"


def test_an_account_that_the_user_has_already_is_known_and_no_news(rig: Rig) -> None:
    rig.link()
    transaction_id = rig.transaction()
    before = item(rig, transaction_id)["version"]
    answer = post(rig, transaction_id, resolved=value(rig, transaction_id))

    assert answer.body["account"] == "known"
    assert item(rig, transaction_id)["version"] == before
    assert accounts(rig) == [KITE]


def test_second_account_for_the_transaction_only_requests_a_pull(rig: Rig) -> None:
    """A genuine token of another flow: whose the orders are the Gateway has to say."""
    transaction_id = rig.transaction()
    first = post(rig, transaction_id, resolved=value(rig, transaction_id, orderBatches=[batch()])).body
    rig.pass_time(60)
    other = value(rig, transaction_id, GROWW, orderBatches=[batch(batchId="b2")])
    second = post(rig, transaction_id, resolved=other).body

    assert second == first
    assert accounts(rig) == [KITE]
    assert item(rig, transaction_id)["pullRequestedAt"]["S"] == "2026-01-15T04:01:00.000Z"


def test_settled_orders_stay_after_a_later_app_report(rig: Rig) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = details(transaction_id)
    path, refresh = {"transactionId": transaction_id}, {"refresh": "true"}
    settled = rig.call("GET /transactions/{transactionId}", path=path, query=refresh).body
    assert (settled["status"], settled["settled"]) == ("COMPLETED", True)

    order = batch()["orders"][0]
    open_ = batch(status="PLACED", orders=[{**order, "status": "PLACED", "filledQuantity": 0}])
    cheaper = batch(buyAmount=297, orders=[{**order, "averagePrice": 99}])
    resolved = [value(rig, transaction_id, orderBatches=[each]) for each in (open_, cheaper)]
    for said in ({"resolved": resolved[0]}, {"resolved": resolved[1]}, {"rejected": {"errorCode": 4006}}):
        rig.pass_time(60)
        answer = post(rig, transaction_id, **said)
        assert answer.status == 202
        assert {**answer.body, "sdkError": None, "refreshed": True} == {**settled, "sdkError": None}


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_token_that_is_not_genuine_changes_nothing(rig: Rig, token: str) -> None:
    transaction_id = rig.transaction()
    before = item(rig, transaction_id)
    answer = post(rig, transaction_id, resolved={"smallcaseAuthToken": token})

    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "resolved.smallcaseAuthToken")
    assert item(rig, transaction_id) == before
    assert accounts(rig) == []
    assert rig.gateway.requests[1:] == []


ANY_JSON = [
    {}, {"resolved": {}}, {"rejected": {}}, {"rejected": None}, {"rejected": "user_cancelled"}, {"resolved": "text"},
    {"resolved": None}, {"resolved": {"data": []}}, {"rejected": [1]},
    {"resolved": {"orderBatches": [{"orders": [7]}]}}, {"error": {"message": 7}},
    {"resolved": {"success": False, "errorCode": "4006", "data": None}},
]  # fmt: skip


@pytest.mark.parametrize("posted", [*ANY_JSON, "user_cancelled", None, [], 7, True, "", "{}", '"text"', "[1]"])
def test_any_json_is_a_signal_that_requests_a_pull(rig: Rig, posted: Any) -> None:
    """`JSON.stringify` of a JavaScript error is {}, and each SDK wraps in another way: the Gateway decides anyway."""
    transaction_id = rig.transaction()
    answer = rig.call(ROUTE, json.dumps(posted), path={"transactionId": transaction_id})

    assert (answer.status, answer.body["status"]) == (202, "CREATED")
    assert "pullRequestedAt" in item(rig, transaction_id)
    assert accounts(rig) == []


@pytest.mark.parametrize("body", ["", "{", "text", "NaN"])
def test_body_that_is_not_json_is_a_problem(rig: Rig, body: str) -> None:
    answer = rig.call(ROUTE, body, path={"transactionId": rig.transaction()})
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "body")
