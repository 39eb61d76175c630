"""Numbers that no order has, in every field, on each way in: one field is unreadable, and no code computes with it."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import jwt
import pytest

from tests.unit.functions.harness import API_SECRET, GATEWAY_SECRET, KITE, Answered, Rig

HUGE: Final = [
    "1e9999999", "1e99999999", "-1e9999999", "1E+5000", "1e5000", "1e-9999999", "9" * 5_000, "9" * 200_000,
    "0." + "0" * 5_000 + "1", "1e999999999999999999999999", "1e64", "-1", "1e400", "99999999999999999999",
]  # fmt: skip
ORDER_FIELDS: Final = ["quantity", "filledQuantity", "averagePrice", "price", "triggerPrice", "errorCode", "x"]
BATCH_FIELDS: Final = ["quantity", "filled", "buyAmount", "sellAmount", "completedDate", "x"]
MARK: Final = "@number@"


def written(body: dict[str, Any], number: str) -> str:
    """`body` as JSON text with `number` where it has the mark: Python has no such number."""
    return json.dumps(body).replace(json.dumps(MARK), number)


def order(**more: Any) -> dict[str, Any]:
    return {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "PLACED", "quantity": 3} | more


def batch(**more: Any) -> dict[str, Any]:
    return {"batchId": "b1", "status": "PLACED", "orders": [order()], "unplaced": []} | more


def signed(rig: Rig, transaction_id: str, **more: Any) -> dict[str, Any]:
    timestamp = rig.world.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    checksum = hmac.new(API_SECRET.encode(), (timestamp + KITE).encode(), hashlib.sha256).hexdigest()
    identity = {"transactionId": transaction_id, "smallcaseAuthId": KITE, "timestamp": timestamp, "checksum": checksum}
    return batch(**more) | identity


def webhook(rig: Rig, body: str) -> Answered:
    return rig.call("POST /webhooks/orders", body)


def seconds_of(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize("number", HUGE, ids=lambda number: f"{number[:12]}, {len(number)} characters")
@pytest.mark.parametrize("field", ORDER_FIELDS)
def test_webhook_with_a_huge_number_in_an_order_is_accepted_or_suspicious(rig: Rig, field: str, number: str) -> None:
    """Its checksum is genuine, so it is never refused, with any number in it."""
    transaction_id = rig.transaction()
    answer = webhook(rig, written(signed(rig, transaction_id, orders=[order(**{field: MARK})]), number))
    assert answer.status == 200, answer.text
    assert rig.call("GET /orders").status == 200


@pytest.mark.parametrize("number", HUGE, ids=lambda number: f"{number[:12]}, {len(number)} characters")
@pytest.mark.parametrize("field", BATCH_FIELDS)
def test_webhook_with_a_huge_number_in_its_batch_is_accepted_or_suspicious(rig: Rig, field: str, number: str) -> None:
    transaction_id = rig.transaction()
    answer = webhook(rig, written(signed(rig, transaction_id, **{field: MARK}), number))
    assert answer.status == 200, answer.text
    assert rig.call("GET /orders").status == 200


@pytest.mark.parametrize("number", HUGE, ids=lambda number: f"{number[:12]}, {len(number)} characters")
def test_sdk_response_with_a_huge_number_is_taken_or_a_problem(rig: Rig, number: str) -> None:
    """With the caller's own genuine token."""
    transaction_id = rig.transaction()
    now = int(rig.world.clock().timestamp())
    token = jwt.encode({"smallcaseAuthId": KITE, "iat": now, "exp": now + 60}, GATEWAY_SECRET, algorithm="HS256")
    route, path = "POST /transactions/{transactionId}/sdk-response", {"transactionId": transaction_id}
    for field in ORDER_FIELDS:
        resolved = {"smallcaseAuthToken": token, "orderBatches": [batch(orders=[order(**{field: MARK})])]}
        assert rig.call(route, written({"resolved": resolved}, number), path=path).status in (202, 400)
    rejected = {"message": "user_cancelled", "errorCode": MARK}
    assert rig.call(route, written({"rejected": rejected}, number), path=path).status == 202


@pytest.mark.parametrize("number", HUGE, ids=lambda number: f"{number[:12]}, {len(number)} characters")
@pytest.mark.parametrize("field", [*ORDER_FIELDS, "code", "expireAt", "status of the transaction"])
def test_gateway_answer_with_a_huge_number_never_ends_in_a_500(rig: Rig, field: str, number: str) -> None:
    transaction_id = rig.transaction()
    details: dict[str, Any] = {
        "transactionId": transaction_id,
        "status": "PROCESSING",
        "success": {"data": {"batches": [batch(orders=[order(**{field: MARK})])]}},
    }
    if field == "code":
        details |= {"status": "ERRORED", "error": {"value": True, "message": "x", "code": MARK}}
    if field == "expireAt":
        details |= {"expireAt": MARK}
    text = written({"success": True, "errors": None, "data": details}, number)
    rig.gateway.answer = lambda request: httpx.Response(200, text=text)
    route, path = "GET /transactions/{transactionId}", {"transactionId": transaction_id}
    assert rig.call(route, path=path, query={"refresh": "true"}).status in (200, 503)
    assert rig.call("GET /orders").status == 200


def test_no_number_costs_more_than_twenty_webhooks_of_a_hundred_stocks(rig: Rig) -> None:
    """Of both the quickest of three runs, so that a busy machine decides nothing; the fault cost thousands of times."""
    transaction_id = rig.transaction()
    usual = json.dumps(signed(rig, transaction_id, orders=[order(tradingsymbol=f"S{n}") for n in range(100)]))
    bound = 20 * min(seconds_of(lambda: webhook(rig, usual)) for _ in range(3))
    for number in HUGE:
        for field in ("quantity", "averagePrice"):
            body = written(signed(rig, transaction_id, orders=[order(**{field: MARK})]), number)
            cost = min(seconds_of(lambda body=body: webhook(rig, body)) for _ in range(3))  # type: ignore[misc]  # a default binds the loop's value
            assert cost < bound, f"{field} {number[:20]}"


def test_webhook_of_more_than_a_mebibyte_is_refused_unread_and_logged(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Its signature too would cost seconds to reach; if it was genuine, the next check pulls what it said."""
    transaction_id = rig.transaction()
    body = json.dumps(signed(rig, transaction_id, x="y" * 1024 * 1024))
    answer = webhook(rig, body)
    assert (answer.status, answer.problem) == (413, "too-large")
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["a webhook is too large"]
    assert rig.tables["Webhooks"].items == {}
    assert webhook(rig, "[" * (6 * 1024 * 1024)).status == 413
