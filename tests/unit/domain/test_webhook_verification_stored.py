"""The verdict's second half, row by row: why the one conditional write was refused, from what is stored."""

from dataclasses import replace
from typing import Any, Final

import pytest

from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.transaction import Transaction, encode_request
from securities_transactions.domain.webhook_verification import Doubt, Report, reconsider

EARLY, LATE = "2026-01-15T04:30:00.000Z", "2026-01-15T04:40:00.000Z"


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


def said(of: Batch, timestamp: str = EARLY, **more: Any) -> Report:
    """A report of a batch."""
    return replace(Report("TRX_1", "auth-1", Snapshot(of, timestamp)), **more)


def stored(of: Batch | None, timestamp: str = EARLY, **more: Any) -> Transaction:
    """A transaction that shows a batch."""
    snapshot = None if of is None else Snapshot(of, timestamp)
    shown: dict[str, Any] = (
        {}
        if snapshot is None
        else {
            "snapshot_bytes": snapshot.encoded,
            "revision": snapshot.revision,
            "batchId": snapshot.batch.batchId,
            "smallcaseAuthId": "auth-1",
        }
    )
    return Transaction(
        transactionId="TRX_1",
        notes="user=42",
        status="PLACED",
        version=2,
        createdAt=EARLY,
        expireAt=LATE,
        request=encode_request({}),
        **{**shown, **more},
    )


PLACED: Final = batch("PLACED")
FILLING: Final = batch("PLACED", 4)
DONE: Final = batch("COMPLETE", 10)


def test_a_transaction_that_is_not_stored_is_doubted() -> None:
    """It may be adopted, once the Gateway has been asked."""
    assert reconsider(said(PLACED), None) == Doubt("a transaction that is not stored", "TRX_1", "auth-1")


@pytest.mark.parametrize(
    ("report", "transaction", "reason"),
    [
        (said(PLACED), stored(PLACED, smallcaseAuthId="auth-2"), "another smallcaseAuthId than this transaction's"),
        (said(PLACED, notes="user=7"), stored(PLACED), "other notes than this transaction's"),
        (said(PLACED, notes="user=7"), stored(None), "other notes than this transaction's"),
        (said(PLACED), stored(PLACED, batchId="b2"), "another batch than this transaction's"),
    ],
)
def test_what_does_not_fit_the_transaction_is_doubted(report: Report, transaction: Transaction, reason: str) -> None:
    """Whose account, whose user, which batch."""
    assert reconsider(report, transaction) == Doubt(reason, "TRX_1", "auth-1")


def test_what_fits_by_being_absent_on_either_side_is_not_doubted() -> None:
    """Notes may be missing from a webhook, an account from a transaction."""
    assert reconsider(said(PLACED), stored(DONE)) == "stale"
    assert reconsider(said(PLACED, notes="user=42"), stored(DONE)) == "stale"
    assert reconsider(said(PLACED), stored(DONE, smallcaseAuthId=None, batchId=None)) == "stale"


def test_the_same_revision_again_is_a_duplicate() -> None:
    """Also where botocore repeated our own write."""
    assert reconsider(said(PLACED), stored(PLACED)) == "duplicate"
    assert reconsider(said(PLACED), stored(None)) == "duplicate"


def test_less_progress_is_stale_however_late_it_is_said() -> None:
    """A PLACED retried after COMPLETED, with a fresh timestamp."""
    assert reconsider(said(PLACED, LATE), stored(DONE)) == "stale"
    assert reconsider(said(PLACED, LATE), stored(FILLING)) == "stale"


def test_two_final_outcomes_contradict_each_other_before_either_is_settled() -> None:
    """One may correct the other, downwards too: the Gateway is asked which holds."""
    verdict = reconsider(said(batch("PARTIAL", 4), LATE), stored(DONE))
    assert verdict == Doubt("another final outcome than the one reported", "TRX_1", "auth-1")
    assert reconsider(said(batch("COMPLETE", 10, colour="red"), EARLY), stored(DONE)) == "stale"


def test_the_same_content_said_later_only_moves_the_revision_on() -> None:
    """Said earlier, it is stale."""
    assert reconsider(said(PLACED, LATE), stored(PLACED)) == "touch"
    assert reconsider(said(PLACED, EARLY), stored(PLACED, LATE)) == "stale"


def test_a_newer_content_that_lost_the_race_is_stale() -> None:
    """The write was refused, so something overtook it and was overtaken in turn: nothing to touch."""
    assert reconsider(said(batch("PLACED", variety="amo"), LATE), stored(PLACED)) == "stale"


def test_what_is_settled_stays_against_late_retries() -> None:
    """An open state of a settled batch."""
    assert reconsider(said(PLACED, LATE), stored(DONE, settledAt=LATE)) == "stale"


@pytest.mark.parametrize("timestamp", [EARLY, LATE])
def test_the_settled_outcome_again_is_a_duplicate_in_whatever_words(timestamp: str) -> None:
    """The webhook may say more or less about the same outcome than the pull did."""
    assert reconsider(said(batch("COMPLETE", 10, colour="red"), timestamp), stored(DONE, settledAt=LATE)) == "duplicate"


@pytest.mark.parametrize("outcome", [batch("PARTIAL", 4), batch("COMPLETE", 12), batch("REJECTED")])
@pytest.mark.parametrize("timestamp", [EARLY, LATE])
def test_another_final_outcome_contradicts_what_is_settled(outcome: Batch, timestamp: str) -> None:
    """A correction, upwards or downwards: the Gateway is asked."""
    verdict = reconsider(said(outcome, timestamp), stored(DONE, LATE, settledAt=LATE))
    assert verdict == Doubt("contradicts what is settled", "TRX_1", "auth-1")
