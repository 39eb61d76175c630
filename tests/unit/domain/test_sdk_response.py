"""The SDK's response as the app posts it (docs/reference/gateway.md §6.2, §8): every shape, every code."""

import json
from typing import Any, Final

import pytest

from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.sdk_errors import ERROR_CODES, ERROR_MESSAGES, may_have_orders
from securities_transactions.domain.sdk_response import Resolved, Signal, read
from securities_transactions.domain.transaction import SdkError

TRANSACTION: Final = "TRX_1"
TOKEN: Final = "a token that is not verified yet"
ORDER: Final = {"tradingsymbol": "M&M", "transactionType": "BUY", "status": "PLACED", "quantity": 2}
RESOLVED: Final[dict[str, Any]] = {
    "success": True,
    "transactionId": TRANSACTION,
    "smallcaseAuthToken": TOKEN,
    "broker": "kite-leprechaun",
    "orderBatches": [{"batchId": "b1", "orders": [ORDER]}],
}


def resolved(value: Any) -> Resolved:
    """A posted resolve value as it is read."""
    response = read({"resolved": value}, TRANSACTION)
    assert isinstance(response, Resolved)
    return response


def rejected(value: Any) -> SdkError:
    """The error in a posted reject value."""
    error = signal({"rejected": value}).error
    assert error is not None
    return error


def signal(posted: Any) -> Signal:
    """Any posted JSON that is not a resolved flow."""
    response = read(posted, TRANSACTION)
    assert isinstance(response, Signal)
    return response


def is_open(error: SdkError) -> bool:
    """Return True if an order may have been placed despite the error."""
    return may_have_orders(error.code, error.message)


SHAPES: Final[dict[str, Any]] = {
    "web": RESOLVED,
    "React Native": {"data": json.dumps(RESOLVED), "success": True},
    "Cordova": {"data": RESOLVED, "success": True, "transaction": "TRANSACTION"},
    "Flutter": json.dumps(RESOLVED),
}


@pytest.mark.parametrize("sdk", SHAPES)
def test_response_of_every_sdk_is_read_the_same(sdk: str) -> None:
    response = resolved(SHAPES[sdk])
    assert (response.token, response.broker) == (TOKEN, "kite-leprechaun")
    assert response.batch is not None
    assert response.batch.as_sent() == {"batchId": "b1", "orders": (ORDER,)}


@pytest.mark.parametrize("batches", [None, [], [{"batchId": "b1"}], [{"batchId": "b1", "orders": []}], {}])
def test_resolved_response_without_orders_has_the_token_alone(batches: object) -> None:
    response = resolved({**RESOLVED, "orderBatches": batches})
    assert (response.token, response.batch) == (TOKEN, None)


@pytest.mark.parametrize("broker", [None, 7, "", ["kite"]])
def test_broker_without_a_name_is_read_as_none(broker: object) -> None:
    assert resolved({**RESOLVED, "broker": broker}).broker is None


def test_unsigned_text_is_cut_at_200_characters() -> None:
    """A longer one would not fit an event."""
    assert resolved({**RESOLVED, "broker": "k" * 5000}).broker == "k" * 200
    assert rejected({"message": "m" * 5000}).message == "m" * 200


@pytest.mark.parametrize("posted", [{"resolved": RESOLVED}, RESOLVED, json.dumps(RESOLVED)])
def test_response_of_another_transaction_is_an_error_that_names_its_field(posted: Any) -> None:
    with pytest.raises(InvalidField) as caught:
        read(posted, "TRX_2")
    assert (caught.value.fault, caught.value.field) == (Fault.MEANING, "resolved.transactionId")
    assert TOKEN not in str(caught.value)
    assert "TRX_1" not in str(caught.value)


@pytest.mark.parametrize("batches", [["b1"], [[]], [{"orders": [ORDER]}], "b1", {}, [None], 7])
def test_batch_that_cannot_be_read_is_left_to_the_pull(batches: Any) -> None:
    response = resolved(RESOLVED | {"orderBatches": batches})
    assert (response.token, response.batch) == (TOKEN, None)


@pytest.mark.parametrize(
    "row",
    [{"status": "FROZEN"}, {"transactionType": "SHORT"}, {"filledQuantity": 3}, {"quantity": "many"}, {"status": None}],
)
def test_unclear_batch_is_left_to_the_pull(row: dict[str, Any]) -> None:
    """An app's post is no reason to escalate."""
    batch = {"batchId": "b1", "orders": [ORDER, {**ORDER, **row}]}
    assert resolved(RESOLVED | {"orderBatches": [batch]}).batch is None


def test_odd_optional_fields_do_not_hide_a_batch() -> None:
    batch: dict[str, Any] = {
        "batchId": "b1",
        "orders": [{**ORDER, "triggerPrice": "-"}],
        "unplaced": None,
        "buyAmount": {},
    }
    read_batch = resolved(RESOLVED | {"orderBatches": [batch]}).batch
    assert read_batch is not None
    assert (read_batch.orders[0].unreadable, read_batch.unreadable) == ({"triggerPrice": '"-"'}, {"buyAmount": "{}"})


@pytest.mark.parametrize("token", [None, "", {"smallcaseAuthId": "65a1b2c3d4e5f60718293a4b"}, 7])
def test_resolved_response_without_a_token_is_a_signal(token: Any) -> None:
    assert signal({"resolved": RESOLVED | {"smallcaseAuthToken": token}}) == Signal()


@pytest.mark.parametrize("value", ["", "[1]", "null", "{", "[" * 1000, "user_cancelled", {}, [], None, 7, True])
def test_any_json_is_a_signal(value: Any) -> None:
    for posted in (value, {"resolved": value}, {"rejected": value}, {"data": value}):
        assert isinstance(read(posted, TRANSACTION), Signal)


def test_text_that_is_not_json_is_the_message_of_an_error() -> None:
    for posted in ("user_cancelled", {"rejected": "user_cancelled"}, {"rejected": '"user_cancelled"'}):
        assert signal(posted).error == SdkError(None, "user_cancelled")


@pytest.mark.parametrize(
    "value",
    [
        {"success": False, "errorCode": 4006, "error": "order_pending", "data": None, "transaction": "ERROR"},
        {"success": False, "errorCode": "4006", "data": {"x": 1}},
        {"data": {"success": False, "errorCode": 4006, "errorMessage": "order_pending"}},
        json.dumps({"success": False, "errorCode": 4006, "error": "order_pending"}),
    ],
)
def test_error_in_the_success_callback_is_a_rejection(value: Any) -> None:
    """Cordova on iOS delivers errors so, and changelogs of other SDKs name the same fault."""
    assert signal({"resolved": value}).error == SdkError(4006, "order_pending")


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
    error = rejected(shape(code, message))
    assert error == SdkError(code, message)
    assert is_open(error) is open_


@pytest.mark.parametrize("message", sorted(ERROR_MESSAGES))
def test_every_message_is_read_alone_as_the_web_sdk_gives_it(message: str) -> None:
    error = rejected({"message": message})
    assert error == SdkError(None, message)
    assert is_open(error) is (message in OPEN)


OPEN: Final = {"internal_error", "api_error", "timed_out", "order_pending", "order_in_queue"}


def test_errors_that_leave_open_whether_an_order_was_placed() -> None:
    """`order_pending`, `internal_error` and `timed_out` never mean failed, by code or by message alone."""
    assert {code for code in ERROR_CODES if may_have_orders(code, None)} == {
        *(4006, 2000, 4003, 1000),
        *(20, 30, 40, 60, 80, 110),
    }
    assert {message for message in ERROR_MESSAGES if may_have_orders(None, message)} == OPEN


@pytest.mark.parametrize("code", [1000, 1002, 1004, 2001, 20, 30, 40, 60, 80, 110])
def test_codes_of_2020_are_known(code: int) -> None:
    """Old clients send the number alone, the internal ones mean unknown."""
    error = rejected({"errorCode": code})
    assert error.code == code
    assert error.message
    assert is_open(error) is (code < 1001)


@pytest.mark.parametrize("code", [1, 4242, -7, "99999"])
def test_unknown_code_alone_is_accepted_as_sent(code: int | str) -> None:
    """The set of codes is open."""
    assert rejected({"errorCode": code}) == SdkError(int(code), None)


def test_unknown_code_with_an_unknown_message_is_read_as_sent() -> None:
    assert rejected({"errorCode": 9001, "message": "new_thing"}) == SdkError(9001, "new_thing")


@pytest.mark.parametrize("code", [None, True, 1.5, "", "12a", "٣", "9" * 5000, 10**40, [1], {}])
def test_value_that_is_not_a_code_is_ignored_beside_a_message(code: object) -> None:
    """A code that DynamoDB does not take would fail the whole write."""
    assert rejected({"errorCode": code, "message": "user_cancelled"}) == SdkError(None, "user_cancelled")


@pytest.mark.parametrize("value", [{}, {"errorCode": True}, {"message": ""}, {"message": 5}, {"errorCode": "9" * 5000}])
def test_rejected_response_without_code_and_message_is_a_signal_alone(value: dict[str, Any]) -> None:
    """`JSON.stringify` of a JavaScript error is {}."""
    assert signal({"rejected": value}) == Signal()
