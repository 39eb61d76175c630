"""The Gateway's API as it is called, and how each way of failing is told (docs/gateway.md §1, §2.3, §3)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest

from sst import gateway, tokens
from sst.gateway import Gateway
from sst.gateway_errors import GatewayRefused, GatewayUnavailable
from sst.secrets import ApiSecret, GatewaySecret, GatewaySecrets

SECRETS: Final = GatewaySecrets(
    GatewaySecret("gateway-secret-for-the-tests-0123456789"), ApiSecret("api-secret-for-the-tests")
)
NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
CREATED: Final = {"transactionId": "TRX_1", "expireAt": "2026-01-15T04:45:00.000Z"}
BATCH: Final = {
    "batchId": "b1",
    "orders": [{"tradingsymbol": "X", "transactionType": "BUY", "status": "PLACED", "quantity": 1}],
}

Answer = Callable[[httpx.Request], httpx.Response]


class Vendor:
    """A Gateway that answers what it is told and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Give the next answer."""
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def client(self) -> Gateway:
        """Our client of it."""
        http = httpx.Client(base_url="https://gateway.example", transport=httpx.MockTransport(self))
        return Gateway(http, "demo gw/1", lambda: SECRETS)


def data(value: Any) -> httpx.Response:
    """A Gateway's yes."""
    return httpx.Response(200, json={"success": True, "errors": None, "data": value})


def test_a_create_is_sent_as_documented_with_each_secret_in_its_place() -> None:
    """The API secret is a header of its own; the gateway secret signs the token and is never sent."""
    vendor = Vendor(data(CREATED))
    created = vendor.client.create_transaction({"intent": "TRANSACTION", "notes": "₹"}, "the.user.token")
    (request,) = vendor.asked
    assert (request.method, request.url.raw_path) == ("POST", b"/gateway/demo%20gw%2F1/transaction")
    assert json.loads(request.content) == {"intent": "TRANSACTION", "notes": "₹"}
    assert request.headers["x-gateway-secret"] == SECRETS.api.value
    assert request.headers["x-gateway-authtoken"] == "the.user.token"
    assert (request.headers["content-type"], request.headers["accept"]) == ("application/json", "application/json")
    assert SECRETS.gateway.value not in f"{request.url}{request.headers.raw}{request.content!r}"
    assert created == gateway.Created("TRX_1", datetime(2026, 1, 15, 4, 45, tzinfo=UTC))


@pytest.mark.parametrize("expire_at", [None, "soon", True])
def test_a_create_without_a_time_it_expires_at_is_a_create(expire_at: object) -> None:
    created = Vendor(data({**CREATED, "expireAt": expire_at})).client.create_transaction({}, "t")
    assert created == gateway.Created("TRX_1", None)


def test_a_pull_asks_for_details_with_a_guest_token() -> None:
    vendor = Vendor(data({"status": "USED"}))
    assert vendor.client.pull("TRX_1&x", NOW).transaction_id == "TRX_1&x"
    (request,) = vendor.asked
    assert (request.method, request.url.path) == ("GET", "/v1/demo gw/1/engine/transactiondetails")
    assert request.url.params.multi_items() == [("transactionId", "TRX_1&x")]
    assert request.headers["x-gateway-secret"] == SECRETS.api.value
    assert tokens.verify(request.headers["x-gateway-authtoken"], SECRETS.gateway, NOW)["guest"] is True


@pytest.mark.parametrize(
    ("details", "known", "asked"),
    [
        ({"status": "COMPLETED"}, None, []),
        ({"status": "COMPLETED"}, "b1", ["b1"]),
        ({"status": "PROCESSING", "success": {"data": {"batches": [{"batchId": "b2"}]}}}, "b1", ["b2"]),
        ({"status": "USED", "flags": {"isOrderRequested": True}}, "b1", ["b1"]),
    ],
)
def test_orders_that_details_leave_out_are_asked_for_by_transaction_and_batch(
    details: dict[str, Any], known: str | None, asked: list[str]
) -> None:
    """By batchId as well, for that also shows what is open; the Gateway's own word for the batch comes first."""
    vendor = Vendor(data(details), data({"orders": [{**BATCH, "transactionId": "TRX_1"}]}))
    found = vendor.client.pull("TRX_1", NOW, known)
    params = vendor.asked[1].url.params
    assert vendor.asked[1].url.path == "/v1/demo gw/1/engine/orders"
    assert (params.get_list("transactionId"), params.get_list("batchId")) == (["TRX_1"], asked)
    assert found.batch is not None


@pytest.mark.parametrize("status", ["INITIALIZED", "USED", "ERRORED", "EXPIRED", "CANCELLED"])
def test_orders_are_not_asked_for_where_there_can_be_none(status: str) -> None:
    vendor = Vendor(data({"status": status}))
    assert vendor.client.pull("TRX_1", NOW).batch is None
    assert len(vendor.asked) == 1


ROW: Final = {**BATCH, "transactionId": "TRX_1"}


@pytest.mark.parametrize("rows", [{"orders": [ROW]}, {"orderBatches": [ROW]}, [ROW], {"orders": [None, "x", ROW]}])
def test_orders_are_read_under_every_key(rows: object) -> None:
    assert Vendor(data({"status": "COMPLETED"}), data(rows)).client.pull("TRX_1", NOW).batch is not None


@pytest.mark.parametrize("rows", [{"orders": []}, {}, [], {"orders": None}])
def test_no_orders_yet_is_no_error(rows: object) -> None:
    """While an AMO or a limit order is open the vendor's API may say nothing."""
    assert Vendor(data({"status": "PROCESSING"}), data(rows)).client.pull("TRX_1", NOW).batch is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 302])
def test_a_refusal_passes_the_gateways_errors_on(status: int) -> None:
    answer = httpx.Response(
        status, json={"success": False, "errors": ["no such ticker", 7], "data": None, "errorType": "InputException"}
    )
    with pytest.raises(GatewayRefused) as caught:
        Vendor(answer).client.create_transaction({}, "t")
    refused = caught.value
    assert (refused.status, refused.errors, refused.error_type) == (status, ("no such ticker", "7"), "InputException")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": "x", "errorType": 5}', b'"no"', b"\xff"])
def test_a_refusal_without_a_reason_is_a_refusal(body: bytes) -> None:
    with pytest.raises(GatewayRefused) as caught:
        Vendor(httpx.Response(400, content=body)).client.create_transaction({}, "t")
    assert (caught.value.errors, caught.value.error_type) == ((), None)


def test_a_2xx_that_says_no_is_a_refusal() -> None:
    answer = httpx.Response(200, json={"success": False, "errors": ["Invalid JWT"], "data": CREATED})
    with pytest.raises(GatewayRefused) as caught:
        Vendor(answer).client.create_transaction({}, "t")
    assert caught.value.errors == ("Invalid JWT",)


UNAVAILABLE: Final[dict[str, httpx.Response | Exception]] = {
    "limiting": httpx.Response(429),
    "failing": httpx.Response(500, json={"success": False, "errors": ["x"], "data": {}}),
    "overloaded": httpx.Response(503, text="<html>"),
    "slow to connect": httpx.ConnectTimeout("x"),
    "slow to answer": httpx.ReadTimeout("x"),
    "slow to give a connection": httpx.PoolTimeout("x"),
    "down": httpx.ConnectError("x"),
    "hanging up": httpx.RemoteProtocolError("x"),
    "not JSON": httpx.Response(200, text="<html>"),
    "cut off": httpx.Response(200, text='{"success": true, "data": {"transac'),
    "not UTF-8": httpx.Response(200, content=b'{"data": "\xff"}'),
    "NaN": httpx.Response(200, text='{"data": {"transactionId": NaN}}'),
    "no object": httpx.Response(200, text="[1]"),
    "empty": httpx.Response(200),
    "without data": httpx.Response(200, json={"success": True}),
    "data that is text": data("TRX_1"),
    "without an id": data({"expireAt": "x"}),
    "an id that is no text": data({"transactionId": 1}),
    "an empty id": data({"transactionId": ""}),
}


@pytest.mark.parametrize("how", UNAVAILABLE)
def test_an_answer_that_cannot_be_used_means_unavailable(how: str) -> None:
    """Down, slow, limiting or garbage: try later, and nothing of the answer is repeated."""
    vendor = Vendor(UNAVAILABLE[how])
    with pytest.raises(GatewayUnavailable) as caught:
        vendor.client.create_transaction({}, "t")
    assert caught.value.retry_after == 5
    assert len(vendor.asked) == 1, "a create is not repeated: it would be another transaction"


@pytest.mark.parametrize("details", [{}, {"status": None}, {"status": "USED", "transactionId": "TRX_2"}])
def test_details_that_are_not_this_transactions_mean_unavailable(details: dict[str, Any]) -> None:
    with pytest.raises(GatewayUnavailable):
        Vendor(data(details)).client.pull("TRX_1", NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("999999", 3600), ("soon", 5), ("-1", 5), ("1.5", 5), ("²", 5), ("9" * 5000, 5), (None, 5)],
)
@pytest.mark.parametrize("status", [429, 503])
def test_when_to_try_again_is_the_gateways_word_within_an_hour(status: int, header: str | None, seconds: int) -> None:
    """A header that is no number is passed over, and never an error of ours."""
    headers = [] if header is None else [(b"retry-after", header.encode())]
    with pytest.raises(GatewayUnavailable) as caught:
        Vendor(httpx.Response(status, headers=headers)).client.create_transaction({}, "t")
    assert caught.value.retry_after == seconds


def test_no_redirect_is_followed() -> None:
    """Or the API secret would be sent to wherever it points."""
    with gateway.client("https://gateway.example") as http:
        assert not http.follow_redirects
        assert http.timeout == gateway.DEADLINE
