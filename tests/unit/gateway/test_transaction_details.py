"""Parsing of transaction details and order rows (docs/reference/gateway.md §2.2, §2.3, §3), wherever in the response
they are."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.statuses import GatewayStatus
from securities_transactions.domain.transaction import SdkError
from securities_transactions.gateway.transaction_details import UnreadableDetails, transaction_of, with_orders

NOW: Final = datetime(2026, 1, 15, 4, 34, tzinfo=UTC)
Read = Callable[[Mapping[str, Any]], GatewayTransaction]
ORDER: Final = {
    "tradingsymbol": "M&M",
    "transactionType": "BUY",
    "status": "COMPLETE",
    "quantity": 2,
    "filledQuantity": 2,
}
BATCH: Final = {"batchId": "b1", "orders": [ORDER]}


def in_token(token: str) -> str | None:
    """A verifier that accepts only this test's own tokens."""
    return token.removeprefix("genuine-") if token.startswith("genuine-") else None


def nested(details: Mapping[str, Any]) -> GatewayTransaction:
    """The transaction in details at the documented place."""
    return transaction_of({"transactionDetails": details, "status": "ERRORED"}, NOW, in_token)


def flat(details: Mapping[str, Any]) -> GatewayTransaction:
    """The transaction in details at the place where an integration reads them."""
    return transaction_of(details, NOW, in_token)


BOTH: Final = pytest.mark.parametrize("read", [nested, flat])
DETAILS: Final[dict[str, Any]] = {
    "transactionId": "TRX_1",
    "status": "COMPLETED",
    "expired": False,
    "expireAt": "2026-01-15T04:45:00.000Z",
    "createdAt": 1768451400000,
    "authId": "a1",
    "orderConfig": {"type": "SECURITIES"},
    "config": {"orderName": "Mine"},
    "flags": {"isOrderRequested": True},
    "success": {"broker": "kite", "notes": "user-42", "data": {"batches": [BATCH]}},
    "error": {"value": False, "message": None, "code": None},
}


@BOTH
def test_every_field_is_read_at_either_nesting(read: Read) -> None:
    found = read(DETAILS)
    assert (found.transaction_id, found.status, found.pulled_at) == ("TRX_1", GatewayStatus.COMPLETED, NOW)
    assert (found.smallcase_auth_id, found.broker, found.user_id) == ("a1", "kite", "user-42")
    assert found.batch is not None
    assert (found.batch_id, found.batch.as_sent()) == ("b1", {"batchId": "b1", "orders": (ORDER,)})
    assert (found.error, found.expired, found.order_requested) == (None, False, True)
    assert found.expire_at == datetime(2026, 1, 15, 4, 45, tzinfo=UTC)
    assert found.created_at == datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
    assert found.requested == {"orderConfig": {"type": "SECURITIES"}, "config": {"orderName": "Mine"}}


@BOTH
def test_response_with_only_a_status_is_read(read: Read) -> None:
    found = read({"status": "INITIALIZED"})
    assert found == GatewayTransaction(transaction_id="", status=GatewayStatus.INITIALIZED, pulled_at=NOW, requested={})


AUTH_IDS: Final[list[tuple[dict[str, Any], str | None]]] = [
    ({"smallcaseAuthId": "a1"}, "a1"),
    ({"success": {"smallcaseAuthId": "a1"}}, "a1"),
    ({"authId": "a1"}, "a1"),
    ({"success": {"authId": "a1"}}, "a1"),
    ({"smallcaseAuthToken": "genuine-a1"}, "a1"),
    ({"success": {"smallcaseAuthToken": "genuine-a1"}}, "a1"),
    ({"authToken": "genuine-a1"}, "a1"),
    ({"success": {"authToken": "genuine-a1"}}, "a1"),
    ({"smallcaseAuthId": "a1", "authId": "a2", "authToken": "genuine-a3"}, "a1"),
    ({"authId": "a2", "success": {"smallcaseAuthId": "a1"}}, "a1"),
    ({"authId": "a1", "smallcaseAuthToken": "genuine-a2"}, "a1"),
    ({"smallcaseAuthToken": "forged-a2", "authToken": "genuine-a1"}, "a1"),
    ({"smallcaseAuthToken": "forged-a1"}, None),
    ({"smallcaseAuthToken": "genuine-"}, None),
    ({"smallcaseAuthId": None, "authId": "", "authToken": 7, "success": None}, None),
    ({"smallcaseAuthId": None, "authId": "a1"}, "a1"),
    ({}, None),
]


@BOTH
@pytest.mark.parametrize(("members", "auth_id"), AUTH_IDS)
def test_account_is_read_from_every_possible_place(read: Read, members: dict[str, Any], auth_id: str | None) -> None:
    """A plain id comes before a token, and a token counts only where it is genuine."""
    assert read({"status": "COMPLETED", **members}).smallcase_auth_id == auth_id


@BOTH
@pytest.mark.parametrize("key", ["orderBatches", "batches"])
@pytest.mark.parametrize("place", [lambda held: {"success": {"data": held}}, lambda held: {"success": held}, dict])
def test_batch_is_read_from_every_possible_place(read: Read, key: str, place: Any) -> None:
    found = read({"status": "COMPLETED", **place({key: [None, "b0", {"batchId": "b0"}, BATCH]})})
    assert found.batch is not None
    assert (found.batch.batchId, found.batch_id) == ("b1", "b0")


@BOTH
@pytest.mark.parametrize("rows", [None, {}, "b1", [], ["b1"], [{"status": "COMPLETED"}]])
def test_response_without_a_batch_has_none(read: Read, rows: object) -> None:
    found = read({"status": "COMPLETED", "success": {"data": {"batches": rows}}})
    assert (found.batch, found.batch_id) == (None, None)


@BOTH
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"value": True, "message": "user_cancelled", "code": 1012}, SdkError(1012, "user_cancelled")),
        ({"message": "user_cancelled"}, SdkError(None, "user_cancelled")),
        ({"value": True, "code": 4006}, SdkError(4006)),
        ({"value": True, "code": "4006", "message": "x"}, SdkError(4006, "x")),
        ({"value": True, "code": 10**9, "message": "x"}, SdkError(None, "x")),
        ({"value": True, "code": True, "message": "x"}, SdkError(None, "x")),
        ({"value": False, "message": "left over", "code": 1012}, None),
        ({"value": False, "message": None, "code": None}, None),
        ({"value": True, "message": None, "code": None}, None),
        ({}, None),
        (None, None),
        ("user_cancelled", None),
    ],
)
def test_error_is_read_only_where_the_gateway_has_one(read: Read, error: object, expected: SdkError | None) -> None:
    assert read({"status": "ERRORED", "error": error}).error == expected


@BOTH
@pytest.mark.parametrize(
    ("flags", "order_requested"),
    [
        ({"isOrderRequested": True}, True),
        ({"isOrderRequested": False}, False),
        ({"isOrderRequested": "true"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_requested_order_is_read_from_the_flags(read: Read, flags: object, order_requested: bool) -> None:
    """`used` alone does not mean that the user has confirmed."""
    found = read({"status": "USED", "flags": flags})
    assert found.order_requested is order_requested
    assert found.may_have_orders is order_requested


@BOTH
@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("errored", GatewayStatus.ERRORED),
        ("Action Required", GatewayStatus.ACTION_REQUIRED),
        ("action-required", GatewayStatus.ACTION_REQUIRED),
        ("Completed", GatewayStatus.COMPLETED),
    ],
)
def test_status_in_any_spelling_is_the_listed_one(read: Read, word: str, status: GatewayStatus) -> None:
    assert read({"status": word}).status is status


@BOTH
@pytest.mark.parametrize("word", ["NEW_STATUS", "QUEUED", "Queued"])
def test_unknown_status_is_read_as_sent(read: Read, word: str) -> None:
    found = read({"status": word})
    assert found.status == GatewayStatus(word)
    assert (found.status.value, found.status.is_known) == (word, False)
    assert found.may_have_orders


@pytest.mark.parametrize("data", [{}, {"status": None}, {"status": 3}, {"transactionDetails": {}, "status": "USED"}])
def test_details_without_a_status_are_unreadable(data: dict[str, Any]) -> None:
    """Nothing is guessed from a response of another shape."""
    with pytest.raises(UnreadableDetails):
        transaction_of(data, NOW, in_token)


@BOTH
def test_contradictory_leg_with_a_price_is_filled_whole(read: Read) -> None:
    """The Gateway's own API gives COMPLETE without a share at times; a price shows that it was filled."""
    for row, filled in (({"filledQuantity": 0, "averagePrice": 5}, 2), ({"filledQuantity": 0}, 0), ({}, 2)):
        batch = read(
            {"status": "COMPLETED", "batches": [{**BATCH, "orders": [{**ORDER, "filledQuantity": None} | row]}]}
        ).batch
        assert batch is not None
        assert batch.orders[0].filledQuantity == filled
        assert batch.is_unclear is (filled == 0)


@BOTH
def test_odd_leg_hides_no_other_and_odd_fields_hide_no_leg(read: Read) -> None:
    batch = read({"status": "COMPLETED", "batches": [{**BATCH, "unplaced": None, "orders": [7, ORDER, None]}]}).batch
    assert batch is not None
    assert [order.status for order in batch.orders] == ["UNREADABLE", "COMPLETE"]
    assert batch.unplaced == ()


@BOTH
@pytest.mark.parametrize(
    ("rows", "several"),
    [
        ([BATCH], False),
        ([BATCH, BATCH], False),
        ([BATCH, {"batchId": "b2"}], True),
        ([BATCH, {**BATCH, "batchId": "b2"}], True),
        ([{"batchId": None}, BATCH], False),
        ([], False),
    ],
)
def test_second_batch_is_noticed(read: Read, rows: list[dict[str, Any]], several: bool) -> None:
    assert read({"status": "COMPLETED", "batches": rows}).has_several_batches is several


@BOTH
@pytest.mark.parametrize("expire_at", [1768452300, "1768452300", 1768452300000, "1768452300000"])
def test_expiry_in_any_unit_is_the_same_moment(read: Read, expire_at: int | str) -> None:
    assert read({"status": "USED", "expireAt": expire_at}).expire_at == datetime(2026, 1, 15, 4, 45, tzinfo=UTC)


FOUND: Final = GatewayTransaction(transaction_id="TRX_1", status=GatewayStatus.COMPLETED, pulled_at=NOW)
ROW: Final = {**BATCH, "transactionId": "TRX_1", "broker": "kite", "notes": "user-42", "smallcaseAuthId": "a1"}


def test_orders_api_completes_the_details() -> None:
    found = with_orders(FOUND, [{**ROW, "transactionId": "TRX_2", "batchId": "b2"}, ROW])
    assert found.batch is not None
    assert (found.batch.batchId, found.broker, found.user_id, found.smallcase_auth_id) == (
        "b1",
        "kite",
        "user-42",
        "a1",
    )


@pytest.mark.parametrize("row", [{**ROW, "transactionId": "TRX_2"}, BATCH, {**ROW, "orders": []}, {}])
def test_row_without_this_transaction_id_changes_nothing(row: dict[str, Any]) -> None:
    """The batchId of the request may come from a forged webhook. A row without orders changes nothing either."""
    assert with_orders(FOUND, [row]) == FOUND


def test_second_batch_in_the_order_rows_is_noticed() -> None:
    """Rows of another transaction do not count."""
    assert with_orders(FOUND, [ROW, {**ROW, "batchId": "b2"}]).has_several_batches
    assert not with_orders(FOUND, [ROW, {**ROW, "batchId": "b2", "transactionId": "TRX_2"}]).has_several_batches


def test_rows_do_not_overrule_the_details() -> None:
    known = GatewayTransaction(
        transaction_id="TRX_1",
        status=GatewayStatus.COMPLETED,
        pulled_at=NOW,
        broker="b",
        user_id="n",
        smallcase_auth_id="a",
    )
    found = with_orders(known, [ROW])
    assert (found.broker, found.user_id, found.smallcase_auth_id) == ("b", "n", "a")
