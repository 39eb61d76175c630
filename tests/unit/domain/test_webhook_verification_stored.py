"""Reconsidering an accepted webhook, row by row: why its conditional write failed, from the stored transaction."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Confirmation, Transaction
from securities_transactions.domain.webhook_verification import Accepted, Suspicious, Unchanged, reconsider
from tests.unit import factories

EARLY, LATE = datetime(2026, 1, 15, 4, 30, tzinfo=UTC), datetime(2026, 1, 15, 4, 40, tzinfo=UTC)


def batch(status: str, filled: int = 0, **more: Any) -> Batch:
    """A batch of one order of ten shares."""
    order = {
        "tradingsymbol": "INFY",
        "transactionType": "BUY",
        "status": status,
        "quantity": 10,
        "filledQuantity": filled,
    }
    return Batch.model_validate({"batchId": "b1", "orders": [order], **more})


def accepted(of: Batch, stated_at: datetime = EARLY, **more: Any) -> Accepted:
    """An accepted webhook about a batch."""
    return replace(Accepted("TRX_1", "auth-1", Snapshot(of, stated_at)), **more)


def stored(of: Batch | None, stated_at: datetime = EARLY, **more: Any) -> Transaction:
    """A transaction that shows a batch."""
    snapshot = None if of is None else Snapshot(of, stated_at)
    shown: dict[str, Any] = (
        {}
        if snapshot is None
        else {
            "orders": Deferred.of(snapshot.batch),
            "revision": snapshot.revision,
            "batch_id": snapshot.batch.batchId,
            "smallcase_auth_id": "auth-1",
        }
    )
    placed = {"status": Status.PLACED, "version": 2, "created_at": EARLY, "expire_at": LATE}
    return factories.stored(**{**placed, **shown, **more})


PLACED: Final = batch("PLACED")
FILLING: Final = batch("PLACED", 4)
DONE: Final = batch("COMPLETE", 10)


def test_webhook_about_a_transaction_that_is_not_stored_is_suspicious() -> None:
    """It may be adopted, once it has been pulled."""
    assert reconsider(accepted(PLACED), None) == Suspicious("a transaction that is not stored", "TRX_1", "auth-1")


@pytest.mark.parametrize(
    ("webhook", "transaction", "reason"),
    [
        (
            accepted(PLACED),
            stored(PLACED, smallcase_auth_id="auth-2"),
            "another smallcaseAuthId than this transaction's",
        ),
        (accepted(PLACED, user_id="user=7"), stored(PLACED), "other notes than this transaction's"),
        (accepted(PLACED, user_id="user=7"), stored(None), "other notes than this transaction's"),
        (accepted(PLACED), stored(PLACED, batch_id="b2"), "another batch than this transaction's"),
    ],
)
def test_webhook_that_does_not_fit_its_transaction_is_suspicious(
    webhook: Accepted, transaction: Transaction, reason: str
) -> None:
    """Another account, another user, another batch."""
    assert reconsider(webhook, transaction) == Suspicious(reason, "TRX_1", "auth-1")


def test_absent_identity_on_either_side_is_not_suspicious() -> None:
    """Notes may be missing from a webhook, an account from a transaction."""
    assert reconsider(accepted(PLACED), stored(DONE)) == Unchanged.STALE
    assert reconsider(accepted(PLACED, user_id="user=42"), stored(DONE)) == Unchanged.STALE
    assert reconsider(accepted(PLACED), stored(DONE, smallcase_auth_id=None, batch_id=None)) == Unchanged.STALE


def test_same_revision_again_is_a_duplicate() -> None:
    """Also where botocore repeated the write after a lost response."""
    assert reconsider(accepted(PLACED), stored(PLACED)) == Unchanged.DUPLICATE
    assert reconsider(accepted(PLACED), stored(None)) == Unchanged.DUPLICATE


def test_less_progress_is_stale_however_late_it_is_stated() -> None:
    """A PLACED retried after COMPLETED, with a fresh timestamp."""
    assert reconsider(accepted(PLACED, LATE), stored(DONE)) == Unchanged.STALE
    assert reconsider(accepted(PLACED, LATE), stored(FILLING)) == Unchanged.STALE


def test_another_final_outcome_than_the_reported_one_is_suspicious() -> None:
    """One may correct the other, downwards too: a pull decides. The same outcome in other words is only stale."""
    found = reconsider(accepted(batch("PARTIAL", 4), LATE), stored(DONE))
    assert found == Suspicious("another final outcome than the one reported", "TRX_1", "auth-1")
    assert reconsider(accepted(batch("COMPLETE", 10, colour="red"), LATE), stored(DONE)) == Unchanged.STALE


def test_same_content_stated_later_is_restated() -> None:
    """Stated earlier, it is stale."""
    assert reconsider(accepted(PLACED, LATE), stored(PLACED)) == Unchanged.RESTATED
    assert reconsider(accepted(PLACED, EARLY), stored(PLACED, LATE)) == Unchanged.STALE


def test_newer_content_that_lost_a_race_is_stale() -> None:
    """The condition failed, so another writer was faster: there is nothing to restate."""
    assert reconsider(accepted(batch("PLACED", variety="amo"), LATE), stored(PLACED)) == Unchanged.STALE


def test_another_state_under_the_same_timestamp_is_suspicious() -> None:
    """Neither is the newer one, so a pull decides."""
    for other in (batch("PLACED", variety="amo"), batch("PLACED", buyAmount=15)):
        for confirmation in Confirmation:
            found = reconsider(accepted(other), stored(PLACED, confirmation=confirmation))
            assert found == Suspicious("another state under the same timestamp", "TRX_1", "auth-1")
    assert reconsider(accepted(PLACED), stored(FILLING)) == Unchanged.STALE


def test_report_older_than_what_is_only_reported_is_suspicious() -> None:
    """A report may be forged. A confirmed state makes an older report stale."""
    suspicious = Suspicious("older than what is only reported", "TRX_1", "auth-1")
    cases = ((PLACED, EARLY, FILLING, LATE), (FILLING, LATE, DONE, EARLY), (batch("PLACED", n=1), EARLY, PLACED, LATE))
    for report, stated_at, shown, shown_at in cases:
        reported = stored(shown, shown_at, confirmation=Confirmation.REPORTED)
        assert reconsider(accepted(report, stated_at), reported) == suspicious
        confirmed = stored(shown, shown_at, confirmation=Confirmation.CONFIRMED)
        assert reconsider(accepted(report, stated_at), confirmed) == Unchanged.STALE


def test_open_state_of_a_settled_batch_is_stale() -> None:
    """It is a late retry, unless it was stated after the Gateway confirmed what is settled."""
    for stated_at in (EARLY, LATE):
        settled = stored(DONE, settled_at=LATE, confirmed_at=LATE)
        assert reconsider(accepted(PLACED, stated_at), settled) == Unchanged.STALE


@pytest.mark.parametrize("state", [PLACED, batch("ERROR"), batch("FROZEN", 10)])
def test_open_state_newer_than_what_is_settled_is_suspicious(state: Batch) -> None:
    """It may correct what is settled: an order that was unplaced may execute later."""
    settled = stored(DONE, settled_at=EARLY, confirmed_at=EARLY)
    found = reconsider(accepted(state, LATE), settled)
    assert found == Suspicious("contradicts what is settled", "TRX_1", "auth-1")


def test_same_rows_in_another_order_are_a_duplicate() -> None:
    """The digest of a batch does not depend on the order of its rows."""
    one, other = PLACED.as_sent()["orders"][0], {**PLACED.as_sent()["orders"][0], "tradingsymbol": "TCS"}
    forwards, backwards = (
        Batch.model_validate({"batchId": "b1", "orders": rows}) for rows in ([one, other], [other, one])
    )
    assert reconsider(accepted(backwards), stored(forwards)) == Unchanged.DUPLICATE
    assert reconsider(accepted(backwards, LATE), stored(forwards)) == Unchanged.RESTATED


@pytest.mark.parametrize("stated_at", [EARLY, LATE])
def test_settled_outcome_again_is_a_duplicate_in_any_words(stated_at: datetime) -> None:
    """The webhook may have more or fewer fields for the same outcome than the pull had."""
    assert (
        reconsider(accepted(batch("COMPLETE", 10, colour="red"), stated_at), stored(DONE, settled_at=LATE))
        == Unchanged.DUPLICATE
    )


@pytest.mark.parametrize("outcome", [batch("PARTIAL", 4), batch("COMPLETE", 12), batch("REJECTED")])
@pytest.mark.parametrize("stated_at", [EARLY, LATE])
def test_another_final_outcome_than_the_settled_one_is_suspicious(outcome: Batch, stated_at: datetime) -> None:
    """It may be a correction, upwards or downwards: a pull decides."""
    found = reconsider(accepted(outcome, stated_at), stored(DONE, LATE, settled_at=LATE))
    assert found == Suspicious("contradicts what is settled", "TRX_1", "auth-1")
