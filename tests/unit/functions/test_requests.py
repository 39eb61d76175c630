"""Rules for every route: unknown parameters, the id of the request, a repeated request."""

import io
import json
import logging
from typing import Any

import pytest

from securities_transactions.logging import logger as product_logger
from tests.application import claims_event
from tests.unit.functions.harness import INFY, USER, Rig, routes
from tools.contracts.routes import PARAMETERS, ROUTES, Route

SECURED = [route for route in ROUTES if not route.is_open]
ID = "JKJaXmPLvHcESHA="


def called(rig: Rig, route: Route, query: dict[str, str], **context: Any) -> dict[str, Any]:
    """The answer of a route's function to a request that is otherwise in order."""
    name = f"{route.method.upper()} {route.path}"
    path = {"transactionId": rig.transaction(), "smallcaseAuthId": "65a1b2c3d4e5f60718293a4b"}
    body = route.asks.model_json_schema()["examples"][0] if route.asks else None
    event = claims_event(name, USER, "", body=body and json.dumps(body), queryStringParameters=query)
    event = {**event, "pathParameters": {key: value for key, value in path.items() if f"{{{key}}}" in route.path}}
    answer: dict[str, Any] = rig.handler(routes()[name])(
        {**event, "requestContext": {**event["requestContext"], **context}}, None
    )
    return answer


@pytest.mark.parametrize("route", SECURED, ids=lambda route: route.name)
def test_unknown_parameter_is_named(rig: Rig, route: Route) -> None:
    """A misspelt filter must not give everything."""
    answer = called(rig, route, {"Status": "COMPLETED", "zzz": ""})
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["type"].rpartition(":")[2]) == (400, "invalid-request")
    assert [each["field"] for each in problem["errors"]] == ["Status", "zzz"]


@pytest.mark.parametrize("route", SECURED, ids=lambda route: route.name)
def test_parameter_of_the_contract_is_known(rig: Rig, route: Route) -> None:
    known = {name: str(PARAMETERS[name].get("example", "")) for name in route.parameters if _in_query(name)}
    assert "is not a parameter" not in str(called(rig, route, known).get("body"))


def _in_query(name: str) -> bool:
    return bool(PARAMETERS[name]["in"] == "query")


@pytest.mark.parametrize("query", [{}, {"zzz": "1"}], ids=["answer", "problem"])
@pytest.mark.parametrize("route", SECURED, ids=lambda route: route.name)
def test_answer_has_the_id_of_the_request(rig: Rig, route: Route, query: dict[str, str]) -> None:
    answer = called(rig, route, query, requestId=ID)
    assert answer["headers"]["x-request-id"] == ID
    if answer["statusCode"] >= 400:
        assert json.loads(answer["body"])["instance"] == "urn:request:JKJaXmPLvHcESHA%3D"


def test_log_lines_have_the_id_of_their_request(rig: Rig) -> None:
    """Also where a function serves several requests one after the other."""
    written, logger = io.StringIO(), product_logger()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logger.registered_formatter)
    rig.dynamodb.failing = {"Query": RuntimeError("on purpose")}
    logging.getLogger(logger.name).addHandler(handler)
    try:
        for request_id in ("first", "second"):
            event = claims_event("GET /orders", USER, "")
            event = {**event, "requestContext": {**event["requestContext"], "requestId": request_id}}
            rig.handler(routes()["GET /orders"])(event, None)
    finally:
        logging.getLogger(logger.name).removeHandler(handler)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(line["message"], line["request_id"]) for line in lines] == [
        ("unexpected", "first"),
        ("unexpected", "second"),
    ]


def test_only_a_repeated_request_says_that_it_is_one(rig: Rig) -> None:
    answers = [rig.create(key="same"), rig.create(key="same"), rig.create(key="other"), rig.create()]
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true", None, None]
    assert answers[0].body["transactionId"] == answers[1].body["transactionId"]


WRONG: list[tuple[Any, list[tuple[str, str]]]] = [
    ({}, [("securities", "is missing")]),
    ([], [("body", "must be an object")]),
    ({"securities": []}, [("securities", "must not be empty")]),
    ({"securities": "INFY"}, [("securities", "must be a list")]),
    ({"securities": [INFY] * 101}, [("securities", "must have at most 100 elements")]),
    ({"securities": ["INFY"]}, [("securities.0", "must be an object")]),
    ({"securities": [INFY | {"quantity": 0}]}, [("securities.0.quantity", "must be at least 1")]),
    ({"securities": [INFY | {"quantity": 1.5}]}, [("securities.0.quantity", "must be a whole number")]),
    ({"securities": [INFY | {"type": "HOLD"}]}, [("securities.0.type", "must be BUY or SELL")]),
    ({"securities": [INFY | {"ticker": ""}]}, [("securities.0.ticker", "must not be empty")]),
    ({"securities": [INFY | {"ticker": "A B"}]}, [("securities.0.ticker", "has a character that it cannot have")]),
    ({"securities": [INFY | {"ticker": 3}]}, [("securities.0.ticker", "must be text")]),
    ({"securities": [INFY | {"orderType": "LIMIT"}]}, [("securities.0.price", "is needed for a LIMIT order")]),
    ({"securities": [INFY | {"price": 3}]}, [("securities.0.price", "is not part of a MARKET order")]),
    ({"securities": [INFY | {"orderType": "LIMIT", "price": "x"}]}, [("securities.0.price", "must be a number")]),
    ({"securities": [INFY | {"orderType": "LIMIT", "price": -1}]}, [("securities.0.price", "must be more than 0")]),
    ({"securities": [INFY | {"orderType": "LIMIT", "price": True}]}, [("securities.0.price", "must be a number")]),
    (
        {"securities": [INFY | {"orderType": "LIMIT", "price": 3.005}]},
        [("securities.0.price", "must have at most 2 decimals")],
    ),
    (
        {"securities": [INFY, {"ticker": "TCS"}]},
        [("securities.1.type", "is missing: if one security has type, every one must")],
    ),
    ({"securities": [INFY], "config": {"orderLogo": "x"}}, [("config.orderLogo", "must be a URL")]),
    ({"securities": [INFY], "notes": "x" * 300}, [("notes", "must have at most 256 characters")]),
    ({"securities": [INFY], "connect": "x"}, [("connect", "must be auto, guest or connected")]),
    ({"securities": [INFY], "Notes": "x"}, [("Notes", "is not a field of this request")]),
    (
        {"securities": [INFY | {"quantity": -1, "validity": "GTC"}], "connect": 1},
        [
            ("securities.0.quantity", "must be at least 1"),
            ("securities.0.validity", "must be DAY or IOC"),
            ("connect", "must be auto, guest or connected"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("body", "errors"), WRONG, ids=[str(errors[0][0]) + str(i) for i, (_, errors) in enumerate(WRONG)]
)
def test_each_fault_is_reported_once_in_the_words_of_the_api(
    rig: Rig, body: Any, errors: list[tuple[str, str]]
) -> None:
    """A list with one element at fault is no second fault, and no word is the validator's."""
    answer = rig.call("POST /transactions", body)
    assert answer.status == 400
    assert [(each["field"], each["detail"]) for each in answer.body["errors"]] == errors
    assert answer.body["detail"] == ": ".join(errors[0])
