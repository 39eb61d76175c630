"""The orders of a request, and the Gateway's form of them (docs/reference/gateway.md §1.2, §7)."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.order_config import MOST_SECURITIES, NewTransaction


def requested(*securities: dict[str, Any], **more: Any) -> NewTransaction:
    """A request as it comes over the wire: JSON text, read without floats."""
    text = json.dumps({"securities": [{"ticker": f"T{n}", **each} for n, each in enumerate(securities)], **more})
    return NewTransaction.model_validate(loads(text))


def faults(*securities: dict[str, Any], **more: Any) -> str:
    """The errors of a request that is not valid."""
    with pytest.raises(ValidationError) as caught:
        requested(*securities, **more)
    return str(caught.value)


BUY, SELL, THREE = {"type": "BUY"}, {"type": "SELL"}, {"quantity": 3}

ALLOWED: dict[str, list[dict[str, Any]]] = {
    "one bare": [{}],
    "one with only a type": [BUY],
    "one with only a quantity": [THREE],
    "one complete": [BUY | THREE],
    "all bare": [{}, {}],
    "all with only a quantity": [THREE, {"quantity": 4}],
    "all with only a type": [BUY, SELL],
    "all complete, sides mixed": [BUY | THREE, SELL | THREE],
}

FORBIDDEN: dict[str, tuple[list[dict[str, Any]], str]] = {
    "type on one, quantity on another": ([BUY, THREE], "securities.1.type is missing"),
    "one complete, one bare": ([BUY | THREE, {}], "securities.1.type is missing"),
    "one bare, one complete": ([{}, BUY | THREE], "securities.0.type is missing"),
    "quantity on one only": ([THREE, {}], "securities.1.quantity is missing"),
    "type on one only": ([{}, SELL], "securities.0.type is missing"),
    "all typed, quantity on one only": ([BUY | THREE, SELL], "securities.1.quantity is missing"),
    "all counted, type on one only": ([BUY | THREE, THREE], "securities.1.type is missing"),
}


@pytest.mark.parametrize("shape", ALLOWED)
def test_every_allowed_shape_is_sent_to_the_gateway_as_requested(shape: str) -> None:
    """A member that was not requested is not sent: the user chooses it on the Gateway's screen."""
    sent = requested(*ALLOWED[shape]).gateway_body("user-42")
    assert sent == {
        "intent": "TRANSACTION",
        "orderConfig": {
            "type": "SECURITIES",
            "securities": [{"ticker": f"T{n}", **each} for n, each in enumerate(ALLOWED[shape])],
        },
        "notes": "user-42",
    }


@pytest.mark.parametrize("shape", FORBIDDEN)
def test_type_or_quantity_of_some_securities_only_is_rejected(shape: str) -> None:
    securities, fault = FORBIDDEN[shape]
    assert fault in faults(*securities)


@pytest.mark.parametrize("ticker", ["M&M", "BAJAJ-AUTO", "L&TFH", "NIFTYBEES", "PGINVIT", "EMBASSY", "360ONE"])
@pytest.mark.parametrize("spelled", [str.upper, str.lower, str.title])
def test_tickers_are_sent_in_upper_case(ticker: str, spelled: Callable[[str], str]) -> None:
    """Ampersands and hyphens are part of NSE's symbols; ETFs, InvITs and REITs are tickers like any other."""
    body = requested({"ticker": spelled(ticker)}).gateway_body("n")
    assert loads(dumps(body))["orderConfig"]["securities"][0]["ticker"] == ticker


@pytest.mark.parametrize(
    "ticker", ["", "NSE:INFY", "IN FY", " INFY", "INFY\n", "IN\x00FY", "IN\uffffFY", "IN\ud83dFY", "X" * 65]
)
def test_ticker_that_is_not_a_bare_symbol_is_rejected(ticker: str) -> None:
    assert "securities.0.ticker" in faults({"ticker": ticker})


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "3", True, 10**9 + 1])
def test_quantity_that_is_not_a_whole_number_of_shares_is_rejected(quantity: object) -> None:
    assert "securities.0.quantity" in faults({"quantity": quantity})


@pytest.mark.parametrize("side", ["buy", "SHORT", "", 1])
def test_side_other_than_buy_or_sell_is_rejected(side: object) -> None:
    assert "securities.0.type" in faults({"type": side})


def test_basket_has_one_to_a_hundred_securities() -> None:
    assert "securities" in faults()
    assert len(requested(*[{}] * MOST_SECURITIES).securities) == MOST_SECURITIES
    assert "at most 100" in faults(*[{}] * (MOST_SECURITIES + 1))


PRICED: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"orderType": "MARKET"}, True),
    ({"orderType": "LIMIT", "price": 10.05}, True),
    ({"orderType": "SL", "price": 10.05, "triggerPrice": 10}, True),
    ({"orderType": "SLM", "triggerPrice": 10}, True),
    ({"price": 10}, False),
    ({"triggerPrice": 10}, False),
    ({"orderType": "MARKET", "price": 10}, False),
    ({"orderType": "LIMIT"}, False),
    ({"orderType": "LIMIT", "price": 10, "triggerPrice": 10}, False),
    ({"orderType": "SL", "price": 10}, False),
    ({"orderType": "SL", "triggerPrice": 10}, False),
    ({"orderType": "SLM", "price": 10}, False),
    ({"orderType": "SLM", "price": 10, "triggerPrice": 10}, False),
    ({"orderType": "SL-M", "triggerPrice": 10}, False),
]


@pytest.mark.parametrize(("order", "allowed"), PRICED)
def test_each_order_type_has_just_the_prices_it_needs(order: dict[str, Any], allowed: bool) -> None:
    """LIMIT has a price, SLM a trigger price, SL both, MARKET neither."""
    if not allowed:
        assert "securities.0" in faults(order)
        return
    sent = requested(order).request()["orderConfig"]["securities"][0]
    assert dumps(sent) == dumps({"ticker": "T0", **order})


@pytest.mark.parametrize("price", [0, -1, 0.00001, "free", True, 1e15, "NaN", "Infinity"])
def test_price_that_is_not_a_positive_amount_of_rupees_is_rejected(price: object) -> None:
    """A hundred-thousandth of a rupee is rounded to zero, and `true` is not an amount."""
    assert "price" in faults({"orderType": "LIMIT", "price": price})


def test_price_is_exact() -> None:
    order = requested({"orderType": "LIMIT", "price": 0.1}).securities[0]
    assert order.price == Decimal("0.1")


@pytest.mark.parametrize("broker", [None, "hdfc", "kite"])
@pytest.mark.parametrize("kind", [None, "MARKET"])
def test_every_broker_takes_market_orders(kind: str | None, broker: str | None) -> None:
    requested({}, {"orderType": kind}).check_broker(broker)


def test_basket_with_one_limit_order_needs_a_broker_that_takes_them() -> None:
    """A guest's broker is not known yet; a test user's takes what the broker does."""
    basket = requested({}, {"orderType": "SLM", "triggerPrice": 5})
    for broker in (None, "kite", "groww-leprechaun"):
        basket.check_broker(broker)
    for broker in ("hdfc", "hdfc-leprechaun"):
        with pytest.raises(InvalidField) as caught:
            basket.check_broker(broker)
        assert (caught.value.field, caught.value.fault) == ("securities", Fault.MEANING)


def test_name_and_logo_of_a_basket_are_sent() -> None:
    config = {"orderName": "Smart basket – ₹", "orderLogo": "https://cdn.example.com/basket.png?size=2&x=%20"}
    assert requested({}, config=config).gateway_body("n")["config"] == config
    assert requested({}, config={"orderName": "Mine"}).gateway_body("n")["config"] == {"orderName": "Mine"}
    assert "config" not in requested({}, config={}).gateway_body("n")


@pytest.mark.parametrize(
    "config", [{"orderLogo": "ftp://x.example/y"}, {"orderLogo": "basket.png"}, {"orderName": ""}, {"name": "x"}]
)
def test_empty_name_or_logo_without_a_web_address_is_rejected(config: dict[str, str]) -> None:
    assert "config." in faults({}, config=config)


@pytest.mark.parametrize("character", ["a", "é", "₹", "😀", "e\u0301"[1]])
def test_notes_have_up_to_256_characters_however_many_bytes(character: str) -> None:
    """The vendor counts characters; four-byte ones count once, and a combining accent is one as well."""
    assert requested({}, notes=character * 256).notes == character * 256
    assert "notes" in faults({}, notes=character * 257)
    assert "notes" in faults({}, notes="")


@pytest.mark.parametrize("field", ["intent", "orderConfig", "expireAt", "assetUniverse"])
def test_unknown_field_of_a_request_is_rejected_and_not_dropped(field: str) -> None:
    assert field in faults({}, **{field: "x"})
    assert f"securities.0.{field}" in faults({field: "x"})


LIMIT: dict[str, Any] = {"ticker": "INFY", "type": "BUY", "quantity": 1, "orderType": "LIMIT"}


@pytest.mark.parametrize("price", ["1400.05", "1400.10", "1400", "0.01", "999999999.99"])
def test_price_is_sent_on_exactly_as_it_was_given(price: str) -> None:
    body = NewTransaction.model_validate({"securities": [{**LIMIT, "price": loads(price)}]}).gateway_body("n")
    assert str(body["orderConfig"]["securities"][0]["price"]) == price


@pytest.mark.parametrize("price", ["1400.055", "0.001", "1e-3", "1400.0500001", "0", "-1", "1e15", "true", '"1_0"'])
def test_price_that_is_not_whole_paise_is_rejected(price: str) -> None:
    """Rounding it would place another order than the one that was asked for."""
    with pytest.raises(ValidationError) as caught:
        NewTransaction.model_validate({"securities": [{**LIMIT, "price": loads(price)}]})
    assert ("securities", 0, "price") in [error["loc"] for error in caught.value.errors()]
