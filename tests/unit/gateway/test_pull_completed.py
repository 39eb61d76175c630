"""One call of the orders API for the outcome of one or several transactions (docs/reference/gateway.md §3)."""

from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from securities_transactions.domain.statuses import GatewayStatus
from securities_transactions.gateway.client import IDS_PARAMETERS, MOST_WAIT_SECONDS, Gateway
from securities_transactions.gateway.credentials import CredentialsInUse
from securities_transactions.gateway.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable
from securities_transactions.gateway.exchange import BoundedClient
from tests.unit.gateway.test_client import NOW, ORDERS_PATH, Vendor, data, no

DONE: Final = {"tradingsymbol": "X", "transactionType": "BUY", "status": "COMPLETE", "quantity": 1, "filledQuantity": 1}


def row(transaction_id: str, **more: Any) -> dict[str, Any]:
    """A row of the orders API in which everything is final."""
    batch = {"batchId": f"b-{transaction_id}", "completedDate": "2026-01-15T04:29:59.000Z", "orders": [DONE]}
    return {**batch, "transactionId": transaction_id, "broker": "kite", "notes": "n", **more}


def test_one_call_without_details_shows_a_completed_transaction() -> None:
    """By transactionId the orders API honors COMPLETED transactions alone, so its rows say that much."""
    vendor = Vendor(data({"orders": [row("TRX_1")]}))
    found = vendor.client.pull_completed(["TRX_1"], NOW)["TRX_1"]
    assert vendor.asked[0].url.params.multi_items() == [("transactionId", "TRX_1")]
    assert (found.status, found.broker, found.user_id) == (GatewayStatus.COMPLETED, "kite", "n")
    assert found.batch is not None
    assert (found.batch.batchId, found.pulled_at) == ("b-TRX_1", NOW)


OPEN: Final = DONE | {"status": "PLACED", "filledQuantity": 0}
DOUBTFUL: Final[dict[str, list[dict[str, Any]]]] = {
    "nothing": [],
    "an open order": [row("TRX_1", orders=[DONE, OPEN])],
    "no completedDate": [row("TRX_1", completedDate=None)],
    "an unknown word": [row("TRX_1", orders=[DONE | {"status": "SETTLING"}])],
    "an unknown side": [row("TRX_1", orders=[DONE | {"transactionType": "Q"}])],
    "an impossible number": [row("TRX_1", orders=[DONE | {"filledQuantity": 9}])],
    "two batches": [row("TRX_1"), row("TRX_1", batchId="b2")],
    "no order": [row("TRX_1", orders=[], unplaced=[])],
    "no batchId": [{**row("TRX_1"), "batchId": None}],
    "another transaction's": [row("TRX_2")],
    "no transactionId": [{**row("TRX_1"), "transactionId": None}],
}


@pytest.mark.parametrize("rows", DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_open_or_doubtful_is_not_proved(rows: list[dict[str, Any]]) -> None:
    """Then the details decide, with all their rules."""
    assert Vendor(data({"orders": rows})).client.pull_completed(["TRX_1"], NOW) == {}


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ("transactionId", "transactionId=A&transactionId=B"),
        ("transactionId[]", "transactionId%5B%5D=A&transactionId%5B%5D=B"),
        ("transactionIds", "transactionIds=A&transactionIds=B"),
        ("transactionIds[]", "transactionIds%5B%5D=A&transactionIds%5B%5D=B"),
        ("transactionId,", "transactionId=A%2CB"),
        ("transactionIds,", "transactionIds=A%2CB"),
    ],
)
def test_several_ids_are_spelled_as_set_and_one_as_documented(parameter: str, query: str) -> None:
    vendor = Vendor(data([row("A"), row("B")]), data([row("A")]))
    http = httpx.Client(base_url="https://gateway.example", transport=httpx.MockTransport(vendor))
    client = Gateway(BoundedClient(http), "demo", CredentialsInUse(vendor.read), ORDERS_PATH, ids_parameter=parameter)
    assert set(client.pull_completed(["A", "B"], NOW)) == {"A", "B"}
    assert vendor.asked[0].url.query.decode() == query
    assert set(client.pull_completed(["A"], NOW)) == {"A"}
    assert vendor.asked[1].url.query.decode() == "transactionId=A"


def test_every_spelling_is_tried_here_and_no_other_starts() -> None:
    assert len(IDS_PARAMETERS) == 6
    http = BoundedClient(httpx.Client())
    with pytest.raises(GatewayMisconfigured, match=r"^GatewayIdsParameter must be one of"):
        Gateway(http, "demo", CredentialsInUse(Vendor().read), ORDERS_PATH, ids_parameter="ids")


@pytest.mark.parametrize("answered", [["A", "B", "C"], ["A"], ["C"], [], ["D"]])
def test_response_proves_only_the_ids_that_it_contains(answered: list[str]) -> None:
    vendor = Vendor(data([row(each) for each in answered]))
    found = vendor.client.pull_completed(["A", "B", "C"], NOW)
    assert set(found) == set(answered) & {"A", "B", "C"}
    assert all(each.transaction_id == id_ for id_, each in found.items())


@pytest.mark.parametrize("status", [302, 400, 404, 405, 409, 410, 414, 422])
def test_refusal_of_the_ids_proves_nothing(status: int) -> None:
    assert Vendor(no(status)).client.pull_completed(["A", "B"], NOW) == {}


@pytest.mark.parametrize("status", [401, 403])
def test_refusal_of_the_credentials_is_an_error(status: int) -> None:
    with pytest.raises(GatewayRefused):
        Vendor(no(status)).client.pull_completed(["A"], NOW)


# --- what a check costs


BATCH_NAMED: Final = {"success": {"data": {"batches": [{"batchId": "b1"}]}}}


@pytest.mark.parametrize("named", [{}, BATCH_NAMED], ids=["no batch", "its batch"])
def test_check_of_what_is_still_open_costs_one_call(named: dict[str, Any]) -> None:
    vendor = Vendor(data({"status": "PROCESSING", **named}))
    found = vendor.client.pull("TRX_1", NOW, "b1", GatewayStatus.PROCESSING)
    assert (found.batch, found.status) == (None, GatewayStatus.PROCESSING)
    assert len(vendor.asked) == 1


OTHER: Final[dict[str, dict[str, Any]]] = {
    "another status": {"status": "COMPLETED"},
    "another batch": {"status": "PROCESSING", "success": {"data": {"batches": [{"batchId": "b2"}]}}},
    "two batches": {"status": "PROCESSING", "success": {"data": {"batches": [{"batchId": "b1"}, {"batchId": "b2"}]}}},
}


@pytest.mark.parametrize("details", OTHER.values(), ids=OTHER)
def test_check_that_finds_something_new_asks_for_the_orders(details: dict[str, Any]) -> None:
    vendor = Vendor(data(details), data([row("TRX_1")]))
    assert vendor.client.pull("TRX_1", NOW, "b1", GatewayStatus.PROCESSING).batch is not None
    assert len(vendor.asked) == 2


# --- what the Gateway says about its load


def unavailable(answer: httpx.Response | Exception) -> GatewayUnavailable:
    """Return the error of a call that is answered so. The clock shows 04:30:00 UTC."""
    vendor = Vendor(answer)
    http = httpx.Client(base_url="https://gateway.example", transport=httpx.MockTransport(vendor))
    client = Gateway(BoundedClient(http), "demo", CredentialsInUse(vendor.read), ORDERS_PATH, clock=lambda: NOW)
    with pytest.raises(GatewayUnavailable) as caught:
        client.pull_completed(["A"], NOW)
    return caught.value


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("999999999", MOST_WAIT_SECONDS),
        ("Thu, 15 Jan 2026 04:31:30 GMT", 90),
        ("Thursday, 15-Jan-26 04:31:30 GMT", 90),
        ("Thu Jan 15 04:31:30 2026", 90),
        ("Thu, 15 Jan 2026 10:01:30 +0530", 90),
        ("Thu, 15 Jan 2026 04:29:00 GMT", 0),
        ("Fri, 16 Jan 2026 04:30:00 GMT", MOST_WAIT_SECONDS),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9999999999", None),
        ("Thu, 99 Jan 2026 04:31:30 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_in_both_forms_and_bounded(status: int, header: str | None, seconds: int | None) -> None:
    """RFC 9110 §10.2.3: seconds, or a date in one of three formats."""
    headers = {} if header is None else {"retry-after": header}
    error = unavailable(httpx.Response(status, headers=headers))
    assert (error.asks_to_wait, error.retry_after) == (seconds, 5 if seconds is None else seconds)


@pytest.mark.parametrize(
    ("answer", "overloaded"),
    [
        (httpx.Response(429), True),
        (httpx.Response(502), True),
        (httpx.Response(503), True),
        (httpx.Response(504), True),
        (httpx.ReadTimeout("x"), True),
        (httpx.ConnectError("x"), True),
        (httpx.Response(500), False),
        (httpx.Response(200, content=b"<html>"), False),
    ],
)
def test_error_distinguishes_overload_from_a_fault(answer: httpx.Response | Exception, overloaded: bool) -> None:
    """A fault with one transaction must not slow the others down."""
    assert unavailable(answer).is_overloaded is overloaded


def test_clock_of_the_date_is_the_callers() -> None:
    assert NOW + timedelta(seconds=90) == datetime.fromisoformat("2026-01-15T04:31:30+00:00")
