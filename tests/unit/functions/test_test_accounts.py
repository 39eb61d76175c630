"""The vendor's test accounts: marked everywhere, never linked, booked or notified."""

import json
from typing import Any

from tests.unit.functions.harness import KITE, USER, Rig
from tests.unit.functions.scenarios import details
from tests.unit.functions.test_reconcile import item, reconcile

TEST = "kite-leprechaun"


def settled(rig: Rig, broker: str) -> str:
    """A transaction that was traded at this broker, and is settled."""
    transaction_id = rig.transaction()
    shown: dict[str, Any] = details(transaction_id)
    shown["success"]["broker"] = broker
    rig.gateway.details[transaction_id] = shown
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    return transaction_id


def test_transaction_of_a_test_account_is_marked_in_both_views(rig: Rig) -> None:
    for broker, mark in ((TEST, True), ("kite", None)):
        path = {"transactionId": settled(rig, broker)}
        for route in ("GET /transactions/{transactionId}", "GET /transactions/{transactionId}/orders"):
            assert rig.call(route, path=path).body.get("test") is mark
            rig.pass_time(60)


def test_test_account_is_never_linked(rig: Rig) -> None:
    """Neither by a pull nor by a verified token: the next order must not use an unselected account."""
    assert item(rig, settled(rig, TEST))["account"] == "test"
    answer = rig.resolve(rig.transaction(), KITE, broker=TEST)
    assert answer.body["account"] == "test"
    assert rig.call("GET /accounts").body["items"] == []
    assert rig.call("POST /sdk-tokens", {}).body["kind"] == "guest"
    assert rig.create(USER).body["sdkToken"]["kind"] == "guest"


def test_refresh_states_whether_the_gateway_was_pulled(rig: Rig) -> None:
    path = {"transactionId": rig.transaction()}
    rig.gateway.details[path["transactionId"]] = {"transactionId": path["transactionId"], "status": "INITIALIZED"}
    for route in ("GET /transactions/{transactionId}", "GET /transactions/{transactionId}/orders"):
        rig.pass_time(60)
        assert "refreshed" not in rig.call(route, path=path).body
        assert rig.call(route, path=path, query={"refresh": "true"}).body["refreshed"] is True
        rig.pass_time(1)
        assert rig.call(route, path=path, query={"refresh": "true"}).body["refreshed"] is False


def test_failed_and_settled_transactions_say_that_they_are_final(rig: Rig) -> None:
    path = {"transactionId": settled(rig, "kite")}
    route = "GET /transactions/{transactionId}"
    assert (rig.call(route, path=path).body["final"], rig.call(route, path=path).body["settled"]) == (True, True)
    path = {"transactionId": rig.transaction()}
    assert rig.call(route, path=path).body["final"] is False
    rig.gateway.details[path["transactionId"]] = {"transactionId": path["transactionId"], "status": "EXPIRED"}
    rig.pass_time(3600)
    assert reconcile(rig, json.dumps(path)) == []
    shown = rig.call(route, path=path).body
    assert (shown["status"], shown["final"], shown["settled"]) == ("FAILED", True, False)
