"""Creating a transaction, row by row of docs/reference/gateway.md §1."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.simulator.harness import API_SECRET, BASKET, GATEWAY_SECRET, Rig, order, token
from tools.gateway_simulator.wire import loads

PATH = "/gateway/demo-gw/transaction"
ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
INFY = {"ticker": "INFY"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "error"),
    [
        pytest.param("/gateway/other/transaction", {}, 404, "invalid gateway", id="unknown gateway"),
        pytest.param(PATH, {"x-gateway-secret": "wrong"}, 401, "invalid gateway secret", id="wrong API secret"),
        pytest.param(PATH, {"x-gateway-secret": GATEWAY_SECRET}, 401, "invalid gateway secret", id="secrets swapped"),
        pytest.param(PATH, {"x-gateway-secret": ""}, 401, "invalid gateway secret", id="no API secret"),
        pytest.param(PATH, {"x-gateway-authtoken": ""}, 401, "Invalid JWT", id="no token"),
        pytest.param(PATH, {"x-gateway-authtoken": "a.b.c"}, 401, "Invalid JWT", id="malformed token"),
        pytest.param(
            PATH, {"x-gateway-authtoken": token(API_SECRET)}, 401, "Invalid JWT", id="token of the API secret"
        ),
    ],
)
def test_bad_credentials_are_refused(rig: Rig, path: str, headers: dict[str, str], status: int, error: str) -> None:
    """§1.1, §1.4: gateway name, API secret and token are each needed, and the texts are those that the SDK knows."""
    good = {"x-gateway-secret": API_SECRET, "x-gateway-authtoken": token()}
    answer = rig.call("POST", path, order(), good | headers)
    assert (answer.status_code, answer.json()["errors"]) == (status, [error])


@pytest.mark.parametrize(
    "securities",
    [
        pytest.param([INFY], id="one ticker"),
        pytest.param([{**INFY, "quantity": 1}, {"ticker": "TCS", "quantity": 2}], id="quantity on all, no type"),
        pytest.param([{**INFY, "type": "BUY"}, {"ticker": "TCS", "type": "SELL"}], id="type on all, no quantity"),
        pytest.param(BASKET, id="buys and sells mixed"),
        pytest.param([{"ticker": "M&M"}, {"ticker": "BAJAJ-AUTO"}], id="tickers with & and -"),
        pytest.param([{"ticker": "NIFTYBEES"}, {"ticker": "EMBASSY"}, {"ticker": "INDIGRID"}], id="ETF, REIT, InvIT"),
        pytest.param([{**INFY, "orderType": "LIMIT", "price": 1450}], id="LIMIT with a price"),
        pytest.param([{**INFY, "orderType": "SL", "price": Decimal("1460.5"), "triggerPrice": 1455}], id="SL"),
        pytest.param([{**INFY, "orderType": "SLM", "triggerPrice": 1455}], id="SLM with a trigger price"),
    ],
)
def test_a_good_order_config_is_taken(rig: Rig, securities: list[dict[str, Any]]) -> None:
    """§1.2: single stocks and baskets; a key stands on every element or on none."""
    answer = rig.server("POST", PATH, order(securities))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param([], "the body must be a JSON object", id="not an object"),
        pytest.param({}, "intent is missing or unknown", id="no intent"),
        pytest.param({"intent": ["TRANSACTION"]}, "intent is missing or unknown", id="intent not a text"),
        pytest.param({"intent": "SIP_SETUP"}, "intent SIP_SETUP is not enabled for this gateway", id="not ours"),
        pytest.param({"intent": "TRANSACTION"}, "orderConfig is required", id="no orderConfig"),
        pytest.param(
            order() | {"orderConfig": {"type": "BUY"}}, "orderConfig.type must be SECURITIES", id="smallcase type"
        ),
        pytest.param(order([]), "orderConfig.securities must be a non-empty array", id="empty basket"),
        pytest.param(order({}), "orderConfig.securities must be a non-empty array", id="securities not a list"),
        pytest.param(order([3]), "each security must be an object", id="element not an object"),
        pytest.param(order([{"quantity": 1}]), "ticker is required: the bare NSE symbol", id="no ticker"),
        pytest.param(order([{"ticker": "NSE:INFY"}]), "ticker is required: the bare NSE symbol", id="exchange prefix"),
        pytest.param(order([{"ticker": "INFY-EQ"}]), "ticker INFY-EQ is not tradable", id="series suffix"),
        pytest.param(order([{"ticker": "FOOBAR"}]), "ticker FOOBAR is not tradable", id="unknown ticker"),
        pytest.param(order([{**INFY, "type": "HOLD"}]), "type of INFY must be BUY or SELL", id="type"),
        pytest.param(order([{**INFY, "quantity": 0}]), "quantity of INFY must be a positive integer", id="zero"),
        pytest.param(order([{**INFY, "quantity": "3"}]), "quantity of INFY must be a positive integer", id="text"),
        pytest.param(order([{**INFY, "quantity": True}]), "quantity of INFY must be a positive integer", id="boolean"),
        pytest.param(
            order([{**INFY, "quantity": Decimal("1.5")}]), "quantity of INFY must be a positive integer", id="fraction"
        ),
        pytest.param(
            order([{**INFY, "orderType": "GTT"}]), "orderType of INFY must be MARKET, LIMIT, SL or SLM", id="GTT"
        ),
        pytest.param(
            order([{**INFY, "orderType": "LIMIT"}]), "price of INFY must be a positive number for LIMIT", id="no price"
        ),
        pytest.param(
            order([{**INFY, "orderType": "SLM", "price": 1, "triggerPrice": 1}]),
            "price of INFY is not allowed for SLM",
            id="price where none belongs",
        ),
        pytest.param(order(notes="x" * 257), "notes must be a string of at most 256 characters", id="long notes"),
        pytest.param(order(notes=42), "notes must be a string of at most 256 characters", id="notes not a text"),
        pytest.param(
            order(config={"orderName": 1}), "config.orderName and config.orderLogo must be strings", id="basket name"
        ),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(rig: Rig, body: Any, error: str) -> None:
    """§1.2, §1.4: a 400 with errors[] says what is wrong; errorType is InputException."""
    answer = rig.server("POST", PATH, body)
    assert answer.status_code == 400
    assert error in answer.json()["errors"]
    assert (answer.json()["success"], answer.json()["errorType"]) == (False, "InputException")


@pytest.mark.parametrize(
    ("securities", "key"),
    [
        pytest.param(
            [{**INFY, "type": "BUY"}, {"ticker": "TCS", "quantity": 1}], "type", id="type on one, quantity on other"
        ),
        pytest.param([INFY, {"ticker": "TCS", "quantity": 1, "type": "BUY"}], "quantity", id="one bare, one full"),
        pytest.param([{**INFY, "quantity": 1}, {"ticker": "TCS"}], "quantity", id="quantity on only one"),
    ],
)
def test_the_three_forbidden_shapes_are_refused(rig: Rig, securities: list[dict[str, Any]], key: str) -> None:
    """§1.2: if one element carries type or quantity, every element must."""
    answer = rig.server("POST", PATH, order(securities))
    assert answer.status_code == 400
    assert f"{key} must be given for all securities or for none" in answer.json()["errors"]


def test_notes_are_counted_in_characters(rig: Rig) -> None:
    """§1.2: 256 characters are fine, however many bytes they take."""
    transaction_id = rig.create(notes="₹" * 256)
    assert rig.truth(transaction_id)["notes"] == "₹" * 256


def test_the_answer_has_the_id_and_its_expiry(rig: Rig) -> None:
    """§1.3: the envelope with success, errors null, data.transactionId of the documented form, and data.expireAt."""
    answer = rig.server("POST", PATH, order()).json()
    assert (answer["success"], answer["errors"]) == (True, None)
    assert re.fullmatch(r"TRX_[0-9a-f]{32}", answer["data"]["transactionId"])
    assert ISO.fullmatch(answer["data"]["expireAt"])


def test_every_create_makes_another_transaction(rig: Rig) -> None:
    """§9: there is no idempotency key at the Gateway."""
    assert rig.create() != rig.create()


def test_expire_at_may_be_epoch_milliseconds(make_rig: Callable[..., Rig]) -> None:
    """§1.3: the encoding is not documented, so it is a setting."""
    rig = make_rig(expire_at_format="epoch_ms")
    assert rig.server("POST", PATH, order()).json()["data"]["expireAt"] > 1_700_000_000_000


def test_a_body_that_is_not_json_is_refused(rig: Rig) -> None:
    """§1.4: a 400, not a crash."""
    headers = {"x-gateway-secret": API_SECRET, "x-gateway-authtoken": token()}
    for content in ("{", "", "[" * 100_000, "NaN"):
        assert rig.raw("POST", PATH, content, headers).status_code == 400


def test_the_status_of_each_refusal_is_a_setting(make_rig: Callable[..., Rig]) -> None:
    """§1.4: which HTTP status goes with which cause is unknown."""
    rig = make_rig(refusals={"invalid": 422, "unknown_gateway": 400, "bad_secret": 403})
    headers = {"x-gateway-secret": API_SECRET, "x-gateway-authtoken": token()}
    assert rig.server("POST", PATH, {}).status_code == 422
    assert rig.call("POST", "/gateway/other/transaction", order(), headers).status_code == 400
    assert rig.call("POST", PATH, order(), {**headers, "x-gateway-secret": ""}).status_code == 403


def test_a_limit_on_securities_is_a_setting(make_rig: Callable[..., Rig]) -> None:
    """§1.2: the vendor publishes no largest basket."""
    rig = make_rig(max_securities=1)
    assert rig.server("POST", PATH, order()).json()["errors"] == ["at most 1 securities are allowed"]


def test_prices_in_the_request_stay_exact(rig: Rig) -> None:
    """§1.2: a limit price comes back digit by digit."""
    wanted = [{**INFY, "orderType": "LIMIT", "price": Decimal("1450.05")}]
    transaction_id = rig.create(wanted)
    shown = rig.details(transaction_id)["transactionDetails"]["orderConfig"]["securities"]
    assert loads('{"price":1450.05}')["price"] == shown[0]["price"]
