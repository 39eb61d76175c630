"""Transitions as stored: the attributes that each sets and removes."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    EscalationReason,
    Failure,
    FailureReason,
    SdkError,
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
    ShownAccount,
    Transition,
)
from securities_transactions.storage import mapper
from securities_transactions.storage.case_mapper import of_resolution
from securities_transactions.storage.mapper import Attribute, Changes, changes_of, of_item, to_item
from securities_transactions.storage.snapshot_codec import encode
from tests.unit.storage.samples import BATCH, FULL, NOW, ORDER, RESOLUTION, SNAPSHOT, STAMP

CHECKS: Final = {"nextCheckAt", "checkShard", "checks", "suspectedAt", "finalPulledAt"}
SHOWN: Final = {"snapshot", "revision", "batchId", "buyAmount", "sellAmount", "reportedAt", "source"}
SET_BY_SNAPSHOT: Final = {
    "snapshot": encode(BATCH.as_sent()),
    "revision": SNAPSHOT.revision.text,
    "batchId": "b1",
    "status": "COMPLETED",
    "buyAmount": Decimal("15000.5"),
}
CONFIRMED: Final = {"confirmation": "confirmed", "confirmedAt": STAMP}
BY_PULL: Final = SET_BY_SNAPSHOT | CONFIRMED | {"source": "pull"}
ESCALATED: Final = {"escalatedAt": STAMP, "openCase": "open"}
CASE: Final = ("openCase", "case", "resolution")
ACCOUNT: Final = {"smallcaseAuthId": "auth", "broker": "kite"}
CHECK: Final = {"nextCheckAt": STAMP, "checkShard": mapper.check_shard("TRX_1"), "checks": 4}
KEPT: Final = ShownAccount(keeps_account=True)
NAMED: Final = ShownAccount(smallcase_auth_id="auth", broker="kite")
FAILURE: Final = Failure(FailureReason.ERRORED, SdkError(1012))
OUTCOMES: Final[list[tuple[Outcome, Mapping[str, Any], set[str]]]] = [
    (Escalate(NOW), ESCALATED, set()),
    (Escalate(NOW, EscalationReason.NO_PRICE), ESCALATED | {"escalation": "no price"}, set()),
    (Confirm(SNAPSHOT, NOW, KEPT), BY_PULL, {"settledAt", "error"}),
    (Confirm(SNAPSHOT, NOW), BY_PULL, {"settledAt", "error", *ACCOUNT}),
    (Confirm(SNAPSHOT, NOW, NAMED), BY_PULL | ACCOUNT, {"settledAt", "error"}),
    (Confirm(SNAPSHOT, NOW, KEPT, escalate=True), BY_PULL | ESCALATED, {"settledAt", "error"}),
    (Settle(SNAPSHOT, NOW, KEPT), BY_PULL | {"settledAt": STAMP}, {"error", *CASE}),
    (Settle(SNAPSHOT, NOW), BY_PULL | {"settledAt": STAMP}, {"error", *CASE, *ACCOUNT}),
    (Settle(SNAPSHOT, NOW, NAMED), BY_PULL | ACCOUNT | {"settledAt": STAMP}, {"error", *CASE}),
    (
        Settle(SNAPSHOT, NOW, KEPT, RESOLUTION),
        BY_PULL | {"settledAt": STAMP, "source": "person", "resolution": of_resolution(RESOLUTION)},
        {"error", "openCase", "case"},
    ),
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
        outcome=Settle(SNAPSHOT, NOW, NAMED), account=ClaimAccount("auth", AccountLink.CONFLICT, "kite")
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
    after = written(before, Transition(outcome=Settle(SNAPSHOT, NOW, KEPT), check=END_CHECKS))
    assert after == replace(
        FULL,
        confirmed_at=NOW,
        settled_at=NOW,
        case=None,
        resolution=None,
        failure=None,
        next_check_at=None,
        checks=0,
        suspected_at=None,
        final_pulled_at=None,
    )
    assert after.is_settled


def test_suspicion_that_is_over_is_read_as_none() -> None:
    suspected = replace(FULL, suspected_at=NOW)
    assert written(suspected, Transition(ends_suspicion=True)) == replace(FULL, suspected_at=None)


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
    changes = changes_of(Transition(outcome=Settle(plain, NOW, KEPT)), "TRX_1")
    assert not {"buyAmount", "sellAmount", "smallcaseAuthId", "broker"} & changes.set.keys()
    assert not {"buyAmount", "sellAmount", "smallcaseAuthId", "broker"} & changes.remove
