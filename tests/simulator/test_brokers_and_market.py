"""Brokers, hours, books and prices, row by row of docs/reference/gateway.md §7."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.simulator.harness import Rig
from tools.gateway_simulator.brokers import BROKERS, market

DOCUMENTED = (
    "aliceblue angelbroking axis dhan edelweiss fisdom fivepaisa fundzbazar groww hdfc icici iifl kite kotak motilal"
    " trustline upstox"
)
NEWER = "hdfcsky paytm sbi"
LIMIT = [{"ticker": "INFY", "type": "BUY", "quantity": 2, "orderType": "LIMIT", "price": 1400}]


def test_all_brokers_are_there() -> None:
    """§7: the documented keys and the newer ones."""
    assert set(BROKERS) == {*DOCUMENTED.split(), *NEWER.split()}


@pytest.mark.parametrize("broker", sorted(BROKERS))
def test_limit_orders_are_for_three_brokers(rig: Rig, broker: str) -> None:
    """§7: LIMIT, SL and SLM at 5paisa, Groww and Zerodha only."""
    transaction_id = rig.create(LIMIT)
    rig.login(transaction_id, broker)
    answer = rig.call("POST", f"/_sim/transactions/{transaction_id}/confirm", {"scenario": "open"})
    assert (answer.status_code == 200) is (broker in {"fivepaisa", "groww", "kite"})


@pytest.mark.parametrize(("broker", "is_there"), [("kite", True), ("dhan", False), ("groww", False), ("upstox", True)])
def test_test_accounts_carry_a_suffix(rig: Rig, broker: str, is_there: bool) -> None:
    """§7, §9: "-leprechaun" behind the key, not at every broker."""
    transaction_id = rig.create()
    answer = rig.call("POST", f"/_sim/transactions/{transaction_id}/login", {"broker": f"{broker}-leprechaun"})
    assert (answer.status_code == 200) is is_there
    if is_there:
        rig.confirm(transaction_id)
        rig.advance(60)
        assert rig.received[-1]["broker"] == f"{broker}-leprechaun"


@pytest.mark.parametrize("broker", ["robinhood", "", "kite "])
def test_unknown_brokers_are_refused(rig: Rig, broker: str) -> None:
    """§7: a broker that is not listed cannot be chosen."""
    transaction_id = rig.create()
    assert rig.call("POST", f"/_sim/transactions/{transaction_id}/login", {"broker": broker}).status_code == 409


def test_which_brokers_are_offered_is_a_setting(make_rig: Callable[..., Rig]) -> None:
    """§7: a gateway has the brokers it was given."""
    rig = make_rig(brokers=["kite"])
    transaction_id = rig.create()
    assert rig.call("POST", f"/_sim/transactions/{transaction_id}/login", {"broker": "groww"}).status_code == 409
    rig.login(transaction_id, "kite")


@pytest.mark.parametrize(
    ("at", "is_open", "amo", "opens"),
    [
        pytest.param("2026-01-15T03:44:59Z", False, False, "2026-01-15T03:45:00Z", id="Thursday 09:14:59, pre-open"),
        pytest.param("2026-01-15T03:45:00Z", True, False, "2026-01-16T03:45:00Z", id="Thursday 09:15"),
        pytest.param("2026-01-15T09:59:59Z", True, False, "2026-01-16T03:45:00Z", id="Thursday 15:29:59"),
        pytest.param("2026-01-15T10:00:00Z", False, False, "2026-01-16T03:45:00Z", id="Thursday 15:30"),
        pytest.param("2026-01-15T10:15:00Z", False, True, "2026-01-16T03:45:00Z", id="Thursday 15:45, AMO"),
        pytest.param("2026-01-15T03:26:00Z", False, True, "2026-01-15T03:45:00Z", id="Thursday 08:56, AMO"),
        pytest.param("2026-01-16T12:00:00Z", False, True, "2026-01-19T03:45:00Z", id="Friday evening"),
        pytest.param("2026-01-17T06:00:00Z", False, True, "2026-01-19T03:45:00Z", id="Saturday noon"),
    ],
)
def test_market_hours_are_nses(at: str, is_open: bool, amo: bool, opens: str) -> None:
    """§7: 09:15 to 15:30 IST on weekdays, AMO from 15:45 to 08:57."""
    state = market(BROKERS["kite"], "hours", datetime.fromisoformat(at))
    assert (state.open, state.amo) == (is_open, amo)
    assert state.opens_at.astimezone(UTC) == datetime.fromisoformat(opens)


def test_an_amo_is_executed_when_the_market_opens(make_rig: Callable[..., Rig]) -> None:
    """§7: placed in the evening, open overnight, filled from 09:15."""
    rig = make_rig(market="hours")
    rig.sim("PUT", "/clock", {"now": "2026-01-15T14:00:00Z"})
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.confirm(transaction_id, amo=True)
    rig.advance(13 * 3600)
    assert (rig.statuses(), rig.received[0]["variety"]) == (["PLACED"], "amo")
    rig.advance(3600)
    assert rig.statuses()[-1] == "COMPLETED"


def test_broker_without_amo_reports_that_the_market_is_closed(make_rig: Callable[..., Rig]) -> None:
    """§7: AMO depends on the broker."""
    rig = make_rig(market="closed")
    transaction_id = rig.create()
    rig.login(transaction_id, "fisdom")
    assert rig.confirm(transaction_id, amo=True)["error"] == {"code": 4004, "message": "market_closed"}


@pytest.mark.parametrize(
    ("side", "books", "code"),
    [
        ("SELL", {"holdings": {"INFY": 1}}, "checkHoldings"),
        ("BUY", {"funds": 100}, "marginsExceeded"),
    ],
)
def test_the_books_refuse_what_is_not_there(rig: Rig, side: str, books: dict[str, Any], code: str) -> None:
    """§6.1, §7: no more shares than held, no more cash than owned."""
    transaction_id = rig.create([{"ticker": "INFY", "type": side, "quantity": 2}])
    auth_id = rig.login(transaction_id)["smallcaseAuthId"]
    rig.sim("PUT", f"/books/{auth_id}", books)
    rig.confirm(transaction_id)
    rig.advance(60)
    (order,) = rig.received[-1]["orders"]
    assert (order["status"], order["errorCode"], order["filledQuantity"]) == ("REJECTED", code, 0)


@pytest.mark.parametrize(
    ("security", "price", "fills"),
    [
        ({"type": "BUY", "orderType": "LIMIT", "price": 1450}, 1400, True),
        ({"type": "BUY", "orderType": "LIMIT", "price": 1450}, 1500, False),
        ({"type": "SELL", "orderType": "LIMIT", "price": 1450}, 1500, True),
        ({"type": "SELL", "orderType": "LIMIT", "price": 1450}, 1400, False),
        ({"type": "BUY", "orderType": "SLM", "triggerPrice": 1450}, 1500, True),
        ({"type": "BUY", "orderType": "SLM", "triggerPrice": 1450}, 1400, False),
        ({"type": "SELL", "orderType": "SL", "price": 1440, "triggerPrice": 1450}, 1400, True),
        ({"type": "SELL", "orderType": "SL", "price": 1440, "triggerPrice": 1450}, 1500, False),
    ],
)
def test_an_order_with_a_price_waits_for_it(rig: Rig, security: dict[str, Any], price: int, fills: bool) -> None:
    """§7: LIMIT fills at its price or better, SL and SLM once triggered; else it stays open."""
    rig.sim("PUT", "/prices", {"prices": {"INFY": price}})
    transaction_id = rig.create([{"ticker": "INFY", "quantity": 4, **security}])
    rig.login(transaction_id)
    rig.confirm(transaction_id)
    rig.advance(30)
    (order,) = rig.received[-1]["orders"]
    assert order["status"] == ("COMPLETE" if fills else "PLACED")
    if fills and security["orderType"] != "SLM":
        better = order["averagePrice"] <= 1450 if security["type"] == "BUY" else order["averagePrice"] >= 1440
        assert better


def test_an_open_order_lapses_at_the_days_end(rig: Rig) -> None:
    """§6.1: unmatched orders are cancelled by the exchange."""
    transaction_id = rig.create(LIMIT)
    rig.sim("PUT", "/prices", {"prices": {"INFY": 4000}})
    rig.login(transaction_id)
    rig.confirm(transaction_id)
    rig.advance(7 * 3600)
    (order,) = rig.received[-1]["orders"]
    assert (order["status"], order["errorCode"], rig.statuses()[-1]) == ("CANCELLED", "orderUnmatched", "UNFILLED")


def test_orders_fill_over_time_at_moving_prices(rig: Rig) -> None:
    """§4.3: part by part, the amount growing with each, at prices near the last one."""
    rig.sim("PUT", "/settings", {"fillsPerOrder": 5})
    rig.trade("complete", securities=[{"ticker": "INFY", "type": "BUY", "quantity": 50}])
    filled = [body["orders"][0]["filledQuantity"] for body in rig.received]
    assert filled[0] == 0
    assert filled == sorted(set(filled))
    assert len(filled) == 6
    averages = {body["orders"][0]["averagePrice"] for body in rig.received[1:]}
    assert len(averages) > 1
    assert all(Decimal(1400) < average < Decimal(1600) for average in averages)


def test_the_books_equal_the_orders(rig: Rig) -> None:
    """§4.3: shares and rupees in the account are, to the share and the paisa, what the final webhooks say."""
    rng = random.Random(5)
    tickers, outcomes = ["INFY", "TCS", "M&M", "GOLDBEES"], ["auto", "partial", "rejected", "complete", "amo_cancelled"]
    for _ in range(40):
        securities = [
            {"ticker": ticker, "type": rng.choice(["BUY", "SELL"]), "quantity": rng.randint(1, 60)}
            for ticker in rng.sample(tickers, rng.randint(1, 4))
        ]
        rig.trade(rng.choice(outcomes), securities=securities)
    final = {body["batchId"]: body for body in rig.received if body["completedDate"]}
    shares: dict[str, int] = {}
    rupees = Decimal(0)
    for body in final.values():
        rupees += body["sellAmount"] - body["buyAmount"]
        for order in body["orders"]:
            sign = 1 if order["transactionType"] == "BUY" else -1
            shares[order["tradingsymbol"]] = shares.get(order["tradingsymbol"], 0) + sign * order["filledQuantity"]
    books = rig.sim("GET", f"/books/{rig.received[0]['smallcaseAuthId']}")
    assert len(final) == 40
    assert {ticker: row["quantity"] for ticker, row in books["traded"].items() if row["quantity"]} == {
        ticker: held for ticker, held in shares.items() if held
    }
    assert books["funds"] == Decimal(10_000_000) + rupees


def test_a_seed_repeats_prices_fills_and_ids(make_rig: Callable[..., Rig]) -> None:
    """Two Gateways with one seed do the same, times apart."""

    def story() -> Any:
        rig = make_rig(seed=11)
        rig.trade("partial")
        return [
            (body["transactionId"], body["batchId"], body["buyAmount"], body["sellAmount"]) for body in rig.received
        ]

    assert story() == story()
