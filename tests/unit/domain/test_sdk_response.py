"""What the SDK told the app, as the app posts it (docs/gateway.md §6.2, §8): every shape, every code."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import ValidationError

from securities_transactions.domain.sdk_errors import ERROR_CODES, ERROR_MESSAGES, may_have_orders
from securities_transactions.domain.sdk_response import Rejected, Resolved, SdkResponse, read
from securities_transactions.gateway import tokens
from securities_transactions.gateway.secrets import GatewaySecret
from securities_transactions.http import problems
from securities_transactions.http.problems import Problem

SECRET: Final = GatewaySecret("gateway-secret-for-the-tests-0123456789")
NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
AUTH_ID: Final = "65a1b2c3d4e5f60718293a4b"
TRANSACTION: Final = "TRX_1"
TOKEN: Final = tokens.mint_connected(SECRET, AUTH_ID, NOW)
ORDER: Final = {"tradingsymbol": "M&M", "transactionType": "BUY", "status": "PLACED", "quantity": 2}
RESOLVED: Final[dict[str, Any]] = {
    "success": True,
    "transactionId": TRANSACTION,
    "smallcaseAuthToken": TOKEN,
    "broker": "kite-leprechaun",
    "orderBatches": [{"batchId": "b1", "orders": [ORDER]}],
}


def resolved(value: Any) -> Resolved:
    """What a posted resolve value is read as."""
    said = read(SdkResponse(resolved=value), TRANSACTION, SECRET, NOW)
    assert isinstance(said, Resolved)
    return said


def rejected(value: Any) -> Rejected:
    """What a posted reject value is read as."""
    said = read(SdkResponse(rejected=value), TRANSACTION, SECRET, NOW)
    assert isinstance(said, Rejected)
    return said


def refused(**posted: Any) -> Problem:
    """The problem with what was posted."""
    with pytest.raises(Problem) as caught:
        read(SdkResponse(**posted), TRANSACTION, SECRET, NOW)
    return caught.value


SHAPES: Final[dict[str, Any]] = {
    "web": RESOLVED,
    "React Native": {"data": json.dumps(RESOLVED), "success": True},
    "Flutter": json.dumps(RESOLVED),
}


@pytest.mark.parametrize("sdk", SHAPES)
def test_every_sdk_says_the_same(sdk: str) -> None:
    said = resolved(SHAPES[sdk])
    assert (said.smallcase_auth_id, said.broker) == (AUTH_ID, "kite-leprechaun")
    assert said.batch is not None
    assert said.batch.as_sent() == {"batchId": "b1", "orders": (ORDER,)}


@pytest.mark.parametrize("batches", [None, [], [{"batchId": "b1"}], [{"batchId": "b1", "orders": []}], {}])
def test_a_resolve_without_orders_says_whose_account_it_is_and_no_more(batches: object) -> None:
    said = resolved({**RESOLVED, "orderBatches": batches})
    assert (said.smallcase_auth_id, said.batch) == (AUTH_ID, None)


@pytest.mark.parametrize("broker", [None, 7, "", ["kite"]])
def test_a_broker_that_has_no_name_is_not_known(broker: object) -> None:
    assert resolved({**RESOLVED, "broker": broker}).broker is None


def test_a_text_that_nobody_has_signed_is_kept_to_a_bound() -> None:
    """Or one response would not fit an event."""
    assert resolved({**RESOLVED, "broker": "k" * 5000}).broker == "k" * 200
    assert rejected({"message": "m" * 5000}).message == "m" * 200


FORGED: Final = tokens.mint_connected(GatewaySecret("somebody-elses-secret-0123456789-012345"), AUTH_ID, NOW)
BAD: Final[list[tuple[dict[str, Any], str, problems.ProblemType]]] = [
    ({"smallcaseAuthToken": FORGED}, "smallcaseAuthToken", problems.UNPROCESSABLE),
    ({"smallcaseAuthToken": tokens.mint_guest(SECRET, NOW)}, "smallcaseAuthToken", problems.UNPROCESSABLE),
    (
        {"smallcaseAuthToken": tokens.mint_connected(SECRET, AUTH_ID, NOW - timedelta(hours=1))},
        "smallcaseAuthToken",
        problems.UNPROCESSABLE,
    ),
    ({"smallcaseAuthToken": None}, "smallcaseAuthToken", problems.INVALID_REQUEST),
    ({"smallcaseAuthToken": {"smallcaseAuthId": AUTH_ID}}, "smallcaseAuthToken", problems.INVALID_REQUEST),
    ({"transactionId": "TRX_2"}, "transactionId", problems.UNPROCESSABLE),
    ({"orderBatches": ["b1"]}, "orderBatches.0", problems.INVALID_REQUEST),
    ({"orderBatches": [[]]}, "orderBatches.0", problems.INVALID_REQUEST),
    ({"orderBatches": [{"orders": [ORDER]}]}, "orderBatches.0", problems.INVALID_REQUEST),
]


@pytest.mark.parametrize(("members", "field", "cause"), BAD)
def test_a_false_token_or_another_transactions_answer_is_refused_by_its_field(
    members: dict[str, Any], field: str, cause: problems.ProblemType
) -> None:
    """Verified, not just decoded: the token decides whose broker account is linked."""
    problem = refused(resolved=RESOLVED | members)
    assert (problem.type, problem.errors[0]["field"]) == (cause, f"resolved.{field}")
    assert TOKEN not in problem.detail
    assert FORGED not in problem.detail


@pytest.mark.parametrize("value", ["", "not json", "[1]", '"text"', "null", "{", "[" * 1000])
@pytest.mark.parametrize("which", ["resolved", "rejected"])
def test_text_that_is_no_json_object_is_refused_by_its_field(which: str, value: str) -> None:
    problem = refused(**{which: value})
    assert (problem.type, problem.errors[0]["field"]) == (problems.INVALID_REQUEST, which)


@pytest.mark.parametrize("posted", [{}, {"resolved": {}, "rejected": {}}, {"resolved": 1}, {"status": "x"}])
def test_exactly_one_of_both_is_posted(posted: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SdkResponse(**posted)


@pytest.mark.parametrize("code", sorted(ERROR_CODES))
@pytest.mark.parametrize(
    "shape",
    [
        lambda code, message: {"message": message, "errorCode": code},
        lambda code, message: {"errorCode": code, "errorMessage": message, "data": None},
        lambda code, message: {"userInfo": {"errorCode": code, "errorMessage": message, "data": None}},
        lambda code, message: {"message": "native", "userInfo": {"errorCode": code, "errorMessage": message}},
        lambda code, message: json.dumps({"success": False, "errorCode": code, "errorMessage": message}),
        lambda code, message: {"data": json.dumps({"errorCode": str(code), "errorMessage": message})},
        lambda code, message: {"errorCode": code},
        lambda code, message: {"code": str(code), "message": ""},
    ],
)
def test_every_code_is_read_in_every_shape(code: int, shape: Any) -> None:
    """As a number or as text, with its message or alone."""
    message, open_ = ERROR_CODES[code]
    said = rejected(shape(code, message))
    assert (said.code, said.message, said.unknown) == (code, message, open_)
    assert said.error() == {"code": code, "message": message}


@pytest.mark.parametrize("message", sorted(ERROR_MESSAGES))
def test_every_message_is_read_alone_as_the_web_gives_it(message: str) -> None:
    said = rejected({"message": message})
    assert said.error() == {"message": message}
    assert said.unknown is (message in OPEN)


OPEN: Final = {"internal_error", "api_error", "timed_out", "order_pending", "order_in_queue"}


def test_what_leaves_open_whether_an_order_was_placed() -> None:
    """`order_pending`, `internal_error` and `timed_out` never mean failed, by code or by message alone."""
    assert {code for code in ERROR_CODES if may_have_orders(code, None)} == {
        *(4006, 2000, 4003, 1000),
        *(20, 30, 40, 60, 80, 110),
    }
    assert {message for message in ERROR_MESSAGES if may_have_orders(None, message)} == OPEN


@pytest.mark.parametrize("code", [1000, 1002, 1004, 2001, 20, 30, 40, 60, 80, 110])
def test_the_codes_of_2020_are_known(code: int) -> None:
    """Old clients send the number alone, the internal ones mean unknown."""
    said = rejected({"errorCode": code})
    assert said.code == code
    assert said.message
    assert said.unknown is (code < 1001)


@pytest.mark.parametrize("code", [1, 4242, -7, "99999"])
def test_an_unknown_code_alone_is_accepted_and_kept(code: int | str) -> None:
    """The set is open: what no page lists is still what the SDK said."""
    assert rejected({"errorCode": code}).error() == {"code": int(code)}


def test_an_unknown_code_with_an_unknown_message_is_kept_as_it_came() -> None:
    assert rejected({"errorCode": 9001, "message": "new_thing"}).error() == {"code": 9001, "message": "new_thing"}


@pytest.mark.parametrize("code", [None, True, 1.5, "", "12a", "٣", "9" * 5000, 10**40, [1], {}])
def test_what_is_no_code_is_passed_over_where_a_message_says_why(code: object) -> None:
    """A code that no store takes would fail what says why."""
    assert rejected({"errorCode": code, "message": "user_cancelled"}).error() == {"message": "user_cancelled"}


@pytest.mark.parametrize("value", [{}, {"errorCode": True}, {"message": ""}, {"message": 5}, {"errorCode": "9" * 5000}])
def test_a_reject_that_says_nothing_is_refused(value: dict[str, Any]) -> None:
    problem = refused(rejected=value)
    assert (problem.type, problem.errors[0]["field"]) == (problems.INVALID_REQUEST, "rejected.message")
