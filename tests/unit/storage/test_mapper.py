"""Transactions as stored: reading returns the written transaction."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securities_transactions.domain.cases import (
    CaseWork,
    Comment,
    Evidence,
    Proposal,
    Resolution,
    ResolvedOrder,
    Statement,
)
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import MonotonicPart, Progress, Revision
from securities_transactions.domain.statuses import GatewayStatus, OpenEnum, OrderStatus, Side, Status
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    EscalationReason,
    Failure,
    FailureReason,
    SdkError,
    Source,
    Transaction,
)
from securities_transactions.storage import mapper
from securities_transactions.storage.dynamodb import of_attributes, to_attributes
from securities_transactions.storage.mapper import Attribute, of_item, to_item
from securities_transactions.storage.snapshot_codec import decode
from tests.unit.storage.samples import BATCH, FULL, LEAST, SNAPSHOT, STAMP
from tests.unit.texts import xml_text

# --- any transaction

TEXTS: Final = xml_text(min_size=1, max_size=12)
TIMES: Final = st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  # zone apart
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
MONEY: Final = st.decimals(-(10**12), 10**12, places=4)
CAUSES: Final = st.builds(
    Cause,
    kind=st.sampled_from(CauseKind),
    request_id=st.none() | st.uuids().map(str) | xml_text(min_size=1, max_size=40),
    webhook_id=st.none() | st.binary(min_size=16, max_size=16).map(bytes.hex),
    subject=st.none() | xml_text(min_size=1, max_size=12),
    client=st.none() | xml_text(min_size=1, max_size=12),
)
STATEMENTS: Final = st.builds(
    Statement, st.sampled_from(OrderStatus), st.none() | st.integers(0, 10**11), st.none() | MONEY
)
RESOLUTIONS: Final = st.builds(
    Resolution,
    orders=st.lists(
        st.builds(
            ResolvedOrder,
            tradingsymbol=TEXTS,
            side=st.sampled_from(Side),
            status=st.sampled_from(OrderStatus),
            quantity=st.integers(0, 10**9),
            filled_quantity=st.integers(0, 10**9),
            average_price=st.none() | MONEY,
            exchange_order_id=st.none() | TEXTS,
            against=st.none() | STATEMENTS,
        ),
        max_size=2,
    ).map(tuple),
    why=TEXTS,
    evidence=st.sampled_from(Evidence),
    reference=TEXTS,
    subject=TEXTS,
    at=TIMES,
    approved_by=st.none() | TEXTS,
)
CASES: Final = st.builds(
    CaseWork,
    changed_at=TIMES,
    claimed_by=st.none() | TEXTS,
    claimed_at=st.none() | TIMES,
    comments=st.lists(st.builds(Comment, TIMES, TEXTS, TEXTS), max_size=2).map(tuple),
    proposal=st.none() | st.builds(Proposal, RESOLUTIONS, st.integers(1, 10**6)),
)
SDK_ERRORS: Final = st.builds(SdkError, st.none() | st.integers(-(10**9), 10**9), st.none() | xml_text(max_size=12))


def words(open_set: type[OpenEnum]) -> st.SearchStrategy[Any]:
    """Listed words of an open set and others."""
    return (st.sampled_from(list(open_set)) | xml_text(max_size=8)).map(open_set)


def order_documents() -> st.SearchStrategy[dict[str, Any]]:
    """An order as a batch has it."""
    return st.fixed_dictionaries(
        {
            "tradingsymbol": TEXTS,
            "transactionType": words(Side),
            "status": words(OrderStatus),
            "quantity": st.integers(0, 10**11),
        },
        optional={
            "filledQuantity": st.none() | st.integers(0, 10**11),
            "averagePrice": st.none() | MONEY,
            "errorCode": st.none() | TEXTS,
            "segment": st.dictionaries(TEXTS, TEXTS, max_size=2),
        },
    )


BATCHES: Final = st.fixed_dictionaries(
    {"batchId": TEXTS, "orders": st.lists(order_documents(), max_size=3)},
    optional={
        "unplaced": st.lists(order_documents(), max_size=2),
        "buyAmount": st.none() | MONEY,
        "status": TEXTS,
        "legs": st.lists(st.integers(-(10**20), 10**20) | st.booleans() | st.none(), max_size=3),
    },
).map(Batch.model_validate)
REQUESTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "orderConfig": st.fixed_dictionaries(
            {
                "type": st.just("SECURITIES"),
                "securities": st.lists(st.fixed_dictionaries({"ticker": TEXTS}, optional={"price": MONEY}), max_size=3),
            }
        ),
        "config": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)
REVISIONS: Final = st.builds(
    Revision,
    st.builds(
        Progress,
        st.builds(MonotonicPart, st.booleans(), st.integers(0, 9999), st.integers(0, 10**12 - 1)),
        st.integers(0, 9999),
    ),
    TIMES,
    st.text("0123456789abcdef", min_size=16, max_size=16),
)
STRATEGIES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "transaction_id": TEXTS,
    "user_id": TEXTS,
    "status": words(Status),
    "version": st.integers(1, 10**9),
    "created_at": TIMES,
    "expire_at": TIMES,
    "requested": REQUESTS.map(Deferred.of),
    "orders": BATCHES.map(Deferred.of),
    "revision": REVISIONS,
    "batch_id": TEXTS,
    "smallcase_auth_id": TEXTS,
    "broker": TEXTS,
    "buy_amount": MONEY,
    "sell_amount": MONEY,
    "confirmation": st.sampled_from(Confirmation),
    "source": st.sampled_from(Source),
    "gateway_status": words(GatewayStatus),
    "failure": st.builds(Failure, st.sampled_from(FailureReason), SDK_ERRORS),
    "sdk_error": SDK_ERRORS,
    "account": st.sampled_from(AccountLink),
    "adopted": st.booleans(),
    "reference": TEXTS,
    "escalation": st.sampled_from(EscalationReason),
    "case": CASES,
    "resolution": RESOLUTIONS,
    "cause": st.none() | CAUSES,
    "checks": st.integers(0, 10**6),
    **{field.name: TIMES for field in fields(Transaction) if field.name.endswith("_at")},
}
REQUIRED: Final = {"transaction_id", "user_id", "status", "version", "created_at", "expire_at", "requested"}
TRANSACTIONS: Final = st.fixed_dictionaries(
    {name: strategy for name, strategy in STRATEGIES.items() if name in REQUIRED},
    optional={name: strategy for name, strategy in STRATEGIES.items() if name not in REQUIRED},
).map(lambda made: Transaction(**made))


def test_generated_transactions_have_every_field() -> None:
    """A new field has to be generated too."""
    assert STRATEGIES.keys() == {field.name for field in fields(Transaction)}


@given(TRANSACTIONS)
def test_any_transaction_is_read_as_it_was_written(transaction: Transaction) -> None:
    """From its item, and from the item's attribute values."""
    item = to_item(transaction)
    assert of_item(item) == transaction
    assert of_item(of_attributes(to_attributes(item))) == transaction
    assert to_item(of_item(item)) == item


# --- items


def test_full_transaction_has_every_attribute() -> None:
    """A new attribute has to be written."""
    item = to_item(FULL)
    assert item.keys() == {attribute.value for attribute in Attribute}
    assert {type(name) for name in item} == {str}
    assert {type(value) for value in item.values()} <= {str, bytes, int, bool, Decimal, dict, list}


RESOLVED: Final = {
    "orders": [
        {
            "tradingsymbol": "INFY",
            "transactionType": "BUY",
            "status": "COMPLETE",
            "quantity": 10,
            "filledQuantity": 10,
            "averagePrice": Decimal("1498.2"),
            "exchangeOrderId": "E1",
            "against": {"status": "ERROR", "filledQuantity": 0, "averagePrice": Decimal(0)},
        }
    ],
    "why": "The broker filled it.",
    "evidence": "tradebook",
    "reference": "trade 25812345",
    "by": "ann",
    "at": STAMP,
}


def test_item_of_a_full_transaction_has_the_documented_values() -> None:
    """docs/reference/storage-format.md describes them."""
    item = to_item(FULL)
    assert decode(item.pop("request")) == {"orderConfig": {"type": "SECURITIES"}}
    assert Batch.model_validate(decode(item.pop("snapshot"))) == BATCH
    assert item == {
        "transactionId": "TRX_1",
        "notes": "user=42",
        "status": "COMPLETED",
        "version": 7,
        "createdAt": STAMP,
        "expireAt": "2026-01-15T04:45:12.345Z",
        "revision": f"100010000000000000001|{STAMP}|{SNAPSHOT.digest}",
        "batchId": "b1",
        "smallcaseAuthId": "auth",
        "broker": "kite",
        "buyAmount": Decimal("15000.5"),
        "sellAmount": Decimal("0.05"),
        "confirmation": "confirmed",
        "source": "pull",
        "reportedAt": "2026-01-15T04:31:12.345Z",
        "confirmedAt": "2026-01-15T04:32:12.345Z",
        "settledAt": "2026-01-15T04:33:12.345Z",
        "bookedAt": "2026-01-15T04:32:12.345Z",
        "bookShard": "2",
        "gatewayStatus": "COMPLETED",
        "error": {"reason": "errored", "code": 1012, "message": "user_cancelled"},
        "sdkError": {"code": 4006, "message": "order_pending"},
        "account": "linked",
        "adopted": True,
        "reference": "order-7",
        "cause": ["webhook", bytes.fromhex("5f0c2f1f9b7e4f7d8a1b2c3d4e5f6071"), bytes.fromhex("0c70bccea4c1496e" * 2)],
        "escalatedAt": "2026-01-15T04:34:12.345Z",
        "escalation": "lost order",
        "openCase": "open",
        "case": {
            "changedAt": STAMP,
            "claimedBy": "ann",
            "claimedAt": STAMP,
            "comments": [{"at": STAMP, "by": "ann", "text": "Asked the broker."}],
            "proposal": RESOLVED | {"version": 7},
        },
        "resolution": RESOLVED | {"approvedBy": "bob"},
        "suspectedAt": "2026-01-15T04:35:12.345Z",
        "pulledAt": "2026-01-15T04:36:12.345Z",
        "finalPulledAt": "2026-01-15T04:37:12.345Z",
        "pullRequestedAt": "2026-01-15T04:38:12.345Z",
        "nextCheckAt": "2026-01-15T04:39:12.345Z",
        "checkShard": mapper.check_shard("TRX_1"),
        "checks": 3,
    }


def test_unknown_values_are_absent_from_an_item() -> None:
    """Absent, never null."""
    assert to_item(LEAST).keys() == {"transactionId", "notes", "status", "version", "createdAt", "expireAt", "request"}


def test_attributes_of_a_later_version_are_ignored() -> None:
    assert of_item(to_item(FULL) | {"brandNew": {"of": ["tomorrow"]}}) == FULL


@pytest.mark.parametrize("name", ["transactionId", "notes", "status", "version", "createdAt", "expireAt"])
def test_item_without_a_required_attribute_is_a_key_error(name: str) -> None:
    item = to_item(FULL)
    del item[name]
    with pytest.raises(KeyError, match=name):
        of_item(item)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("createdAt", "soon"),
        ("nextCheckAt", "soon"),
        ("revision", "soon"),
        ("confirmation", "rumored"),
        ("source", "rumor"),
        ("account", "stolen"),
        ("error", {"reason": "rumor"}),
        ("version", "many"),
    ],
)
def test_item_with_a_value_of_another_form_is_a_value_error(name: str, value: Any) -> None:
    with pytest.raises(ValueError):  # which value is wrong does not matter
        of_item(to_item(FULL) | {name: value})


def test_snapshot_and_request_are_decoded_when_first_read() -> None:
    """Most reads never look at the orders: one that cannot be decoded fails the read of its orders only."""
    found = of_item(to_item(FULL) | {"snapshot": b"?", "request": b"?"})
    assert found.status is Status.COMPLETED
    for read in (lambda: found.batch, lambda: found.requested.value):
        with pytest.raises(ValueError, match="unknown format"):
            read()


@pytest.mark.parametrize("number", range(20))
def test_check_shard_is_stable_and_one_of_the_shards(number: int) -> None:
    """The index of due checks is queried shard by shard."""
    shard = mapper.check_shard(f"TRX_{number}")
    assert shard == mapper.check_shard(f"TRX_{number}")
    assert shard in {str(each) for each in range(mapper.CHECK_SHARDS)}


def test_check_shards_of_many_transactions_are_all_used() -> None:
    assert {mapper.check_shard(f"TRX_{number}") for number in range(20)} == {"0", "1", "2", "3"}
