"""The calls of the Gateway's API, and the error for each failure (docs/reference/gateway.md §1, §2.3, §3)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest

from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway import client as gateway
from securities_transactions.gateway import tokens
from securities_transactions.gateway.client import Gateway
from securities_transactions.gateway.credentials import CredentialsInUse
from securities_transactions.gateway.errors import (
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    NotTheGateway,
)
from securities_transactions.gateway.exchange import BoundedClient
from securities_transactions.gateway.secrets import GatewaySecrets

SECRETS: Final = GatewaySecrets(
    GatewaySecret("gateway-secret-for-the-tests-0123456789"), ApiSecret("api-secret-for-the-tests")
)
ORDERS_PATH: Final = "/v1/{gatewayName}/engine/orders/sst"
NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
CREATED: Final = {"transactionId": "TRX_1", "expireAt": "2026-01-15T04:45:00.000Z"}
BATCH: Final = {
    "batchId": "b1",
    "orders": [{"tradingsymbol": "X", "transactionType": "BUY", "status": "PLACED", "quantity": 1}],
}

Answer = Callable[[httpx.Request], httpx.Response]


class Vendor:
    """A Gateway that returns scripted responses and records its requests."""

    def __init__(self, *answers: httpx.Response | Exception, secrets: GatewaySecrets = SECRETS) -> None:
        self.secrets = secrets
        self.fresh = 0
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
        return self.client_at(ORDERS_PATH)

    def read(self, *, fresh: bool = False) -> GatewaySecrets:
        """The stored secrets."""
        self.fresh += fresh
        return self.secrets

    def client_at(self, orders_path: str) -> Gateway:
        """Our client of it, with a GatewayOrdersPath."""
        http = httpx.Client(base_url="https://gateway.example", transport=httpx.MockTransport(self))
        return Gateway(BoundedClient(http), "demo gw/1", CredentialsInUse(self.read), orders_path)


def mint(secret: GatewaySecret) -> str:
    """The user's token."""
    return "t"


def data(value: Any) -> httpx.Response:
    """A Gateway's yes."""
    return httpx.Response(200, json={"success": True, "errors": None, "data": value})


def no(status: int) -> httpx.Response:
    """A Gateway's no."""
    return httpx.Response(status, json={"success": False, "errors": ["no"], "data": None})


def test_a_create_is_sent_as_documented_with_each_secret_in_its_place() -> None:
    """The API secret is a header of its own; the gateway secret signs the token and is never sent."""
    vendor = Vendor(data(CREATED))
    created = vendor.client.create_transaction({"intent": "TRANSACTION", "notes": "₹"}, lambda secret: "the.user.token")
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
    created = Vendor(data({**CREATED, "expireAt": expire_at})).client.create_transaction({}, mint)
    assert created == gateway.Created("TRX_1", None)


def test_pull_requests_details_with_a_guest_token() -> None:
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
def test_orders_missing_in_details_are_requested_by_transaction_and_batch(
    details: dict[str, Any], known: str | None, asked: list[str]
) -> None:
    """By batchId as well, for that also shows what is open; the Gateway's own word for the batch comes first."""
    vendor = Vendor(data(details), data({"orders": [{**BATCH, "transactionId": "TRX_1"}]}))
    found = vendor.client.pull("TRX_1", NOW, known)
    params = vendor.asked[1].url.params
    assert vendor.asked[1].url.path == "/v1/demo gw/1/engine/orders/sst"
    assert (params.get_list("transactionId"), params.get_list("batchId")) == (["TRX_1"], asked)
    assert found.batch is not None


@pytest.mark.parametrize("status", ["INITIALIZED", "USED", "ERRORED", "EXPIRED", "CANCELLED"])
def test_orders_are_not_requested_if_none_can_exist(status: str) -> None:
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


@pytest.mark.parametrize(
    ("setting", "requested"),
    [
        (ORDERS_PATH, b"/v1/demo%20gw%2F1/engine/orders/sst"),
        (f"{ORDERS_PATH}/", b"/v1/demo%20gw%2F1/engine/orders/sst/"),
        ("/v2/orders/{gatewayName}", b"/v2/orders/demo%20gw%2F1"),
        ("/{gatewayName}", b"/demo%20gw%2F1"),
    ],
)
def test_orders_are_requested_at_the_configured_path(setting: str, requested: bytes) -> None:
    """Exactly as set, a slash at the end included: only the vendor can say whether it belongs there."""
    vendor = Vendor(data({"status": "COMPLETED"}), data([ROW]))
    vendor.client_at(setting).pull("TRX_1", NOW)
    assert vendor.asked[1].url.raw_path == requested + b"?transactionId=TRX_1"


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "/v1/engine/orders/sst",
        "/v1/{gateway}/engine/orders/sst",
        "v1/{gatewayName}/orders",
        "//evil.example/{gatewayName}",
        "https://evil.example/{gatewayName}",
        "/v1/{gatewayName}/{gatewayName}",
        "/v1/{gatewayName}/orders?x=1",
        "/v1/{gatewayName}/orders#x",
        "/v1/{gatewayName}/or ders",
        "/v1/{gatewayName}/orders\n",
        "/v1/{gatewayName}//orders",
        "/v1/{gatewayName}{0}",
    ],
)
def test_invalid_orders_path_stops_the_start_and_is_named(setting: str) -> None:
    with pytest.raises(
        GatewayMisconfigured, match=r"^GatewayOrdersPath must be a path with .*\{gatewayName\}"
    ) as caught:
        Vendor().client_at(setting)
    assert repr(setting) in str(caught.value)


KNOWN_BATCH: Final = {"success": {"data": {"batches": [{"batchId": "b1"}]}}}
# 302, 404, 405 and 410 are answers of a server that serves nothing at the path.
REFUSALS: Final = [200, 302, 400, 404, 405, 409, 410, 422]


def asked_for(request: httpx.Request) -> list[tuple[str, str]]:
    """The ids that a request names."""
    return request.url.params.multi_items()


@pytest.mark.parametrize("status", ["COMPLETED", "PROCESSING"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusal_of_both_ids_is_followed_by_the_transaction_id_alone(refusal: int, status: str) -> None:
    """It is unknown whether both ids may be combined in a call."""
    vendor = Vendor(data({"status": status, **KNOWN_BATCH}), no(refusal), data([ROW]))
    assert vendor.client.pull("TRX_1", NOW).batch is not None
    assert [asked_for(request) for request in vendor.asked[1:]] == [
        [("transactionId", "TRX_1"), ("batchId", "b1")],
        [("transactionId", "TRX_1")],
    ]
    assert vendor.asked[1].url.path == vendor.asked[2].url.path


@pytest.mark.parametrize("status", ["COMPLETED", "PROCESSING"])
@pytest.mark.parametrize("refusal", [401, 403])
@pytest.mark.parametrize("before", [[], [no(400)]], ids=["first call", "second call"])
def test_rejected_credentials_are_not_tried_again(before: list[httpx.Response], refusal: int, status: str) -> None:
    vendor = Vendor(data({"status": status, **KNOWN_BATCH}), *before, no(refusal))
    with pytest.raises(GatewayRefused) as caught:
        vendor.client.pull("TRX_1", NOW)
    assert caught.value.is_about_us
    assert vendor.answers == []


@pytest.mark.parametrize("status", ["COMPLETED", "PROCESSING"])
@pytest.mark.parametrize("failure", [httpx.Response(500), httpx.Response(429), httpx.ReadTimeout("x")])
@pytest.mark.parametrize("before", [[], [no(400)]], ids=["first call", "second call"])
def test_orders_api_that_is_down_is_unavailable(
    before: list[httpx.Response], failure: httpx.Response | Exception, status: str
) -> None:
    """No second call where the first failed: the Gateway is in trouble already."""
    vendor = Vendor(data({"status": status, **KNOWN_BATCH}), *before, failure)
    with pytest.raises(GatewayUnavailable):
        vendor.client.pull("TRX_1", NOW)
    assert vendor.answers == []


@pytest.mark.parametrize("known", [{}, KNOWN_BATCH], ids=["transactionId", "both ids"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_refused_orders_of_a_completed_transaction_name_the_setting(refusal: int, known: dict[str, Any]) -> None:
    """Its details were just returned, so the fault is the address or the request, never the transaction."""
    vendor = Vendor(data({"status": "COMPLETED", **known}), *[no(refusal)] * (2 if known else 1))
    with pytest.raises(GatewayMisconfigured, match="GatewayOrdersPath") as caught:
        vendor.client.pull("TRX_1", NOW)
    assert caught.value.is_about_us
    assert f"({refusal}, no type)" in str(caught.value)
    assert ORDERS_PATH in str(caught.value)
    assert ("no orders API at" in str(caught.value)) is (refusal in (302, 404, 405, 410))
    assert vendor.answers == []


@pytest.mark.parametrize("known", [{}, KNOWN_BATCH], ids=["transactionId", "both ids"])
@pytest.mark.parametrize(
    "details",
    [{"status": "PROCESSING"}, {"status": "ACTION_REQUIRED"}, {"status": "USED", "flags": {"isOrderRequested": True}}],
    ids=lambda details: str(details["status"]),
)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_refused_orders_of_an_open_transaction_mean_no_orders_yet(
    refusal: int, details: dict[str, Any], known: dict[str, Any]
) -> None:
    """The vendor promises its orders only once COMPLETED; what the details show still counts."""
    vendor = Vendor(data({**details, **known, "broker": "kite"}), *[no(refusal)] * (2 if known else 1))
    found = vendor.client.pull("TRX_1", NOW)
    assert (found.batch, found.broker, found.batch_id) == (None, "kite", "b1" if known else None)
    assert vendor.answers == []


@pytest.mark.parametrize("status", ["COMPLETED", "PROCESSING"])
@pytest.mark.parametrize("rows", [[], [{**ROW, "transactionId": "TRX_2"}], [ROW]], ids=["none", "another's", "its own"])
def test_missing_orders_are_logged_once_completed(
    caplog: pytest.LogCaptureFixture, rows: list[dict[str, Any]], status: str
) -> None:
    """The API for smallcase orders returns an empty list for every securities transaction."""
    Vendor(data({"status": status}), data(rows)).client.pull("TRX_1", NOW)
    found = [each for each in caplog.records if each.levelname != "INFO"]
    lines = [(each.levelname, vars(each)["transaction_id"], vars(each)["setting"]) for each in found]
    missing = status == "COMPLETED" and ROW not in rows
    assert lines == ([("WARNING", "TRX_1", "GatewayOrdersPath")] if missing else [])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_passes_the_gateways_errors_on(status: int) -> None:
    answer = httpx.Response(
        status, json={"success": False, "errors": ["no such ticker", 7], "data": None, "errorType": "InputException"}
    )
    with pytest.raises(GatewayRefused) as caught:
        Vendor(answer).client.create_transaction({}, mint)
    refused = caught.value
    assert (refused.status, refused.errors, refused.error_type) == (status, ("no such ticker", "7"), "InputException")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b'{"success": false}', ()),
        (b'{"success": false, "errors": null, "errorType": 5}', ()),
        (b'{"errors": "x", "errorType": 5}', ("x",)),
        (b'{"success": false, "message": "not tradable"}', ("not tradable",)),
        (b'{"success": false, "errors": [], "message": "m"}', ("m",)),
        (b'{"errorType": "InputException"}', ()),
        (b'\xef\xbb\xbf{"success": false, "errors": ["x"]}', ("x",)),
    ],
)
def test_a_refusal_in_the_gateways_envelope_is_a_refusal(body: bytes, errors: tuple[str, ...]) -> None:
    """In any form of its reason, and without one."""
    with pytest.raises(GatewayRefused) as caught:
        Vendor(httpx.Response(400, content=body)).client.create_transaction({}, mint)
    assert caught.value.errors == errors


def test_reasons_are_bounded_and_repeat_no_secret() -> None:
    """A Gateway may repeat what it was sent; the reasons are passed on to the caller."""
    said = [f"bad {SECRETS.api.value} of {SECRETS.gateway.value} and the.user.token", "x" * 900, *["y"] * 30]
    answer = httpx.Response(400, json={"success": False, "errors": said})
    with pytest.raises(GatewayRefused) as caught:
        Vendor(answer).client.create_transaction({}, lambda secret: "the.user.token")
    assert caught.value.errors[:2] == ("bad … of … and …", "x" * 500)
    assert len(caught.value.errors) == 20


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b"\xff", b"{}", b'{"message": "Not Found"}'])
@pytest.mark.parametrize("status", [200, 400, 404, 409, 422])
def test_a_response_without_the_gateways_envelope_is_not_its_refusal(status: int, body: bytes) -> None:
    """A proxy or a wrong address answered: nothing follows for the transaction."""
    for call in ("create", "pull"):
        vendor = Vendor(httpx.Response(status, content=body))
        with pytest.raises(NotTheGateway) as caught:
            vendor.client.create_transaction({}, mint) if call == "create" else vendor.client.pull("TRX_1", NOW)
        assert (caught.value.status, caught.value.retry_after) == (status, 5)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 408, 425])
def test_redirects_and_timeouts_are_never_a_refusal(status: int) -> None:
    """Not even in the Gateway's envelope: the request was not judged."""
    answer = httpx.Response(status, json={"success": False, "errors": ["x"]}, headers={"location": "https://x.example"})
    with pytest.raises(NotTheGateway):
        Vendor(answer).client.create_transaction({}, mint)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message": "Forbidden"}'])
@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_are_about_us_from_any_responder(status: int, body: bytes) -> None:
    """An operator has to act, also where the response is not in the Gateway's envelope."""
    with pytest.raises(GatewayRefused) as caught:
        Vendor(httpx.Response(status, content=body)).client.create_transaction({}, mint)
    assert caught.value.is_about_us


def test_no_without_a_reason_in_a_2xx_is_unavailable() -> None:
    """It says neither yes nor why not."""
    with pytest.raises(GatewayUnavailable, match="without a reason"):
        Vendor(httpx.Response(200, json={"success": False, "data": CREATED})).client.create_transaction({}, mint)


@pytest.mark.parametrize("status", [404, 410])
def test_nothing_at_the_orders_path_names_the_setting(status: int) -> None:
    """Once COMPLETED; before that the transaction has no orders to show yet."""
    page = httpx.Response(status, text="<html>")
    with pytest.raises(GatewayMisconfigured, match="no orders API at"):
        Vendor(data({"status": "COMPLETED"}), page).client.pull("TRX_1", NOW)
    assert Vendor(data({"status": "PROCESSING"}), page).client.pull("TRX_1", NOW).batch is None


def test_page_of_a_proxy_in_place_of_the_orders_is_unavailable() -> None:
    """The path may be right: the setting is not named."""
    with pytest.raises(NotTheGateway):
        Vendor(data({"status": "COMPLETED"}), httpx.Response(400, text="<html>")).client.pull("TRX_1", NOW)


def test_2xx_with_success_false_is_a_refusal() -> None:
    answer = httpx.Response(200, json={"success": False, "errors": ["Invalid JWT"], "data": CREATED})
    with pytest.raises(GatewayRefused) as caught:
        Vendor(answer).client.create_transaction({}, mint)
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
        vendor.client.create_transaction({}, mint)
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
        Vendor(httpx.Response(status, headers=headers)).client.create_transaction({}, mint)
    assert caught.value.retry_after == seconds
