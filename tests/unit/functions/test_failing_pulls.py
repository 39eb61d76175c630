"""A failing pull moves its own check and blocks no other transaction's check."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.functions.harness import KITE, Rig, said
from tests.unit.functions.scenarios import ASHA, batch, details
from tests.unit.functions.test_reconcile import item, reconcile, sweep
from tests.unit.test_logging import Recorder, recorder

__all__ = ["recorder"]


def check(rig: Rig) -> None:
    """One run of the schedule and of what it requests, and a minute."""
    for message in sweep(rig):
        reconcile(rig, message)
    rig.pass_time(60)


def test_unreadable_items_that_are_due_first_starve_no_healthy_one(rig: Rig) -> None:
    """More of them than one run takes from a partition."""
    healthy = rig.transaction()
    rig.gateway.details[healthy] = details(healthy)
    table = rig.tables["Transactions"].items
    application = rig.application()
    application.check_due = replace(application.check_due, most_of_a_partition=60)
    rig.use("check_due", application)
    for count in range(70):
        poison = deepcopy(table[(healthy,)])
        poison |= {"transactionId": {"S": f"poison{count}"}, "version": {"S": "not a number"}}
        poison["nextCheckAt"] = {"S": "2026-01-15T04:00:00.000Z"}
        table[(f"poison{count}",)] = poison
    rig.pass_time(2 * 3600)
    check(rig)
    assert item(rig, healthy)["status"] == "CREATED", "the first run is full"
    check(rig)
    assert item(rig, healthy)["status"] == "COMPLETED"


@pytest.mark.parametrize("attribute", ["createdAt", "revision", "error", "confirmation", "version"])
def test_check_of_an_unreadable_item_is_moved_and_its_message_comes_again_once(rig: Rig, attribute: str) -> None:
    transaction_id = rig.transaction()
    rig.tables["Transactions"].items[(transaction_id,)][attribute] = {"S": "?"}
    rig.pass_time(3600)
    (message,) = sweep(rig)
    assert reconcile(rig, message) == ["0"]
    assert item(rig, transaction_id)["nextCheckAt"] == "2026-01-15T05:05:00.000Z"
    assert sweep(rig) == []


def test_check_time_that_cannot_be_read_stops_no_other_check(rig: Rig) -> None:
    healthy, poison = rig.transaction(), rig.transaction()
    rig.gateway.details[healthy] = details(healthy)
    rig.tables["Transactions"].items[(poison,)]["nextCheckAt"] = {"S": "2026"}
    rig.pass_time(3600)
    check(rig)
    assert item(rig, healthy)["status"] == "COMPLETED"


@pytest.mark.parametrize("unreadable", ["2026", "0", "2026-01-15T00:61:00.000Z", "2026-01-15 04:00"])
def test_check_time_that_cannot_be_read_is_requested_once_and_replaced(rig: Rig, unreadable: str) -> None:
    transaction_id = rig.transaction()
    rig.tables["Transactions"].items[(transaction_id,)]["nextCheckAt"] = {"S": unreadable}
    rig.pass_time(3600)
    assert len(sweep(rig)) == 1
    rig.pass_time(60)
    assert sweep(rig) == []
    rig.pass_time(600)
    (message,) = sweep(rig)
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert reconcile(rig, message) == []
    assert item(rig, transaction_id)["status"] == "COMPLETED"


UNREADABLE: list[dict[str, Any]] = [
    {"transactionDetails": {"state": "COMPLETED"}},
    {"status": {"is": "COMPLETED"}},
    {"status": "COMPLETED", "success": {"data": {"batches": [{"orders": batch()["orders"]}]}}},
]


@pytest.mark.parametrize("shown", UNREADABLE)
def test_state_that_cannot_be_read_is_an_error_for_the_operator_at_once(
    rig: Rig, recorder: Recorder, shown: dict[str, Any]
) -> None:
    transaction_id = rig.transaction()
    rig.gateway.answer = lambda request: said(shown) if request.method == "GET" else None
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    assert [line for line in recorder.lines if '"level":"ERROR"' in line and transaction_id in line]
    assert "nextCheckAt" in item(rig, transaction_id)


# --- adoption


ELSEWHERE = "TRX_elsewhere"


def adopt(rig: Rig, **more: Any) -> dict[str, Any] | None:
    """The transaction that a webhook about an unknown id brings in, if it does."""
    rig.gateway.details[ELSEWHERE] = details(ELSEWHERE) | more
    reconcile(rig, json.dumps({"transactionId": ELSEWHERE, "smallcaseAuthId": KITE, "suspicious": True}))
    return item(rig, ELSEWHERE) if (ELSEWHERE,) in rig.tables["Transactions"].items else None


@pytest.mark.parametrize(
    "more",
    [
        {"intent": "HOLDINGS_IMPORT"},
        {"intent": "MF_HOLDINGS_IMPORT"},
        {"intent": "CONNECT"},
        {"intent": "TRANSACTION", "orderConfig": {"type": "BUY", "scid": "SCNM_1"}},
        {"orderConfig": {"type": "SIP"}},
    ],
)
def test_only_securities_transactions_are_adopted(rig: Rig, more: dict[str, Any]) -> None:
    assert adopt(rig, **more) is None


@pytest.mark.parametrize(
    ("config", "requested"),
    [
        (
            {"type": "SECURITIES", "securities": [{"ticker": "INFY", "quantity": 3, "type": "BUY"}]},
            [{"ticker": "INFY", "quantity": 3, "type": "BUY"}],
        ),
        (
            {
                "type": "SECURITIES",
                "orders": [
                    {"sid": "S1", "sidInfo": {"ticker": "INFY"}, "quantity": 3, "type": "BUY", "validity": None},
                    {"sid": "S2", "quantity": 1, "type": "SELL", "orderType": "MARKET"},
                    "odd",
                ],
            },
            [
                {"ticker": "INFY", "quantity": 3, "type": "BUY"},
                {"ticker": "S2", "quantity": 1, "type": "SELL", "orderType": "MARKET"},
            ],
        ),
    ],
)
def test_both_shapes_of_a_stored_order_config_are_adopted_as_one(
    rig: Rig, config: dict[str, Any], requested: list[dict[str, Any]]
) -> None:
    assert adopt(rig, intent="TRANSACTION", orderConfig=config) is not None
    path = {"transactionId": ELSEWHERE}
    shown = rig.call("GET /transactions/{transactionId}", user=ASHA, path=path).body["requested"]
    assert shown["orderConfig"] == {"type": "SECURITIES", "securities": requested}


def test_transaction_without_intent_and_config_is_adopted_by_its_orders(rig: Rig) -> None:
    assert adopt(rig) is not None


# --- an id that the Gateway gives twice


@pytest.mark.parametrize("second", ["the same user", "another user"])
def test_id_that_the_gateway_gives_twice_is_no_second_users(rig: Rig, second: str) -> None:
    first = rig.create("the same user")
    assert first.status == 201
    transaction_id = first.body["transactionId"]
    rig.gateway.answer = lambda request: said({"transactionId": transaction_id}) if request.method == "POST" else None
    assert rig.create(second).status == 503
    shown = rig.call("GET /transactions/{transactionId}", user="another user", path={"transactionId": transaction_id})
    assert shown.status == 404


def test_transaction_that_a_webhook_brought_in_before_it_was_stored_is_its_users(rig: Rig) -> None:
    """Its webhook may come while the create is under way."""
    assert adopt(rig) is not None
    rig.gateway.answer = lambda request: said({"transactionId": ELSEWHERE}) if request.method == "POST" else None
    assert rig.create(ASHA).status == 201
    assert rig.create("another user").status == 503
