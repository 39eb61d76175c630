"""Verification of webhooks by the body alone, row by row of the table in docs/reference/guarantees.md."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from securities_transactions.domain.checksum import sign
from securities_transactions.domain.secrets import ApiSecret
from securities_transactions.domain.webhook_verification import (
    Accepted,
    Policy,
    Rejected,
    Suspicious,
    Unrelated,
    Verification,
    verify,
    webhook_id,
)

SECRET: Final = ApiSecret("test_api_secret_not_real")
POLICY: Final = Policy(auth_id=re.compile("[0-9a-f]{24}", re.ASCII))
STATED: Final = datetime(2026, 1, 15, 4, 30, 12, 345_000, tzinfo=UTC)
TIMESTAMP: Final = "2026-01-15T04:30:12.345Z"
AUTH_ID: Final = "65a1b2c3d4e5f60718293a4b"
TRX: Final = "TRX_0123456789abcdef0123456789abcdef"
ORDER: Final = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "PLACED", "quantity": 3}


def signed(body: dict[str, Any], subject: str = AUTH_ID) -> dict[str, Any]:
    """`body` with a genuine timestamp and checksum."""
    return {"timestamp": TIMESTAMP, "checksum": sign(SECRET, TIMESTAMP, subject), **body}


def order_body(**changes: Any) -> dict[str, Any]:
    """A genuine webhook of a placed order; `None` leaves a member out."""
    body = signed(
        {
            "batchId": "b1",
            "orders": [ORDER],
            "unplaced": [],
            "transactionId": TRX,
            "broker": "kite",
            "notes": "user=42",
            "smallcaseAuthId": AUTH_ID,
        }
    )
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def verified(body: Any, now: datetime = STATED, secrets: tuple[ApiSecret, ...] = (SECRET,)) -> Verification:
    """The verification of `body`, as JSON unless it is bytes already."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return verify(raw, secrets, now, POLICY)


# --- rejected


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_body_that_is_not_json_is_rejected(raw: bytes) -> None:
    """It carries no checksum; another secret would not change that."""
    assert verified(raw) == Rejected("the body is not JSON, so it carries no checksum", mismatch=False)


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"null", b"7"])
def test_body_that_is_not_a_json_object_is_rejected(raw: bytes) -> None:
    """No other JSON value has members."""
    assert verified(raw) == Rejected("the body is not a JSON object, so it carries no checksum", mismatch=False)


NO_TIMESTAMP: Final = "timestamp is missing"
BAD_AUTH_ID: Final = "smallcaseAuthId is not of the agreed form"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timestamp": None}, NO_TIMESTAMP),
        ({"timestamp": True}, NO_TIMESTAMP),
        ({"timestamp": 1768451412.5}, NO_TIMESTAMP),
        ({"timestamp": ""}, NO_TIMESTAMP),
        ({"timestamp": "2" * 65}, NO_TIMESTAMP),
        ({"timestamp": [TIMESTAMP]}, NO_TIMESTAMP),
        ({"timestamp": TIMESTAMP + "6", "smallcaseAuthId": AUTH_ID[1:]}, BAD_AUTH_ID),
        ({"smallcaseAuthId": AUTH_ID[1:]}, BAD_AUTH_ID),
        ({"smallcaseAuthId": AUTH_ID + "\n"}, BAD_AUTH_ID),
        ({"smallcaseAuthId": 7}, BAD_AUTH_ID),
        ({"smallcaseAuthId": None, "transactionId": None}, "smallcaseAuthId is missing"),
        ({"smallcaseAuthId": None, "transactionId": "TRX 1"}, "smallcaseAuthId is missing"),
        ({"checksum": None}, "checksum is missing"),
        ({"checksum": 7}, "checksum is missing"),
    ],
)
def test_parts_outside_their_exact_grammar_are_rejected(changes: dict[str, Any], reason: str) -> None:
    """Nothing can be moved across the boundary between timestamp and smallcaseAuthId."""
    assert verified(order_body(**changes)) == Rejected(reason, mismatch=False)


@pytest.mark.parametrize("timestamp", [TIMESTAMP[:-1], "2026-01-15T04:30:12Z", "1768451412345"])
def test_transaction_id_needs_the_documented_timestamp_before_it(timestamp: str) -> None:
    """A transactionId has no fixed length: only the timestamp can show where it begins."""
    body = {"transactionId": TRX, "timestamp": timestamp, "checksum": sign(SECRET, timestamp, TRX)}
    assert verified(body) == Rejected("timestamp is not of the form 2026-01-15T04:30:12.345Z", mismatch=False)


def test_null_smallcase_auth_id_is_not_the_same_as_absent() -> None:
    """Otherwise a body could choose which of the two subjects is signed."""
    body = signed({"transactionId": TRX, "smallcaseAuthId": None}, TRX)
    assert isinstance(verified(body), Rejected)


def test_wrong_checksum_is_rejected_as_a_mismatch() -> None:
    """The secret may have changed: the service reads it again."""
    found = verified(order_body(checksum="0" * 64))
    assert found == Rejected("checksum does not match", mismatch=True)
    assert verified(order_body(), secrets=(ApiSecret("another_secret"),)) == found


def test_previous_secret_verifies_during_a_rotation() -> None:
    """Both are valid until the operator removes one."""
    assert isinstance(verified(order_body(), secrets=(ApiSecret("another_secret"), SECRET)), Accepted)


# --- accepted


def test_genuine_and_consistent_order_is_accepted() -> None:
    """With everything that the conditional write needs."""
    found = verified(order_body())
    assert isinstance(found, Accepted)
    assert (found.transaction_id, found.smallcase_auth_id) == (TRX, AUTH_ID)
    assert (found.broker, found.user_id) == ("kite", "user=42")
    assert found.snapshot.stated_at == STATED
    assert found.snapshot.batch.batchId == "b1"
    assert found.snapshot.batch.orders[0].quantity == 3


def test_final_batch_is_accepted_without_an_earlier_one() -> None:
    """Shape E: nothing was placed, `orders` is empty or absent."""
    failed = {**ORDER, "status": "ERROR"}
    assert isinstance(verified(order_body(orders=[], unplaced=[failed])), Accepted)
    assert isinstance(verified(order_body(orders=None, unplaced=[failed])), Accepted)
    assert isinstance(verified(order_body(unplaced=None)), Accepted)


def test_absent_notes_and_broker_are_accepted() -> None:
    """The Gateway sends notes only where the create call had them."""
    found = verified(order_body(notes=None, broker=None))
    assert isinstance(found, Accepted)
    assert (found.user_id, found.broker) == (None, None)


def test_unknown_fields_and_words_are_stored_as_sent() -> None:
    """Readers are tolerant."""
    found = verified(order_body(orders=[{**ORDER, "status": "NEW", "more": {"deep": [1.50]}}], colour="red"))
    assert isinstance(found, Accepted)
    document = found.snapshot.document
    assert document["colour"] == "red"
    assert document["orders"][0]["more"] == {"deep": [Decimal("1.5")]}
    assert "checksum" not in document
    assert "notes" not in document


@pytest.mark.parametrize("minutes", [-5, 0, 15])
def test_fresh_timestamp_is_accepted_up_to_its_bounds(minutes: int) -> None:
    """A quarter of an hour old, five minutes ahead."""
    assert isinstance(verified(order_body(), STATED + timedelta(minutes=minutes)), Accepted)


SPELLINGS: Final = [
    "2026-01-15T04:30:12.345678Z",
    "2026-01-15T04:30:12Z",
    "2026-01-15T04:30:12.345",
    "2026-01-15T10:00:12.345+05:30",
    "2026-01-15 04:30:12.345Z",
    "1768451412345",
    "1768451412",
    1768451412345,
    1768451412,
]


def stamped(timestamp: str | int) -> dict[str, Any]:
    """A genuine webhook with its timestamp in another spelling."""
    return order_body(timestamp=timestamp, checksum=sign(SECRET, str(timestamp), AUTH_ID))


@pytest.mark.parametrize("timestamp", SPELLINGS)
def test_timestamp_in_any_spelling_is_accepted_over_the_characters_received(timestamp: str | int) -> None:
    """The smallcaseAuthId has a fixed form, so no character can be moved out of the timestamp."""
    found = verified(stamped(timestamp))
    assert isinstance(found, Accepted)
    assert abs(found.snapshot.stated_at - STATED) < timedelta(seconds=1)
    assert verified(stamped(timestamp) | {"timestamp": TIMESTAMP}) == Rejected("checksum does not match", mismatch=True)


def test_byte_order_mark_and_upper_case_checksum_are_accepted() -> None:
    """Each is another writing of the same body."""
    body = order_body()
    assert isinstance(verified(b"\xef\xbb\xbf" + json.dumps(body).encode()), Accepted)
    assert isinstance(verified(order_body(checksum=body["checksum"].upper())), Accepted)


def test_unreadable_optional_field_does_not_make_a_webhook_suspicious() -> None:
    """It is absent, and named beside what could be read."""
    found = verified(order_body(orders=[{**ORDER, "triggerPrice": "-"}], buyAmount=[]))
    assert isinstance(found, Accepted)
    (order,) = found.snapshot.batch.orders
    assert (order.triggerPrice, order.unreadable) == (None, {"triggerPrice": '"-"'})
    assert found.snapshot.batch.unreadable == {"buyAmount": "[]"}


def test_complete_order_without_filled_quantity_is_accepted_as_filled_whole() -> None:
    found = verified(order_body(orders=[{**ORDER, "status": "COMPLETE"}]))
    assert isinstance(found, Accepted)
    assert (found.snapshot.batch.orders[0].filledQuantity, found.snapshot.batch.orders[0].derived) == (
        3,
        ["filledQuantity"],
    )


# --- suspicious


def suspicion(body: Any, now: datetime = STATED) -> Suspicious:
    """The suspicion about `body`."""
    found = verified(body, now)
    assert isinstance(found, Suspicious)
    return found


@pytest.mark.parametrize("off", [timedelta(minutes=15, milliseconds=1), timedelta(minutes=-5, milliseconds=-1)])
def test_stale_or_early_timestamp_is_suspicious_never_rejected(off: timedelta) -> None:
    """The Gateway retries after days and may not sign again."""
    assert suspicion(order_body(), STATED + off) == Suspicious("timestamp is stale or ahead", TRX, AUTH_ID)
    assert suspicion(order_body(), STATED + timedelta(days=3)).transaction_id == TRX


def test_order_without_a_transaction_id_is_suspicious_and_names_none() -> None:
    """An id of another form counts as absent: nothing can be pulled."""
    assert suspicion(order_body(transactionId=None)) == Suspicious("no transactionId", None, AUTH_ID)
    assert suspicion(order_body(transactionId="a b")).transaction_id is None
    assert suspicion(order_body(transactionId="x" * 129)).transaction_id is None
    assert isinstance(verified(order_body(transactionId="x" * 128)), Accepted)


@pytest.mark.parametrize("notes", [7, "", ["a"], {"a": 1}, "n" * 257])
def test_notes_that_cannot_be_a_user_id_are_suspicious(notes: Any) -> None:
    """At most 256 characters; an empty text is a text."""
    found = verified(order_body(notes=notes))
    if notes == "":
        assert isinstance(found, Accepted)
    else:
        assert found == Suspicious("notes is not a valid user id", TRX, AUTH_ID)
    assert isinstance(verified(order_body(notes="ñ" * 256)), Accepted)


@pytest.mark.parametrize("timestamp", ["soon", "2026-02-30T04:30:12.345Z", "15/01/2026 10:00", "9" * 64, 10**18])
def test_genuine_timestamp_that_cannot_be_read_is_suspicious(timestamp: str | int) -> None:
    """Its freshness cannot be checked, so the Gateway is pulled."""
    assert suspicion(stamped(timestamp)) == Suspicious("timestamp cannot be read", TRX, AUTH_ID)


COMPLETE: Final = {**ORDER, "status": "COMPLETE", "filledQuantity": 3, "averagePrice": 5}


@pytest.mark.parametrize(
    "changes",
    [
        {"orders": "none"},
        {"orders": [7]},
        {"orders": [ORDER, {**ORDER, "quantity": -1}]},
        {"orders": [ORDER, {**ORDER, "quantity": "many"}]},
        {"orders": [{"tradingsymbol": "INFY"}]},
        {"orders": [{**ORDER, "status": 7}]},
        {"orders": [ORDER], "unplaced": [7]},
        {"orders": [{**COMPLETE, "filledQuantity": 0}]},
        {"orders": [ORDER, {**COMPLETE, "filledQuantity": 4}]},
        {"orders": [{**ORDER, "status": "PARTIAL", "filledQuantity": 4}]},
        {"orders": [{**COMPLETE, "averagePrice": "-0.05"}]},
    ],
)
def test_order_that_is_unreadable_or_contradicts_itself_is_suspicious(changes: dict[str, Any]) -> None:
    """A pull decides; one leg at fault is enough."""
    assert suspicion(order_body(**changes)) == Suspicious(
        "an order that cannot be read or contradicts itself", TRX, AUTH_ID
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"batchId": ""},
        {"batchId": "b" * 65},
        {"batchId": {"a": 1}},
        {"batchId": None},
        {"batchId": None, "unplaced": None},
        {"batchId": None, "orders": None},
    ],
)
def test_order_that_is_not_a_valid_batch_is_suspicious(changes: dict[str, Any]) -> None:
    """It has a member of an order, so the Gateway is pulled."""
    assert suspicion(order_body(**changes)).reason.startswith("not a batch of orders: ")


def test_suspicion_names_the_fields_not_their_values() -> None:
    """A forger does not choose what is stored as a reason."""
    reason = suspicion(order_body(batchId={"secret": 1}, orders=[{**ORDER, "averagePrice": "dear"}])).reason
    assert reason == "not a batch of orders: batchId"
    assert "secret" not in suspicion(order_body(orders=[{"secret": 1}] * 300)).reason


def test_batch_without_any_order_is_suspicious() -> None:
    """It states nothing about the orders."""
    assert suspicion(order_body(orders=[], unplaced=[])) == Suspicious("a batch without orders", TRX, AUTH_ID)
    assert suspicion(order_body(orders=None, unplaced=None)) == Suspicious("a batch without orders", TRX, AUTH_ID)


def test_body_too_large_for_an_item_or_an_event_is_suspicious() -> None:
    """A body that just fits is accepted."""
    room = 100_000 - len(json.dumps(order_body(more=""), ensure_ascii=False).encode())
    assert isinstance(verified(order_body(more="x" * room)), Accepted)
    assert suspicion(order_body(more="x" * (room + 1))).reason == "too large for a batch of orders"
    assert isinstance(verified(order_body(broker="b" * 64)), Accepted)
    assert suspicion(order_body(broker="b" * 65)).reason == "too large for a batch of orders"


# --- unrelated


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"securities": []}, "HOLDINGS_IMPORT"),
        ({"smallcases": {}}, "HOLDINGS_IMPORT"),
        ({"iscid": "i"}, "PENDING_ACTION"),
        ({"scid": "s"}, "PENDING_ACTION"),
        ({"intent": "MF_HOLDINGS_IMPORT", "securities": []}, "MF_HOLDINGS_IMPORT"),
        ({"something": "new"}, "UNKNOWN"),
        ({}, "UNKNOWN"),
    ],
)
def test_webhook_of_another_kind_is_unrelated_and_names_its_kind(more: dict[str, Any], kind: str) -> None:
    """Genuine, and not about a securities order."""
    body = signed({"smallcaseAuthId": AUTH_ID, "notes": "user=42", **more})
    assert verified(body) == Unrelated(kind, None, AUTH_ID, "user=42")  # type: ignore[arg-type]  # the parametrised kinds are literals


def test_mutual_funds_are_signed_with_the_transaction_id() -> None:
    """They have no smallcaseAuthId."""
    assert verified(signed({"transactionId": TRX}, TRX)) == Unrelated("MF_HOLDINGS_IMPORT", TRX, None, None)
    assert verified(signed({"transactionId": TRX, "batchId": "b1", "orders": [ORDER]}, TRX)) == Unrelated(
        "MF_HOLDINGS_IMPORT", TRX, None, None
    )


@pytest.mark.parametrize("age", [timedelta(minutes=15, milliseconds=1), timedelta(days=3), timedelta(minutes=-6)])
@pytest.mark.parametrize("of", [{"smallcaseAuthId": AUTH_ID}, {"smallcaseAuthId": AUTH_ID, "securities": []}])
def test_old_webhook_of_another_kind_is_suspicious(age: timedelta, of: dict[str, Any]) -> None:
    """Its timestamp and checksum may be another's, seen once and sent again with another body."""
    assert isinstance(verified(signed(of), STATED + timedelta(minutes=15)), Unrelated)
    assert verified(signed(of), STATED + age) == Suspicious("timestamp is stale or ahead", None, AUTH_ID)


def test_old_webhook_of_mutual_funds_is_suspicious() -> None:
    late = verified(signed({"transactionId": TRX}, TRX), STATED + timedelta(days=1))
    assert late == Suspicious("timestamp is stale or ahead", TRX, None)


def test_proof_names_the_checksum_and_not_the_content() -> None:
    """With any spelling, and without the checksum itself."""
    one, other = signed({"smallcaseAuthId": AUTH_ID}), signed({"smallcaseAuthId": AUTH_ID, "securities": [1]})
    found = [verified(body) for body in (one, other, {**one, "checksum": one["checksum"].upper()})]
    (proof,) = {each.proof for each in found if isinstance(each, Unrelated)}
    assert proof
    assert proof not in one["checksum"]
    another = verified(signed({"smallcaseAuthId": AUTH_ID[::-1]}, AUTH_ID[::-1]))
    assert isinstance(another, Unrelated)
    assert another.proof != proof


def test_overlong_notes_of_an_unrelated_webhook_are_omitted() -> None:
    """They would not fit into an item beside the body, which has them."""
    found = verified(signed({"smallcaseAuthId": AUTH_ID, "notes": "n" * 257}))
    assert isinstance(found, Unrelated)
    assert found.user_id is None


def test_equal_bodies_have_one_webhook_id() -> None:
    """SHA-256 of the bytes."""
    assert webhook_id(b"{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
