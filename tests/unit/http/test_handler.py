"""The edge of the HTTP API: every request gets a response, or a problem that names the field."""

import base64
import json
from decimal import Decimal
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pydantic import BaseModel, ConfigDict

from securities_transactions.domain.errors import Contended, Fault, InvalidField, NotFound
from securities_transactions.domain.order_config import NewTransaction
from securities_transactions.gateway.errors import (
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    SecretsError,
)
from securities_transactions.http import problems
from securities_transactions.http.handler import http_handler
from securities_transactions.http.problems import Problem
from securities_transactions.http.request import MOST_BODY_BYTES, Request
from securities_transactions.http.response import Response, cacheable

SCOPE: Final = "securities-transactions:service"


class Thing(BaseModel):
    """A body with two fields."""

    model_config = ConfigDict(extra="forbid")

    name: str
    amount: Decimal = Decimal(0)


def request(body: str | None = None, **event: Any) -> Request:
    """A request as API Gateway passes it on."""
    return Request({"headers": {}, "body": body, **event})


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """The problem in a response, which has the problem media type and must not be cached."""
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["cache-control"] == "no-store"
    problem: dict[str, Any] = json.loads(answer["body"])
    assert problem["status"] == answer["statusCode"]
    assert problem["type"] in {each.uri for each in problems.CATALOGUE}
    assert {"title", "detail"} <= problem.keys()
    return problem


def refusing(asked: Request, model: type[BaseModel] = Thing) -> dict[str, Any]:
    """The problem that a body is answered with."""
    return answered(http_handler(lambda given: Response(200, given.parse(model).model_dump()))(asked.event, None))


BODIES: Final[list[tuple[str | None, str]]] = [
    (None, "body"),
    ("", "body"),
    ("{", "body"),
    ("[]", "body"),
    ('"text"', "body"),
    ("null", "body"),
    ('{"name": NaN}', "body"),
    ('{"name": "a"} {}', "body"),
    ("[" * 100_000, "body"),
    ('{"name": "\ud800"}', "body"),
    ("{}", "name"),
    ('{"name": null}', "name"),
    ('{"name": {"a": 1}}', "name"),
    ('{"name": "a", "amount": "much"}', "amount"),
    ('{"name": "a", "amount": 1e999999999999999999999}', "amount"),
    ('{"name": "a", "other": 1}', "other"),
]


@pytest.mark.parametrize(("body", "field"), BODIES)
def test_a_body_that_is_not_what_is_wanted_is_refused_by_its_field(body: str | None, field: str) -> None:
    problem = refusing(request(body))
    assert (problem["status"], problem["type"]) == (400, problems.INVALID_REQUEST.uri)
    assert [each["field"] for each in problem["errors"]] == [field]
    assert problem["detail"].startswith(f"{field}: ")


def test_every_field_at_fault_is_named_with_its_place_and_no_value_is_repeated() -> None:
    """Bodies hold tokens and personal data."""
    body = {"securities": [{"ticker": "A"}, {"ticker": "B", "quantity": "hunter2"}], "notes": 5, "hunter3": 1}
    problem = refusing(request(json.dumps(body)), NewTransaction)
    assert {each["field"] for each in problem["errors"]} == {"securities.1.quantity", "notes", "hunter3"}
    assert "hunter2" not in json.dumps(problem)


def test_body_is_accepted_up_to_its_limit_and_rejected_beyond_it() -> None:
    frame = len('{"name":""}')
    assert len(request(f'{{"name":"{"a" * (MOST_BODY_BYTES - frame)}"}}').parse(Thing).name) == MOST_BODY_BYTES - frame
    problem = refusing(request(f'{{"name":"{"a" * (MOST_BODY_BYTES - frame + 1)}"}}'))
    assert (problem["status"], problem["type"]) == (413, problems.TOO_LARGE.uri)


def test_the_bound_is_of_bytes_and_not_of_characters() -> None:
    assert refusing(request(f'{{"name":"{"₹" * (MOST_BODY_BYTES // 3)}"}}'))["status"] == 413


def test_a_body_may_come_in_base64() -> None:
    """As API Gateway passes on what is not text."""
    encoded = base64.b64encode('{"name":"₹"}'.encode()).decode()
    assert request(encoded, isBase64Encoded=True).parse(Thing).name == "₹"


@pytest.mark.parametrize("body", ["%%%", "abc", "é", base64.b64encode(b"\xff{").decode()])
def test_a_body_in_broken_base64_is_refused(body: str) -> None:
    problem = refusing(request(body, isBase64Encoded=True))
    assert (problem["status"], problem["errors"][0]["field"]) == (400, "body")


def test_numbers_are_exact_both_ways() -> None:
    handler = http_handler(lambda given: Response(200, given.parse(Thing).model_dump()))
    answer = handler({"headers": {}, "body": '{"name":"a","amount":0.10}'}, None)
    assert answer["body"] == '{"name":"a","amount":0.10}'
    assert answer["headers"] == {"content-type": "application/json", "cache-control": "no-store"}


@pytest.mark.parametrize(("value", "said"), [("true", True), ("false", False), (None, False)])
def test_a_flag_is_true_or_false(value: str | None, said: bool) -> None:
    assert request(queryStringParameters={"refresh": value}).flag("refresh") is said


@pytest.mark.parametrize("value", ["", "1", "True", "true,true", "yes"])
def test_any_other_flag_is_refused_by_its_field(value: str) -> None:
    with pytest.raises(Problem) as caught:
        request(queryStringParameters={"refresh": value}).flag("refresh")
    assert caught.value.errors[0]["field"] == "refresh"


def by(**claims: Any) -> Request:
    """A request with these verified claims."""
    return request(requestContext={"authorizer": {"jwt": {"claims": claims}}})


def test_a_caller_acts_for_themselves() -> None:
    caller = by(sub="user-42", scope="openid profile").caller(SCOPE)
    assert caller.acting_for(None) == caller.acting_for("user-42") == "user-42"
    assert caller.may_see("user-42")
    assert not caller.may_see("user-43")
    with pytest.raises(Problem) as caught:
        caller.acting_for("user-43")
    assert caught.value.type is problems.FORBIDDEN


@pytest.mark.parametrize("scope", [SCOPE, f"openid {SCOPE}", f"{SCOPE} x"])
def test_a_service_acts_for_whom_it_names(scope: str) -> None:
    caller = by(sub="backend", scope=scope).caller(SCOPE)
    assert caller.acting_for("user-43") == "user-43"
    assert caller.acting_for(None) == "backend"
    assert caller.may_see("user-43")


@pytest.mark.parametrize("scope", ["", f"{SCOPE}s", f"x{SCOPE}", f"openid,{SCOPE}", SCOPE.upper()])
def test_the_service_scope_is_a_whole_word(scope: str) -> None:
    assert not by(sub="user-42", scope=scope).caller(SCOPE).is_service


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": "u" * 257}])
def test_token_that_names_no_user_is_unusable(claims: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        by(**claims).caller(SCOPE)
    assert caught.value.type is problems.UNUSABLE_TOKEN


DOCUMENT: Final = {"b": 1, "a": Decimal("0.10")}


def test_current_etag_returns_304() -> None:
    """The ETag is the content's: the order of members is none of it."""
    first = cacheable(request(), DOCUMENT)
    etag = first.headers["etag"]
    assert (first.status, first.body, first.headers["cache-control"]) == (200, DOCUMENT, "private, no-cache")
    for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = cacheable(request(headers={"if-none-match": asked}), dict(reversed(DOCUMENT.items())))
        assert (again.status, again.headers["etag"]) == (304, etag), asked
        assert "body" not in again.to_lambda()
        assert "content-type" not in again.to_lambda()["headers"]


@pytest.mark.parametrize("asked", ["", '"other"', "W/", "a b", '""', '"*"'])
def test_who_has_another_answer_gets_this_one(asked: str) -> None:
    assert cacheable(request(headers={"if-none-match": asked}), DOCUMENT).status == 200


def test_another_content_is_another_etag() -> None:
    etags = {cacheable(request(), each).headers["etag"] for each in (DOCUMENT, {**DOCUMENT, "b": 2}, {})}
    assert len(etags) == 3


THROTTLED: Final = ClientError({"Error": {"Code": "ThrottlingException", "Message": "hunter2"}}, "PutItem")
FAILURES: Final[list[tuple[Exception, problems.ProblemType, dict[str, str]]]] = [
    (Problem(problems.NOT_FOUND, "x"), problems.NOT_FOUND, {}),
    (NotFound("no such transaction"), problems.NOT_FOUND, {}),
    (InvalidField("connect", "is not one of these"), problems.INVALID_REQUEST, {}),
    (InvalidField("connect", "cannot be had", Fault.MEANING), problems.UNPROCESSABLE, {}),
    (GatewayRefused(400, ("no such ticker",), "InputException"), problems.GATEWAY_REFUSED, {}),
    (GatewayRefused(401, ("hunter2",), None, is_about_us=True), problems.GATEWAY_UNAVAILABLE, {"retry-after": "60"}),
    (GatewayRefused(400, (), None, is_about_us=True), problems.GATEWAY_UNAVAILABLE, {"retry-after": "60"}),
    (GatewayMisconfigured("correct GatewayOrdersPath"), problems.GATEWAY_MISCONFIGURED, {}),
    (GatewayUnavailable("hunter2", 7), problems.GATEWAY_UNAVAILABLE, {"retry-after": "7"}),
    (SecretsError("apiSecret is missing"), problems.MISCONFIGURED, {}),
    (THROTTLED, problems.UNAVAILABLE, {"retry-after": "1"}),
    (Contended("hunter2"), problems.UNAVAILABLE, {"retry-after": "1"}),
    (ReadTimeoutError(endpoint_url="https://hunter2"), problems.UNAVAILABLE, {"retry-after": "1"}),
    (ZeroDivisionError("hunter2"), problems.INTERNAL, {}),
    (RecursionError("hunter2"), problems.INTERNAL, {}),
]


@pytest.mark.parametrize(("error", "cause", "headers"), FAILURES)
def test_each_error_is_a_problem_of_its_own_type_without_a_trace(
    error: Exception, cause: problems.ProblemType, headers: dict[str, str]
) -> None:
    def fail(_: Request) -> Response:
        raise error

    answer = http_handler(fail)({"headers": {}}, None)
    problem = answered(answer)
    assert problem["type"] == cause.uri
    assert {name: answer["headers"][name] for name in headers} == headers
    assert "Traceback" not in answer["body"]
    assert "hunter2" not in answer["body"]


@pytest.mark.parametrize("fault", Fault)
def test_field_that_the_domain_rejects_is_named(fault: Fault) -> None:
    def fail(_: Request) -> Response:
        raise InvalidField("connect", "is not linked", fault)

    problem = answered(http_handler(fail)({"headers": {}}, None))
    assert problem["errors"] == [{"field": "connect", "detail": "is not linked"}]
    assert problem["detail"] == "connect: is not linked"


def test_the_gateways_own_errors_are_passed_on() -> None:
    """Its refusals are about the request: who made it can act on them."""

    def fail(_: Request) -> Response:
        raise GatewayRefused(400, ("no such ticker", "market closed"), "InputException")

    problem = answered(http_handler(fail)({"headers": {}}, None))
    assert problem["gatewayErrors"] == ["no such ticker", "market closed"]
    assert problem["gatewayErrorType"] == "InputException"
    assert problem["detail"] == "no such ticker; market closed"


def test_error_type_that_the_gateway_did_not_give_is_absent() -> None:
    def fail(_: Request) -> Response:
        raise GatewayRefused(400, ("no such ticker",), None)

    assert "gatewayErrorType" not in answered(http_handler(fail)({"headers": {}}, None))


def test_each_cause_has_a_type_of_its_own() -> None:
    assert len({each.uri for each in problems.CATALOGUE}) == len(problems.CATALOGUE)
    declared = {each for each in vars(problems).values() if isinstance(each, problems.ProblemType)}
    assert declared == set(problems.CATALOGUE)
