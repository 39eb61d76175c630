"""Transactions as stored: each is read as it was written, and each transition has its attributes."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import MonotonicPart, Progress, Revision, Snapshot
from securities_transactions.domain.statuses import GatewayStatus, OpenEnum, OrderStatus, Side, Status
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    Failure,
    FailureReason,
    SdkError,
    Source,
    Transaction,
)
from securities_transactions.domain.transitions import (
    END_CHECKS,
    ClaimAccount,
    Confirm,
    Escalate,
    Fail,
    Outcome,
    Retract,
    ScheduleCheck,
    Settle,
    Transition,
)
from securities_transactions.storage import mapper
from securities_transactions.storage.dynamodb import of_attributes, to_attributes
from securities_transactions.storage.mapper import Attribute, Changes, changes_of, of_item, to_item
from securities_transactions.storage.snapshot_codec import decode, encode

NOW: Final = datetime(2026, 1, 15, 4, 30, 12, 345_000, UTC)
STAMP: Final = "2026-01-15T04:30:12.345Z"
CHECKS: Final = {"nextCheckAt", "checkShard", "checks", "suspectedAt", "finalPulledAt"}
SHOWN: Final = {"snapshot", "revision", "batchId", "buyAmount", "sellAmount", "reportedAt", "source"}
ORDER: Final = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "COMPLETE", "quantity": 10}
BATCH: Final = Batch.model_validate({"batchId": "b1", "buyAmount": Decimal("15000.5"), "orders": [ORDER]})
SNAPSHOT: Final = Snapshot(BATCH, NOW)
FULL: Final = Transaction(
    transaction_id="TRX_1",
    user_id="user=42",
    status=Status.COMPLETED,
    version=7,
    created_at=NOW,
    expire_at=NOW + timedelta(minutes=15),
    requested=Deferred.of({"orderConfig": {"type": "SECURITIES"}}),
    orders=Deferred.of(BATCH),
    revision=SNAPSHOT.revision,
    batch_id="b1",
    smallcase_auth_id="auth",
    broker="kite",
    buy_amount=Decimal("15000.5"),
    sell_amount=Decimal("0.05"),
    confirmation=Confirmation.CONFIRMED,
    source=Source.PULL,
    reported_at=NOW + timedelta(minutes=1),
    confirmed_at=NOW + timedelta(minutes=2),
    settled_at=NOW + timedelta(minutes=3),
    gateway_status=GatewayStatus.COMPLETED,
    failure=Failure(FailureReason.ERRORED, SdkError(1012, "user_cancelled")),
    sdk_error=SdkError(4006, "order_pending"),
    account=AccountLink.LINKED,
    adopted=True,
    escalated_at=NOW + timedelta(minutes=4),
    suspected_at=NOW + timedelta(minutes=5),
    pulled_at=NOW + timedelta(minutes=6),
    final_pulled_at=NOW + timedelta(minutes=7),
    pull_requested_at=NOW + timedelta(minutes=8),
    next_check_at=NOW + timedelta(minutes=9),
    checks=3,
)
LEAST: Final = Transaction(
    transaction_id="TRX_1",
    user_id="user=42",
    status=Status.CREATED,
    version=1,
    created_at=NOW,
    expire_at=NOW,
    requested=Deferred.of({}),
)


# --- any transaction

TEXTS: Final = st.text(min_size=1, max_size=12)
TIMES: Final = st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  # zone apart
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
MONEY: Final = st.decimals(-(10**12), 10**12, places=4)
SDK_ERRORS: Final = st.builds(SdkError, st.none() | st.integers(-(10**9), 10**9), st.none() | st.text(max_size=12))


def words(open_set: type[OpenEnum]) -> st.SearchStrategy[Any]:
    """Listed words of an open set and others."""
    return (st.sampled_from(list(open_set)) | st.text(max_size=8)).map(open_set)


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
    assert {type(value) for value in item.values()} <= {str, bytes, int, bool, Decimal, dict}


def test_item_of_a_full_transaction_has_the_documented_values() -> None:
    """docs/storage-format.md describes them."""
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
        "gatewayStatus": "COMPLETED",
        "error": {"reason": "errored", "code": 1012, "message": "user_cancelled"},
        "sdkError": {"code": 4006, "message": "order_pending"},
        "account": "linked",
        "adopted": True,
        "escalatedAt": "2026-01-15T04:34:12.345Z",
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


# --- transitions

SET_BY_SNAPSHOT: Final = {
    "snapshot": encode(BATCH.as_sent()),
    "revision": SNAPSHOT.revision.text,
    "batchId": "b1",
    "status": "COMPLETED",
    "buyAmount": Decimal("15000.5"),
}
CONFIRMED: Final = {"confirmation": "confirmed", "confirmedAt": STAMP}
BY_PULL: Final = SET_BY_SNAPSHOT | CONFIRMED | {"source": "pull"}
ACCOUNT: Final = {"smallcaseAuthId": "auth", "broker": "kite"}
CHECK: Final = {"nextCheckAt": STAMP, "checkShard": mapper.check_shard("TRX_1"), "checks": 4}
FAILURE: Final = Failure(FailureReason.ERRORED, SdkError(1012))
OUTCOMES: Final[list[tuple[Outcome, Mapping[str, Any], set[str]]]] = [
    (Escalate(NOW), {"escalatedAt": STAMP}, set()),
    (Confirm(SNAPSHOT, NOW), BY_PULL, {"settledAt", "error"}),
    (Confirm(SNAPSHOT, NOW, "auth", "kite"), BY_PULL | ACCOUNT, {"settledAt", "error"}),
    (Confirm(SNAPSHOT, NOW, escalate=True), BY_PULL | {"escalatedAt": STAMP}, {"settledAt", "error"}),
    (Settle(SNAPSHOT, NOW), BY_PULL | {"settledAt": STAMP}, {"error"}),
    (Settle(SNAPSHOT, NOW, "auth", "kite"), BY_PULL | ACCOUNT | {"settledAt": STAMP}, {"error"}),
    (Retract(NOW, keeps_account=True), CONFIRMED | {"status": "CREATED"}, SHOWN | {"settledAt"}),
    (
        Retract(NOW, keeps_account=False),
        CONFIRMED | {"status": "CREATED"},
        SHOWN | {"settledAt", "smallcaseAuthId", "broker"},
    ),
    (Fail(NOW, FAILURE), CONFIRMED | {"status": "FAILED", "error": {"reason": "errored", "code": 1012}}, set()),
    (
        Fail(NOW, Failure(FailureReason.EXPIRED), Retract(NOW, keeps_account=True)),
        CONFIRMED | {"status": "FAILED", "error": {"reason": "expired"}},
        SHOWN | {"settledAt"},
    ),
    (
        Fail(NOW, Failure(FailureReason.ABANDONED), Retract(NOW, keeps_account=False)),
        CONFIRMED | {"status": "FAILED", "error": {"reason": "abandoned"}},
        SHOWN | {"settledAt", "smallcaseAuthId", "broker"},
    ),
]
each_outcome: Final = pytest.mark.parametrize(
    ("outcome", "set_", "removed"), OUTCOMES, ids=[f"{type(each[0]).__name__}-{n}" for n, each in enumerate(OUTCOMES)]
)


def test_empty_transition_changes_nothing() -> None:
    assert changes_of(Transition(), "TRX_1") == Changes({}, frozenset())


@each_outcome
def test_outcome_has_its_attributes(outcome: Outcome, set_: Mapping[str, Any], removed: set[str]) -> None:
    """Nothing else is set or removed."""
    assert changes_of(Transition(outcome=outcome), "TRX_1") == Changes(set_, frozenset(removed))


@each_outcome
def test_next_check_is_set_beside_any_outcome(outcome: Outcome, set_: Mapping[str, Any], removed: set[str]) -> None:
    transition = Transition(outcome=outcome, check=ScheduleCheck(NOW, 4))
    assert changes_of(transition, "TRX_1") == Changes({**set_, **CHECK}, frozenset(removed))


@each_outcome
def test_end_of_checks_is_removed_beside_any_outcome(
    outcome: Outcome, set_: Mapping[str, Any], removed: set[str]
) -> None:
    """With the suspicion and the lease of the first outcome."""
    transition = Transition(outcome=outcome, check=END_CHECKS)
    assert changes_of(transition, "TRX_1") == Changes(set_, frozenset(removed | CHECKS))


@pytest.mark.parametrize(
    ("transition", "set_"),
    [
        (Transition(check=ScheduleCheck(NOW, 4)), CHECK),
        (Transition(suspected_at=NOW), {"suspectedAt": STAMP}),
        (Transition(gateway_status=GatewayStatus.ACTION_REQUIRED), {"gatewayStatus": "ACTION_REQUIRED"}),
        (Transition(gateway_status=GatewayStatus("Queued")), {"gatewayStatus": "Queued"}),
        (Transition(pull_requested_at=NOW), {"pullRequestedAt": STAMP}),
        (
            Transition(sdk_error=SdkError(4006, "order_pending")),
            {"sdkError": {"code": 4006, "message": "order_pending"}},
        ),
        (Transition(sdk_error=SdkError(4006)), {"sdkError": {"code": 4006}}),
        (Transition(sdk_error=SdkError(None, "brand_new")), {"sdkError": {"message": "brand_new"}}),
        *(
            (
                Transition(account=ClaimAccount("auth", link, "kite")),
                {"smallcaseAuthId": "auth", "account": link.value, "broker": "kite"},
            )
            for link in AccountLink
        ),
        (
            Transition(account=ClaimAccount("auth", AccountLink.KNOWN)),
            {"smallcaseAuthId": "auth", "account": "known"},
        ),
    ],
)
def test_other_parts_of_a_transition_only_set_attributes(transition: Transition, set_: Mapping[str, Any]) -> None:
    assert changes_of(transition, "TRX_1") == Changes(set_)


def test_end_of_checks_alone_only_removes_attributes() -> None:
    assert changes_of(Transition(check=END_CHECKS), "TRX_1") == Changes({}, frozenset(CHECKS))


def test_suspicion_is_not_removed_by_the_transition_that_sets_it() -> None:
    """DynamoDB refuses an update that sets and removes one attribute."""
    changes = changes_of(Transition(check=END_CHECKS, suspected_at=NOW), "TRX_1")
    assert changes == Changes({"suspectedAt": STAMP}, frozenset(CHECKS - {"suspectedAt"}))


def test_claimed_account_survives_the_retraction_that_it_comes_with() -> None:
    """The broker of the report goes where the claim has none."""
    retract = Retract(NOW, keeps_account=False)
    claim = ClaimAccount("auth", AccountLink.LINKED)
    changes = changes_of(Transition(outcome=retract, account=claim), "TRX_1")
    assert {"smallcaseAuthId": "auth", "account": "linked"}.items() <= changes.set.items()
    assert changes.remove == SHOWN | {"settledAt", "broker"}


def test_claimed_account_overrules_the_one_of_the_outcome() -> None:
    transition = Transition(
        outcome=Settle(SNAPSHOT, NOW, "auth", None), account=ClaimAccount("auth", AccountLink.CONFLICT, "kite")
    )
    assert (ACCOUNT | {"account": "conflict"}).items() <= changes_of(transition, "TRX_1").set.items()


def test_changes_have_only_values_that_can_be_stored() -> None:
    """Attribute values are plain: no enum and no moment."""
    for outcome, _, _ in OUTCOMES:
        changes = changes_of(
            Transition(
                outcome=outcome,
                check=ScheduleCheck(NOW, 4),
                suspected_at=NOW,
                gateway_status=GatewayStatus.USED,
                account=ClaimAccount("auth", AccountLink.LINKED, "kite"),
                pull_requested_at=NOW,
                sdk_error=SdkError(4006),
            ),
            "TRX_1",
        )
        assert {type(value) for value in changes.set.values()} <= {str, bytes, int, Decimal, dict}
        assert not changes.set.keys() & changes.remove
        assert {*changes.set, *changes.remove} <= {attribute.value for attribute in Attribute}


def written(stored: Transaction, transition: Transition) -> Transaction:
    """The transaction after the changes of a transition are written."""
    changes = changes_of(transition, stored.transaction_id)
    item = {**to_item(stored), **changes.set}
    return of_item({str(name): value for name, value in item.items() if name not in changes.remove})


def test_settled_transaction_is_read_as_settled() -> None:
    before = replace(FULL, settled_at=None, confirmation=Confirmation.REPORTED, orders=None, revision=None)
    after = written(before, Transition(outcome=Settle(SNAPSHOT, NOW), check=END_CHECKS))
    assert after == replace(
        FULL,
        confirmed_at=NOW,
        settled_at=NOW,
        failure=None,
        next_check_at=None,
        checks=0,
        suspected_at=None,
        final_pulled_at=None,
    )
    assert after.is_settled


def test_failed_transaction_is_read_without_the_retracted_report() -> None:
    retract = Retract(NOW, keeps_account=False)
    after = written(FULL, Transition(outcome=Fail(NOW, FAILURE, retract), check=ScheduleCheck(NOW, 1)))
    assert after == replace(
        FULL,
        status=Status.FAILED,
        failure=FAILURE,
        confirmed_at=NOW,
        next_check_at=NOW,
        checks=1,
        orders=None,
        revision=None,
        batch_id=None,
        buy_amount=None,
        sell_amount=None,
        reported_at=None,
        source=None,
        settled_at=None,
        smallcase_auth_id=None,
        broker=None,
    )
    assert after.batch is None


def test_snapshot_without_amounts_leaves_the_stored_amounts() -> None:
    """An absent amount is not known, and never null."""
    plain = Snapshot(Batch.model_validate({"batchId": "b1", "orders": [ORDER]}), NOW)
    changes = changes_of(Transition(outcome=Settle(plain, NOW)), "TRX_1")
    assert not {"buyAmount", "sellAmount", "smallcaseAuthId", "broker"} & changes.set.keys()
    assert not {"buyAmount", "sellAmount", "smallcaseAuthId", "broker"} & changes.remove
