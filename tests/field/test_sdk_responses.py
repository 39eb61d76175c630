"""The responses of the Gateway's own SDKs to an app, and the claims of the token in them."""

import json
from typing import Any

import jwt
import pytest

from tests.field.documents import batch, order
from tests.field.harness import API_SECRET, AUTH_ID, Field


def resolved(field: Field, transaction_id: str, **more: Any) -> dict[str, Any]:
    """The value that an SDK resolves with after a transaction."""
    return {"transactionId": transaction_id, "smallcaseAuthToken": field.token(), "broker": "kite", **more}


def test_react_native_resolves_with_text_in_data(field: Field) -> None:
    """An SDK response with its `data` as JSON text is accepted."""
    transaction_id = field.create()
    data = json.dumps(resolved(field, transaction_id, orderBatches=[batch(order())]))
    body = {"resolved": {"data": data, "success": True, "transaction": "TRANSACTION"}}
    assert field.post_sdk_response(transaction_id, body).status == 202


def test_cordova_resolves_with_an_object_in_data(field: Field) -> None:
    """An SDK response with its `data` as an object is accepted, and the orders in it are shown."""
    transaction_id = field.create()
    data = resolved(field, transaction_id, orderBatches=[batch(order())])
    body = {"resolved": {"data": data, "success": True, "transaction": "TRANSACTION"}}
    response = field.post_sdk_response(transaction_id, body)
    assert response.status == 202, response.text
    assert field.orders(transaction_id)["orders"]


def test_cordova_on_ios_resolves_with_an_error(field: Field) -> None:
    """An SDK response that resolved with `success: false` is accepted as an SDK error."""
    transaction_id = field.create()
    error = {"success": False, "errorCode": 4006, "error": "order_pending", "data": None, "transaction": "ERROR"}
    response = field.post_sdk_response(transaction_id, {"resolved": error})
    assert response.status == 202, response.text


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(
            {},
            "user_cancelled",
            id="without_a_code",
        ),
        pytest.param(
            {"errorCode": 5001},
            "brand_new",
            id="with_an_unknown_code",
        ),
    ],
)
def test_flutter_on_ios_has_its_message_under_error(field: Field, code: dict[str, Any], message: str) -> None:
    """The message of an SDK error is read from `error` too, with any code or none."""
    transaction_id = field.create()
    error = json.dumps({"success": False, **code, "error": message, "transaction": "ERROR"})
    response = field.post_sdk_response(transaction_id, {"rejected": error})
    assert response.status == 202, response.text
    assert (response.body.get("sdkError") or {}).get("message") == message, response.text


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="usual"),
        pytest.param({"iat": 120}, id="iat_ahead_by_two_minutes"),
        pytest.param(
            {"aud": "gateway"},
            id="aud",
        ),
        pytest.param(
            {"aud": ["a", "b"]},
            id="aud_is_a_list",
        ),
    ],
)
def test_genuine_token_is_accepted_with_any_other_claims(field: Field, claims: dict[str, Any]) -> None:
    """The signature and `exp` decide about a token; other claims do not matter."""
    ahead = {"iat": int(field.now().timestamp()) + claims["iat"]} if "iat" in claims else {}
    transaction_id = field.create()
    body = {"resolved": resolved(field, transaction_id, smallcaseAuthToken=field.token(**(claims | ahead)))}
    response = field.post_sdk_response(transaction_id, body)
    assert response.status == 202, response.text


def test_forged_token_is_rejected(field: Field) -> None:
    """A token without a signature, or signed with the other secret, is rejected."""
    transaction_id = field.create()
    claims = {"smallcaseAuthId": AUTH_ID}
    unsigned, other_secret = jwt.encode(claims, "", algorithm="none"), jwt.encode(claims, API_SECRET, "HS256")
    for token in (unsigned, other_secret):
        body = {"resolved": resolved(field, transaction_id, smallcaseAuthToken=token)}
        assert field.post_sdk_response(transaction_id, body).status == 422
