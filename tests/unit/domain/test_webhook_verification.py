"""The verdict on a webhook, row by row of the table in docs/guarantees.md: what the body alone decides."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from securities_transactions.domain.checksum import sign
from securities_transactions.domain.webhook_verification import (
    Doubt,
    Keep,
    Policy,
    Refuse,
    Report,
    Verdict,
    judge,
    webhook_id,
)
from securities_transactions.gateway.secrets import ApiSecret

SECRET: Final = ApiSecret("test_api_secret_not_real")
POLICY: Final = Policy(auth_id=re.compile("[0-9a-f]{24}", re.ASCII))
SAID: Final = datetime(2026, 1, 15, 4, 30, 12, 345_000, tzinfo=UTC)
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


def judged(body: Any, now: datetime = SAID, secrets: tuple[ApiSecret, ...] = (SECRET,)) -> Verdict:
    """The verdict on `body`, as JSON unless it is bytes already."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(raw, secrets, now, POLICY)


# --- refuse


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    """It carries no checksum; another secret would not change that."""
    assert judged(raw) == Refuse("the body is not JSON, so it carries no checksum", mismatch=False)


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"null", b"7"])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    """Nothing else has members."""
    assert judged(raw) == Refuse("the body is not a JSON object, so it carries no checksum", mismatch=False)


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
def test_parts_outside_their_exact_grammar_are_refused(changes: dict[str, Any], reason: str) -> None:
    """Nothing can be moved across the boundary between timestamp and smallcaseAuthId."""
    assert judged(order_body(**changes)) == Refuse(reason, mismatch=False)


def test_a_null_smallcase_auth_id_is_not_an_absent_one() -> None:
    """Else a body could choose which of the two algorithms it is checked by."""
    body = signed({"transactionId": TRX, "smallcaseAuthId": None}, TRX)
    assert isinstance(judged(body), Refuse)


def test_a_wrong_checksum_is_refused_as_a_mismatch() -> None:
    """The secret may have changed: the handler reads it again."""
    verdict = judged(order_body(checksum="0" * 64))
    assert verdict == Refuse("checksum does not match", mismatch=True)
    assert judged(order_body(), secrets=(ApiSecret("another_secret"),)) == verdict


def test_the_previous_secret_verifies_while_rotating() -> None:
    """Both are good until the operator drops one."""
    assert isinstance(judged(order_body(), secrets=(ApiSecret("another_secret"), SECRET)), Report)


# --- report


def test_a_genuine_and_consistent_order_is_reported() -> None:
    """With everything the table needs to decide."""
    verdict = judged(order_body())
    assert isinstance(verdict, Report)
    assert (verdict.transaction_id, verdict.smallcase_auth_id) == (TRX, AUTH_ID)
    assert (verdict.broker, verdict.notes) == ("kite", "user=42")
    assert verdict.snapshot.timestamp == TIMESTAMP
    assert verdict.snapshot.batch.batchId == "b1"
    assert verdict.snapshot.batch.orders[0].quantity == 3


def test_a_terminal_state_needs_no_earlier_one() -> None:
    """Shape E: nothing was placed, `orders` is empty or absent."""
    failed = {**ORDER, "status": "ERROR"}
    assert isinstance(judged(order_body(orders=[], unplaced=[failed])), Report)
    assert isinstance(judged(order_body(orders=None, unplaced=[failed])), Report)
    assert isinstance(judged(order_body(unplaced=None)), Report)


def test_notes_and_broker_may_be_absent() -> None:
    """Notes come only if they were given."""
    verdict = judged(order_body(notes=None, broker=None))
    assert isinstance(verdict, Report)
    assert (verdict.notes, verdict.broker) == (None, None)


def test_unknown_fields_and_values_are_kept_as_they_came() -> None:
    """Readers are tolerant."""
    verdict = judged(order_body(orders=[{**ORDER, "status": "NEW", "more": {"deep": [1.50]}}], colour="red"))
    assert isinstance(verdict, Report)
    document = verdict.snapshot.document
    assert document["colour"] == "red"
    assert document["orders"][0]["more"] == {"deep": [Decimal("1.5")]}
    assert "checksum" not in document
    assert "notes" not in document


@pytest.mark.parametrize("minutes", [-5, 0, 15])
def test_a_fresh_timestamp_is_believed_up_to_its_bounds(minutes: int) -> None:
    """A quarter of an hour old, five minutes ahead."""
    assert isinstance(judged(order_body(), SAID + timedelta(minutes=minutes)), Report)


# --- doubt


def doubted(body: Any, now: datetime = SAID) -> Doubt:
    verdict = judged(body, now)
    assert isinstance(verdict, Doubt)
    return verdict


@pytest.mark.parametrize("off", [timedelta(minutes=15, milliseconds=1), timedelta(minutes=-5, milliseconds=-1)])
def test_a_stale_or_early_timestamp_is_doubted_never_refused(off: timedelta) -> None:
    """The Gateway retries after days and may not sign again."""
    assert doubted(order_body(), SAID + off) == Doubt("timestamp is stale or ahead", TRX, AUTH_ID)
    assert doubted(order_body(), SAID + timedelta(days=3)).transaction_id == TRX


def test_an_order_that_names_no_transaction_is_doubted_and_nothing_can_be_pulled() -> None:
    """Nor one whose name cannot be one."""
    assert doubted(order_body(transactionId=None)) == Doubt("no transactionId", None, AUTH_ID)
    assert doubted(order_body(transactionId="a b")).transaction_id is None
    assert doubted(order_body(transactionId="x" * 129)).transaction_id is None
    assert isinstance(judged(order_body(transactionId="x" * 128)), Report)


@pytest.mark.parametrize("notes", [7, "", ["a"], {"a": 1}, "n" * 257])
def test_notes_that_are_no_text_of_ours_are_doubted(notes: Any) -> None:
    """At most 256 characters; an empty text is a text."""
    verdict = judged(order_body(notes=notes))
    if notes == "":
        assert isinstance(verdict, Report)
    else:
        assert verdict == Doubt("notes is not a text of ours", TRX, AUTH_ID)
    assert isinstance(judged(order_body(notes="ñ" * 256)), Report)


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
def test_what_is_no_batch_of_orders_is_doubted(changes: dict[str, Any]) -> None:
    """Whatever it lacks, it claims to be one: the truth is asked for."""
    assert doubted(order_body(**changes)).reason.startswith("not a batch of orders: ")


def test_a_doubt_names_the_fields_never_their_values() -> None:
    """Each by its path."""
    bad = {**ORDER, "quantity": "many", "averagePrice": "dear"}
    reason = doubted(order_body(orders=[ORDER, bad])).reason
    assert reason == "not a batch of orders: orders.1.averagePrice, orders.1.quantity"


def test_a_doubts_reason_is_short_however_many_fields_are_wrong() -> None:
    """Whoever forges does not choose how much we store of it."""
    reason = doubted(order_body(orders=[{}] * 300)).reason
    assert "orders.0.quantity" in reason
    assert len(reason) == len("not a batch of orders: ") + 200


def test_a_batch_without_any_order_is_doubted() -> None:
    """It says nothing of the orders."""
    assert doubted(order_body(orders=[], unplaced=[])) == Doubt("a batch without orders", TRX, AUTH_ID)
    assert doubted(order_body(orders=None, unplaced=None)) == Doubt("a batch without orders", TRX, AUTH_ID)


def test_what_is_too_large_for_an_item_or_an_event_is_doubted() -> None:
    """Anything that fits is reported."""
    room = 100_000 - len(json.dumps(order_body(more=""), ensure_ascii=False).encode())
    assert isinstance(judged(order_body(more="x" * room)), Report)
    assert doubted(order_body(more="x" * (room + 1))).reason == "too large for a batch of orders"
    assert isinstance(judged(order_body(broker="b" * 64)), Report)
    assert doubted(order_body(broker="b" * 65)).reason == "too large for a batch of orders"


# --- keep


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
def test_another_kind_is_kept_as_what_it_is(more: dict[str, Any], kind: str) -> None:
    """Genuine, and not about a securities order."""
    body = signed({"smallcaseAuthId": AUTH_ID, "notes": "user=42", **more})
    assert judged(body) == Keep(kind, None, AUTH_ID, "user=42")  # type: ignore[arg-type]  # the parametrised kinds are literals


def test_mutual_funds_are_signed_with_the_transaction_id() -> None:
    """They have no smallcaseAuthId."""
    assert judged(signed({"transactionId": TRX}, TRX)) == Keep("MF_HOLDINGS_IMPORT", TRX, None, None)
    assert judged(signed({"transactionId": TRX, "batchId": "b1", "orders": [ORDER]}, TRX)) == Keep(
        "MF_HOLDINGS_IMPORT", TRX, None, None
    )


def test_a_kept_webhook_is_kept_however_old_it_is() -> None:
    """It decides nothing, so nothing can be stale."""
    assert isinstance(judged(signed({"smallcaseAuthId": AUTH_ID}), SAID + timedelta(days=3)), Keep)


def test_overlong_notes_of_another_kind_are_left_to_the_body() -> None:
    """They would not fit beside it."""
    verdict = judged(signed({"smallcaseAuthId": AUTH_ID, "notes": "n" * 257}))
    assert isinstance(verdict, Keep)
    assert verdict.notes is None


def test_equal_bodies_have_one_name() -> None:
    """SHA-256 of the bytes."""
    assert webhook_id(b"{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
