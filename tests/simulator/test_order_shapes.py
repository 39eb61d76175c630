"""The payload's shapes A to K and its statuses, row by row of docs/reference/gateway.md §4.3, §4.5 and §6.1."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.simulator.harness import Rig
from tools.gateway_simulator.outcomes import ERROR_CODES

LIMIT = [{"ticker": "INFY", "type": "BUY", "quantity": 3, "orderType": "LIMIT", "price": Decimal("1450.5")}]
STOP = [{"ticker": "INFY", "type": "BUY", "quantity": 3, "orderType": "SL", "price": 1460, "triggerPrice": 1455}]
STOP_MARKET = [{"ticker": "INFY", "type": "BUY", "quantity": 3, "orderType": "SLM", "triggerPrice": 1455}]

BATCH_KEYS = {"batchId", "variety", "quantity", "filled", "buyAmount", "sellAmount", "completedDate", "status"}
IDENTITY = {"transactionId", "broker", "notes", "smallcaseAuthId", "timestamp", "checksum"}
ORDER_KEYS = {
    "tradingsymbol", "transactionType", "orderType", "status", "quantity", "filledQuantity", "averagePrice", "price",
    "triggerPrice", "product", "exchange", "exchangeOrderId", "errorCode", "statusMessage", "orderTimestamp",
}  # fmt: skip


def test_the_root_is_the_batch_with_identity_beside_it(rig: Rig) -> None:
    """§4.3: no envelope; quantity and filled count securities."""
    transaction_id = rig.trade()
    body = rig.received[-1]
    assert body.keys() == BATCH_KEYS | {"orders", "unplaced"} | IDENTITY
    assert (body["quantity"], body["filled"], body["transactionId"]) == (2, 2, transaction_id)
    assert len(body["batchId"]) == 24
    for order in body["orders"]:
        assert order.keys() == ORDER_KEYS
        assert (order["product"], order["exchange"]) == ("CNC", "NSE")


@pytest.mark.parametrize(
    ("shape", "scenario", "securities", "variety", "prices"),
    [
        ("A", "open", None, "regular", [(0, 0), (0, 0)]),
        ("B", "amo", None, "amo", [(0, 0), (0, 0)]),
        ("C LIMIT", "open", LIMIT, "regular", [(Decimal("1450.5"), 0)]),
        ("C SL", "open", STOP, "regular", [(1460, 1455)]),
        ("C SLM", "open", STOP_MARKET, "regular", [(0, 1455)]),
    ],
)
def test_placed(rig: Rig, shape: str, scenario: str, securities: Any, variety: str, prices: list[Any]) -> None:
    """§4.3 A, B, C: all PLACED, nothing filled, no amounts, no completedDate; prices by order type."""
    rig.trade(scenario, securities=securities)
    body = rig.received[0]
    assert (body["status"], body["variety"], body["filled"], body["completedDate"]) == ("PLACED", variety, 0, None)
    assert (body["buyAmount"], body["sellAmount"], body["unplaced"]) == (0, 0, [])
    assert {(order["status"], order["filledQuantity"]) for order in body["orders"]} == {("PLACED", 0)}
    assert [(order["price"], order["triggerPrice"]) for order in body["orders"]] == prices


@pytest.mark.parametrize(
    ("shape", "scenario", "batch", "orders", "unplaced"),
    [
        ("D", "complete", "COMPLETED", ["COMPLETE", "COMPLETE"], []),
        ("E", "unplaced", "UNPLACED", [], ["ERROR", "ERROR"]),
        ("F→G", "partly_placed", "PARTIALLYFILLED", ["COMPLETE"], ["ERROR"]),
        ("G", "partial", "PARTIALLYFILLED", ["PARTIAL", "COMPLETE"], []),
        ("G", "one_rejected", "PARTIALLYFILLED", ["REJECTED", "COMPLETE"], []),
        ("H", "rejected", "UNFILLED", ["REJECTED", "REJECTED"], []),
        ("H", "unfilled", "UNFILLED", ["CANCELLED", "CANCELLED"], []),
        ("I", "amo_cancelled", "CANCELLED", ["CANCELLED AMO", "CANCELLED AMO"], []),
        ("I", "limit_cancelled", "CANCELLED", ["CANCELLED", "CANCELLED"], []),
        ("J→D", "unknown_reconciled", "COMPLETED", ["COMPLETE", "COMPLETE"], []),
        ("J→K", "marked_complete", "MARKEDCOMPLETE", ["CANCELLED", "COMPLETE"], []),
    ],
)
def test_final(rig: Rig, shape: str, scenario: str, batch: str, orders: list[str], unplaced: list[str]) -> None:
    """§4.3 D to K, §4.5: each final batch status with the stock statuses that make it, and a completedDate."""
    rig.trade(scenario)
    body = rig.received[-1]
    assert body["status"] == batch
    assert [order["status"] for order in body["orders"]] == orders
    assert [order["status"] for order in body["unplaced"]] == unplaced
    assert body["completedDate"] is not None


@pytest.mark.parametrize(
    ("scenario", "securities", "hits"),
    [
        pytest.param("complete", None, ["PLACED regular", "COMPLETED regular"], id="A→D"),
        pytest.param("amo", None, ["PLACED amo", "COMPLETED amo"], id="B→D"),
        pytest.param("amo_cancelled", None, ["PLACED amo", "CANCELLED amo"], id="B→I"),
        pytest.param("partial", LIMIT, ["PLACED regular", "PARTIALLYFILLED regular"], id="C→G"),
        pytest.param("unplaced", None, ["UNPLACED regular"], id="E alone"),
        pytest.param(
            "marked_complete", None, ["PLACED regular", "ERROR regular", "MARKEDCOMPLETE regular"], id="A→J→K"
        ),
        pytest.param("partly_placed", None, ["PARTIALLYPLACED regular", "PARTIALLYFILLED regular"], id="F→G"),
    ],
)
def test_the_hits_of_each_scenario(
    make_rig: Callable[..., Rig], scenario: str, securities: Any, hits: list[str]
) -> None:
    """§14: the sequences that a partner must be able to try, without the fills between."""
    rig = make_rig(fill_webhooks="never")
    rig.trade(scenario, securities=securities)
    assert [f"{body['status']} {body['variety']}" for body in rig.received] == hits


def test_completed_orders_are_filled_priced_and_numbered(rig: Rig) -> None:
    """§4.3 D: filledQuantity equals quantity, averagePrice above zero, exchangeOrderId set; amounts add up."""
    rig.trade("complete")
    body = rig.received[-1]
    for order in body["orders"]:
        assert order["filledQuantity"] == order["quantity"]
        assert order["averagePrice"] > 0
        assert order["exchangeOrderId"]
    for side, key in (("BUY", "buyAmount"), ("SELL", "sellAmount")):
        mine = [order for order in body["orders"] if order["transactionType"] == side]
        assert body[key] == sum(round(order["averagePrice"] * order["filledQuantity"], 2) for order in mine)


def test_unplaced_needs_no_placed_before_it(rig: Rig) -> None:
    """§4.3 E: the final state is the only hit, with an errorCode and no exchange id."""
    rig.trade("unplaced")
    assert rig.statuses() == ["UNPLACED"]
    assert {(o["errorCode"], o["exchangeOrderId"]) for o in rig.received[0]["unplaced"]} == {("marginsExceeded", None)}


def test_partly_placed_is_in_transition(rig: Rig) -> None:
    """§4.3 F, §4.5: some in orders, the rest in unplaced, PARTIALLYPLACED until the placed ones are final."""
    rig.trade("partly_placed")
    assert rig.statuses()[0] == "PARTIALLYPLACED"
    assert rig.received[0]["completedDate"] is None


def test_error_in_orders_is_unknown_and_in_transition(rig: Rig) -> None:
    """§4.3 J: sent once as ERROR, neither final nor unplaced; PROCESSING until reconciled."""
    transaction_id = rig.trade("unknown")
    assert rig.statuses()[-1] == "ERROR"
    assert (rig.received[-1]["completedDate"], rig.received[-1]["unplaced"]) == (None, [])
    assert rig.truth(transaction_id)["status"] == "PROCESSING"


@pytest.mark.parametrize(
    ("outcome", "order", "batch"),
    [
        ("COMPLETE", "COMPLETE", "COMPLETED"),
        ("REJECTED:otherError", "REJECTED", "PARTIALLYFILLED"),
        ({"status": "PARTIAL", "filledQuantity": 1}, "PARTIAL", "PARTIALLYFILLED"),
        ("MARKEDCOMPLETE", "CANCELLED", "MARKEDCOMPLETE"),
    ],
)
def test_an_unknown_order_can_be_reconciled(rig: Rig, outcome: Any, order: str, batch: str) -> None:
    """§4.3 J, K: the vendor's support finds out, or closes it by hand, and a webhook reports it."""
    transaction_id = rig.trade("unknown")
    rig.sim("POST", f"/transactions/{transaction_id}/reconcile", {"outcomes": {"INFY": outcome}})
    assert (rig.received[-1]["orders"][0]["status"], rig.statuses()[-1]) == (order, batch)


def test_a_final_batch_can_be_corrected(rig: Rig) -> None:
    """A trade is busted after the final state: a webhook reports it, the API and the account's books have it."""
    transaction_id = rig.trade("complete")
    account = rig.truth(transaction_id)["smallcaseAuthId"]
    before = rig.sim("GET", f"/books/{account}")["traded"]["INFY"]

    rig.sim("POST", f"/transactions/{transaction_id}/correct", {"filled": {"INFY": 2}})

    corrected = next(order for order in rig.received[-1]["orders"] if order["tradingsymbol"] == "INFY")
    assert (corrected["status"], corrected["filledQuantity"], rig.statuses()[-1]) == ("PARTIAL", 2, "PARTIALLYFILLED")
    after = rig.sim("GET", f"/books/{account}")["traded"]["INFY"]
    assert (after["quantity"], after["amount"]) == (2, before["amount"] - corrected["averagePrice"])


def test_the_user_may_cancel_what_is_open(rig: Rig) -> None:
    """§4.3 I, §7: at the broker; AMO orders read CANCELLED AMO with a space, others CANCELLED."""
    amo, regular = rig.trade("open", amo=True), rig.trade("open")
    for transaction_id in (amo, regular):
        rig.sim("POST", f"/transactions/{transaction_id}/cancel")
    (first, second) = rig.received[-2:]
    assert {order["status"] for order in first["orders"]} == {"CANCELLED AMO"}
    assert {order["status"] for order in second["orders"]} == {"CANCELLED"}
    assert (first["status"], second["status"]) == ("CANCELLED", "CANCELLED")


def test_a_cancelled_order_keeps_what_was_filled(rig: Rig) -> None:
    """§4.5: PARTIAL where fewer shares were filled than ordered."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.confirm(transaction_id, scenario="complete", paused=True)
    rig.sim("POST", f"/transactions/{transaction_id}/advance")
    rig.sim("POST", f"/transactions/{transaction_id}/advance")
    rig.sim("POST", f"/transactions/{transaction_id}/cancel")
    truth = rig.truth(transaction_id)
    for order in truth["batch"]["orders"]:
        partly = 0 < order["filledQuantity"] < order["quantity"]
        assert order["status"] == ("PARTIAL" if partly else "CANCELLED")
    assert (truth["more"], truth["batch"]["status"]) == (False, "PARTIALLYFILLED")


@pytest.mark.parametrize("code", [*ERROR_CODES, "aCodeNobodyKnows"])
def test_an_order_can_be_rejected_with_each_code(rig: Rig, code: str) -> None:
    """§6.1: an open set; every documented code and any other text, placed or unplaced."""
    rig.trade({"INFY": f"REJECTED:{code}", "M&M": f"UNPLACED:{code}"})
    body = rig.received[-1]
    assert [(order["status"], order["errorCode"]) for order in body["orders"]] == [("REJECTED", code)]
    assert [(order["status"], order["errorCode"]) for order in body["unplaced"]] == [("ERROR", code)]


def test_an_outcome_can_be_spelt_out(rig: Rig) -> None:
    """§4.3 G: shares, price, code and message of each order."""
    how = {"status": "PARTIAL", "filledQuantity": 2, "averagePrice": Decimal("1499.15"), "statusMessage": "gibberish"}
    rig.trade({"INFY": how, "*": "COMPLETE"})
    order = rig.received[-1]["orders"][0]
    assert (order["filledQuantity"], order["averagePrice"], order["statusMessage"]) == (
        2,
        Decimal("1499.15"),
        "gibberish",
    )


def test_the_average_price_of_a_partial_order_is_a_setting(make_rig: Callable[..., Rig]) -> None:
    """§4.3: documented for COMPLETE orders only; what a PARTIAL one shows is open."""
    rig = make_rig(average_price="complete_only")
    rig.trade("partial")
    partial, complete = rig.received[-1]["orders"]
    assert (partial["averagePrice"], partial["filledQuantity"]) == (0, 1)
    assert complete["averagePrice"] > 0


def test_what_is_executed_is_what_the_user_made_of_it(rig: Rig) -> None:
    """§1.2: the user may change quantity, side and type, or leave securities out; the request stays as it was."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    changed = [{"ticker": "INFY", "type": "SELL", "quantity": 9, "orderType": "LIMIT", "price": 1400}]
    rig.confirm(transaction_id, securities=changed, scenario="complete")
    rig.advance(60)
    (order,) = rig.received[-1]["orders"]
    assert (order["transactionType"], order["quantity"], order["orderType"]) == ("SELL", 9, "LIMIT")
    assert len(rig.details(transaction_id)["transactionDetails"]["orderConfig"]["securities"]) == 2


def test_type_and_quantity_have_a_default_on_the_screen(rig: Rig) -> None:
    """§1.2: where the request leaves them out, the user starts from one share to buy."""
    rig.trade("complete", securities=[{"ticker": "ITC"}])
    (order,) = rig.received[-1]["orders"]
    assert (order["transactionType"], order["quantity"]) == ("BUY", 1)
