"""Snapshots: revisions, what counts as the same outcome, and the bytes that are stored."""

from decimal import Decimal
from typing import Any, Final

import pytest

from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot, digest_of, lasting, material, progress_of
from securities_transactions.storage.snapshot_codec import decode

AT: Final = "2026-01-15T04:30:12.345Z"
LATER: Final = "2026-01-15T04:30:12.346Z"
ORDER: Final = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "PLACED", "quantity": 10}


def batch(*orders: dict[str, Any], **more: Any) -> Batch:
    """A batch of orders that differ from `ORDER` as given."""
    return Batch.model_validate({"batchId": "b1", "orders": [{**ORDER, **each} for each in orders], **more})


def test_a_revision_is_progress_then_timestamp_then_content() -> None:
    """All final? how many orders final? how many shares filled? how many left PLACED?"""
    snapshot = Snapshot(batch({"status": "COMPLETE", "filledQuantity": 10}, {"filledQuantity": 3}), AT)
    assert snapshot.progress == "0" + "0001" + "000000000013" + "0001"
    assert snapshot.revision == f"{snapshot.progress}|{AT}|{snapshot.digest}"
    assert progress_of(snapshot.revision) == snapshot.progress
    assert lasting(snapshot.progress) == "00001000000000013"
    assert digest_of(snapshot.revision) == snapshot.digest
    assert len(snapshot.digest) == 16


def test_the_digest_is_of_the_content_whatever_its_order() -> None:
    """And of nothing else: not of when it was said."""
    one, other = batch({"status": "PLACED", "more": 1}), batch({"more": 1, "status": "PLACED"})
    assert Snapshot(one, AT).digest == Snapshot(other, LATER).digest == "6eabd7e46d5fff7a"
    assert Snapshot(one, AT).digest != Snapshot(batch({"more": 2}), AT).digest


def test_progress_sorts_as_it_is_meant() -> None:
    """Each is further than the one before, whenever it was said."""
    done = {"status": "COMPLETE", "filledQuantity": 10}
    history = [
        Snapshot(batch({}, {}), "2026-01-15T09:00:00.000Z"),
        Snapshot(batch({}, {"status": "ERROR"}), "2026-01-15T08:50:00.000Z"),
        Snapshot(batch({"status": "ERROR"}, {"status": "ERROR"}), "2026-01-15T08:40:00.000Z"),
        Snapshot(batch({}, unplaced=[ORDER, ORDER, ORDER]), "2026-01-15T08:30:00.000Z"),
        Snapshot(batch({"filledQuantity": 3}, {}), "2026-01-15T08:00:00.000Z"),
        Snapshot(batch({"filledQuantity": 10**11}, {}), "2026-01-15T07:30:00.000Z"),
        Snapshot(batch({"status": "REJECTED"}, {}), "2026-01-15T07:00:00.000Z"),
        Snapshot(batch(done, {}), "2026-01-15T06:00:00.000Z"),
        Snapshot(batch({"status": "REJECTED"}), "2026-01-15T05:00:00.000Z"),
        Snapshot(batch(done), "2026-01-15T04:00:00.000Z"),
        Snapshot(batch(done, {"status": "CANCELLED_AMO"}), "2026-01-15T03:00:00.000Z"),
    ]
    revisions = [snapshot.revision for snapshot in history]
    assert revisions == sorted(revisions)
    assert len(set(revisions)) == len(revisions)
    assert {len(progress_of(revision)) for revision in revisions} == {21}


def test_every_order_begins_as_placed_so_what_has_left_it_is_the_later_whenever_it_was_said() -> None:
    """In the same millisecond as PLACED, and before a PLACED that was signed anew."""
    for number in range(20):
        placed, unknown = batch({}, {"more": number}), batch({"status": "ERROR"}, {"more": number})
        assert Snapshot(placed, LATER).revision < Snapshot(unknown, AT).revision


def test_where_nothing_is_said_of_shares_none_are_filled() -> None:
    """An order that was just placed has come nowhere."""
    assert Snapshot(batch({}), AT).progress == "0" * 21


def test_many_filled_shares_never_break_the_order() -> None:
    """The number is cut where its room ends."""
    orders = [{"filledQuantity": 10**11}] * 20
    assert Snapshot(batch(*orders), AT).progress == "0" + "0000" + "9" * 12 + "0000"


def test_an_error_keeps_a_batch_open_and_an_unplaced_order_does_not() -> None:
    """ERROR in `orders` is unknown, in `unplaced` it is certain."""
    failed = {**ORDER, "status": "ERROR"}
    assert Snapshot(batch({"status": "ERROR"}), AT).progress[0] == "0"
    assert Snapshot(batch(unplaced=[failed]), AT).progress[0] == "1"
    assert Snapshot(batch(), AT).progress[0] == "0"


def test_what_is_stored_is_the_batch_as_it_was_sent() -> None:
    """Unknown fields too; when it was said is in the revision."""
    snapshot = Snapshot(batch({"more": [1]}, colour="red"), AT)
    assert Batch.model_validate(decode(snapshot.encoded)) == snapshot.batch
    assert snapshot.document["colour"] == "red"


# --- material


@pytest.mark.parametrize(
    "change",
    [
        {"tradingsymbol": "M&M"},
        {"transactionType": "SELL"},
        {"status": "COMPLETE"},
        {"quantity": 11},
        {"filledQuantity": 1},
        {"averagePrice": Decimal("0.01")},
        {"averagePrice": 1},
    ],
)
def test_what_money_depends_on_is_material(change: dict[str, Any]) -> None:
    """Each by itself makes another outcome."""
    assert material(batch({**change})) != material(batch({}))


def test_what_money_does_not_depend_on_is_not_material() -> None:
    """Order of orders, texts, spelling, absent for nothing."""
    one = batch({"status": "CANCELLED AMO", "averagePrice": 0}, {"statusMessage": "NA"}, status="PLACED")
    other = batch({"filledQuantity": 0}, {"status": "CANCELLED_AMO"}, variety="amo")
    assert material(one) == material(other)


def test_the_same_order_twice_is_not_the_same_as_once() -> None:
    """Nor the same as not placed."""
    assert material(batch({}, {})) != material(batch({}))
    assert material(batch({"status": "ERROR"})) != material(batch(unplaced=[{**ORDER, "status": "ERROR"}]))
