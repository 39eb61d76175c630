"""Verification of webhooks, row by row of the table in docs/guarantees.md: what the body alone decides."""

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


BAD_TIMESTAMP: Final = "timestamp is missing or not of the form 2026-01-15T04:30:12.345Z"
BAD_AUTH_ID: Final = "smallcaseAuthId is not of the agreed form"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timestamp": None}, BAD_TIMESTAMP),
        ({"timestamp": 7}, BAD_TIMESTAMP),
        ({"timestamp": TIMESTAMP[:-1]}, BAD_TIMESTAMP),
        ({"timestamp": TIMESTAMP + "6", "smallcaseAuthId": AUTH_ID[1:]}, BAD_TIMESTAMP),
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
        assert found == Suspicious("notes is not a text of ours", TRX, AUTH_ID)
    assert isinstance(verified(order_body(notes="ñ" * 256)), Accepted)


@pytest.mark.parametrize(
    "changes",
    [
        {"orders": "none"},
        {"orders": [7]},
        {"orders": [{**ORDER, "quantity": -1}]},
        {"orders": [{**ORDER, "quantity": "many"}]},
        {"orders": [{"tradingsymbol": "INFY"}]},
        {"orders": [{**ORDER, "averagePrice": 10**15}]},
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
    """Each by its path."""
    bad = {**ORDER, "quantity": "many", "averagePrice": "dear"}
    reason = suspicion(order_body(orders=[ORDER, bad])).reason
    assert reason == "not a batch of orders: orders.1.averagePrice, orders.1.quantity"


def test_suspicion_is_short_however_many_fields_are_wrong() -> None:
    """A forger does not choose how much is stored."""
    reason = suspicion(order_body(orders=[{}] * 300)).reason
    assert "orders.0.quantity" in reason
    assert len(reason) == len("not a batch of orders: ") + 200


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


def test_unrelated_webhook_is_never_stale() -> None:
    """It decides nothing."""
    assert isinstance(verified(signed({"smallcaseAuthId": AUTH_ID}), STATED + timedelta(days=3)), Unrelated)


def test_overlong_notes_of_an_unrelated_webhook_are_omitted() -> None:
    """They would not fit into an item beside the body, which has them."""
    found = verified(signed({"smallcaseAuthId": AUTH_ID, "notes": "n" * 257}))
    assert isinstance(found, Unrelated)
    assert found.user_id is None


def test_equal_bodies_have_one_webhook_id() -> None:
    """SHA-256 of the bytes."""
    assert webhook_id(b"{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
