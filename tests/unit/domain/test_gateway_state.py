"""What the Gateway itself says of a transaction (docs/gateway.md §2.2, §2.3, §3), wherever in its answer it stands."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from securities_transactions.domain import gateway_state
from securities_transactions.domain.gateway_state import Truth, UnreadableTruth, truth_of, with_orders

NOW: Final = datetime(2026, 1, 15, 4, 34, tzinfo=UTC)
ORDER: Final = {"tradingsymbol": "M&M", "transactionType": "BUY", "status": "COMPLETE", "quantity": 2}
BATCH: Final = {"batchId": "b1", "orders": [ORDER]}


def in_token(token: str) -> str | None:
    """A verifier that takes only this test's own tokens."""
    return token.removeprefix("genuine-") if token.startswith("genuine-") else None


def nested(details: dict[str, Any]) -> Truth:
    """The truth in details that stand where the documentation says."""
    return truth_of({"transactionDetails": details, "status": "ERRORED"}, NOW, in_token)


def flat(details: dict[str, Any]) -> Truth:
    """The truth in details that stand where an integration reads them."""
    return truth_of(details, NOW, in_token)


BOTH: Final = pytest.mark.parametrize("said", [nested, flat])
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
def test_the_whole_truth_is_read_at_either_nesting(said: Any) -> None:
    found = said(DETAILS)
    assert (found.transaction_id, found.status, found.pulled_at) == ("TRX_1", "COMPLETED", NOW)
    assert (found.smallcase_auth_id, found.broker, found.notes) == ("a1", "kite", "user-42")
    assert found.batch is not None
    assert (found.batch_id, found.batch.as_sent()) == ("b1", {"batchId": "b1", "orders": (ORDER,)})
    assert (found.error, found.expired, found.order_requested) == (None, False, True)
    assert found.expire_at == datetime(2026, 1, 15, 4, 45, tzinfo=UTC)
    assert found.created_at == datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
    assert found.request == {"orderConfig": {"type": "SECURITIES"}, "config": {"orderName": "Mine"}}


@BOTH
def test_an_answer_with_no_more_than_a_status_is_read(said: Any) -> None:
    found = said({"status": "INITIALIZED"})
    assert found == Truth(transaction_id="", status="INITIALIZED", pulled_at=NOW, request={})


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
def test_the_account_is_found_in_every_place_it_may_stand(
    said: Any, members: dict[str, Any], auth_id: str | None
) -> None:
    """A plain id before a token, a token only where it is genuine."""
    assert said({"status": "COMPLETED", **members}).smallcase_auth_id == auth_id


@BOTH
@pytest.mark.parametrize("key", ["orderBatches", "batches"])
@pytest.mark.parametrize("place", [lambda held: {"success": {"data": held}}, lambda held: {"success": held}, dict])
def test_the_batch_is_found_in_every_place_it_may_stand(said: Any, key: str, place: Any) -> None:
    found = said({"status": "COMPLETED", **place({key: [None, "b0", {"batchId": "b0"}, BATCH]})})
    assert found.batch is not None
    assert (found.batch.batchId, found.batch_id) == ("b1", "b0")


@BOTH
@pytest.mark.parametrize("rows", [None, {}, "b1", [], ["b1"], [{"status": "COMPLETED"}]])
def test_where_no_batch_is_told_there_is_none(said: Any, rows: object) -> None:
    found = said({"status": "COMPLETED", "success": {"data": {"batches": rows}}})
    assert (found.batch, found.batch_id) == (None, None)


@BOTH
@pytest.mark.parametrize(
    ("error", "read"),
    [
        ({"value": True, "message": "user_cancelled", "code": 1012}, {"code": 1012, "message": "user_cancelled"}),
        ({"message": "user_cancelled"}, {"code": None, "message": "user_cancelled"}),
        ({"value": True, "code": 4006}, {"code": 4006, "message": None}),
        ({"value": True, "code": "4006", "message": "x"}, {"code": 4006, "message": "x"}),
        ({"value": True, "code": 10**9, "message": "x"}, {"code": None, "message": "x"}),
        ({"value": True, "code": True, "message": "x"}, {"code": None, "message": "x"}),
        ({"value": False, "message": "left over", "code": 1012}, None),
        ({"value": False, "message": None, "code": None}, None),
        ({"value": True, "message": None, "code": None}, None),
        ({}, None),
        (None, None),
        ("user_cancelled", None),
    ],
)
def test_an_error_counts_where_the_gateway_says_so(said: Any, error: object, read: dict[str, Any] | None) -> None:
    assert said({"status": "ERRORED", "error": error}).error == read


@pytest.mark.parametrize(
    ("status", "requested", "may"),
    [
        ("INITIALIZED", False, False),
        ("USED", False, False),
        ("USED", True, True),
        ("PROCESSING", False, True),
        ("ACTION_REQUIRED", False, True),
        ("COMPLETED", False, True),
        ("ERRORED", False, False),
        ("ERRORED", True, True),
        ("CANCELLED", False, False),
        ("EXPIRED", False, False),
        ("errored", False, False),
        ("Action Required", False, True),
        ("NEW_STATUS", False, True),
        ("QUEUED", False, True),
    ],
)
def test_which_transactions_may_have_orders(status: str, requested: bool, may: bool) -> None:
    """Once the user has confirmed, once the Gateway is working on it, and under every word that is not known."""
    assert flat({"status": status, "flags": {"isOrderRequested": requested}}).may_have_orders is may


@pytest.mark.parametrize("data", [{}, {"status": None}, {"status": 3}, {"transactionDetails": {}, "status": "USED"}])
def test_details_without_a_status_are_no_truth(data: dict[str, Any]) -> None:
    """Nothing is guessed from an answer of another shape."""
    with pytest.raises(UnreadableTruth):
        truth_of(data, NOW, in_token)


FOUND: Final = Truth(transaction_id="TRX_1", status="COMPLETED", pulled_at=NOW)
ROW: Final = {**BATCH, "transactionId": "TRX_1", "broker": "kite", "notes": "user-42", "smallcaseAuthId": "a1"}


def test_the_orders_api_completes_what_details_leave_out() -> None:
    found = with_orders(FOUND, [{**ROW, "transactionId": "TRX_2", "batchId": "b2"}, ROW])
    assert found.batch is not None
    assert (found.batch.batchId, found.broker, found.notes, found.smallcase_auth_id) == ("b1", "kite", "user-42", "a1")


@pytest.mark.parametrize("row", [{**ROW, "transactionId": "TRX_2"}, BATCH, {**ROW, "orders": []}, {}])
def test_a_row_of_another_transaction_or_of_nobodys_changes_nothing(row: dict[str, Any]) -> None:
    """The batchId that was asked for may come from a forged webhook."""
    assert with_orders(FOUND, [row]) == FOUND


def test_the_rows_do_not_overrule_the_details() -> None:
    known = Truth(
        transaction_id="TRX_1",
        status=gateway_state.COMPLETED,
        pulled_at=NOW,
        broker="b",
        notes="n",
        smallcase_auth_id="a",
    )
    found = with_orders(known, [ROW])
    assert (found.broker, found.notes, found.smallcase_auth_id) == ("b", "n", "a")
