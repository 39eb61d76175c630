"""Snapshots: revisions, their text, and which changes are another financial outcome."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import (
    MonotonicPart,
    Progress,
    Revision,
    Snapshot,
    facts,
    financial_fingerprint,
)
from securities_transactions.domain.times import timestamp_text

AT: Final = datetime(2026, 1, 15, 4, 30, 12, 345_000, UTC)
LATER: Final = AT + timedelta(milliseconds=1)
ORDER: Final = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "PLACED", "quantity": 10}


def batch(*orders: dict[str, Any], **more: Any) -> Batch:
    """A batch of orders that differ from `ORDER` as given."""
    return Batch.model_validate({"batchId": "b1", "orders": [{**ORDER, **each} for each in orders], **more})


def progress_text(snapshot: Snapshot) -> str:
    """The part of a revision's text that stands for its progress."""
    return snapshot.revision.text.partition("|")[0]


def test_revision_is_progress_then_time_then_content() -> None:
    """All final? how many orders final? how many shares filled? how many left PLACED?"""
    snapshot = Snapshot(batch({"status": "COMPLETE", "filledQuantity": 10}, {"filledQuantity": 3}), AT)
    assert snapshot.progress == Progress(MonotonicPart(all_final=False, final=1, filled=13), moved=1)
    assert snapshot.revision == Revision(snapshot.progress, AT, snapshot.digest)
    progress = "0" + "0001" + "000000000013" + "0001"
    assert snapshot.revision.text == f"{progress}|2026-01-15T04:30:12.345Z|{snapshot.digest}"
    parsed = Revision.parse(snapshot.revision.text)
    assert parsed.progress == snapshot.progress
    assert parsed.progress.monotonic_part == (False, 1, 13)
    assert parsed.digest == snapshot.digest
    assert len(snapshot.digest) == 16


def test_digest_depends_on_the_content_alone() -> None:
    """Not on the order of its fields or rows, nor on the time."""
    one, other = batch({"status": "PLACED", "more": 1}), batch({"more": 1, "status": "PLACED"})
    assert Snapshot(one, AT).digest == Snapshot(other, LATER).digest == "34aaed6726d09b53"
    assert Snapshot(one, AT).digest != Snapshot(batch({"more": 2}), AT).digest
    rows: list[dict[str, Any]] = [{"quantity": 3}, {"quantity": 5}, {"tradingsymbol": "TCS"}]
    forwards, backwards = (
        batch(*rows, unplaced=[ORDER, {**ORDER, "more": 1}]),
        batch(*rows[::-1], unplaced=[{**ORDER, "more": 1}, ORDER]),
    )
    assert Snapshot(forwards, AT).digest == Snapshot(backwards, AT).digest
    assert Snapshot(batch({}, {}), AT).digest != Snapshot(batch({}), AT).digest
    assert Snapshot(batch({}), AT).digest != Snapshot(batch(unplaced=[ORDER]), AT).digest


def test_revisions_and_their_texts_sort_by_progress() -> None:
    """Each has come further than the one before, whenever it was stated."""
    done = {"status": "COMPLETE", "filledQuantity": 10}

    def at(hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 1, 15, hour, minute, tzinfo=UTC)

    history = [
        Snapshot(batch({}, {}), at(9)),
        Snapshot(batch({}, {"status": "ERROR"}), at(8, 50)),
        Snapshot(batch({"status": "ERROR"}, {"status": "ERROR"}), at(8, 40)),
        Snapshot(batch({}, unplaced=[ORDER, ORDER, ORDER]), at(8, 30)),
        Snapshot(batch({"filledQuantity": 3}, {}), at(8)),
        Snapshot(batch({"filledQuantity": 10**11}, {}), at(7, 30)),
        Snapshot(batch({"status": "REJECTED"}, {}), at(7)),
        Snapshot(batch(done, {}), at(6)),
        Snapshot(batch({"status": "REJECTED"}), at(5)),
        Snapshot(batch(done), at(4)),
        Snapshot(batch(done, {"status": "CANCELLED_AMO"}), at(3)),
    ]
    revisions = [snapshot.revision for snapshot in history]
    texts = [revision.text for revision in revisions]
    assert revisions == sorted(revisions)
    assert texts == sorted(texts)
    assert len(set(revisions)) == len(set(texts)) == len(history)
    assert {len(progress_text(snapshot)) for snapshot in history} == {21}


def test_order_that_has_left_placed_is_newer_whenever_it_was_stated() -> None:
    """In the same millisecond as PLACED, and before a PLACED that was signed again."""
    for number in range(20):
        placed, unknown = batch({}, {"more": number}), batch({"status": "ERROR"}, {"more": number})
        assert Snapshot(placed, LATER).revision < Snapshot(unknown, AT).revision
        assert Snapshot(placed, LATER).revision.text < Snapshot(unknown, AT).revision.text


def test_absent_filled_quantity_counts_as_none_filled() -> None:
    """An order that was just placed has no progress."""
    assert Snapshot(batch({}), AT).progress == Progress(MonotonicPart(all_final=False, final=0, filled=0), moved=0)
    assert progress_text(Snapshot(batch({}), AT)) == "0" * 21


def test_filled_shares_are_capped_so_that_texts_sort() -> None:
    """The number is cut where its digits end."""
    orders = [{"filledQuantity": 10**11}] * 20
    snapshot = Snapshot(batch(*orders), AT)
    assert snapshot.progress.monotonic_part.filled == 10**12 - 1
    assert progress_text(snapshot) == "0" + "0000" + "9" * 12 + "0000"


def test_error_in_orders_is_open_and_unplaced_is_final() -> None:
    """ERROR in `orders` is unknown, in `unplaced` it is certain."""
    failed = {**ORDER, "status": "ERROR"}
    for made, final in (
        (batch({"status": "ERROR"}), False),
        (batch(unplaced=[failed]), True),
        (batch(), False),
    ):
        snapshot = Snapshot(made, AT)
        assert snapshot.progress.monotonic_part.all_final is final
        assert progress_text(snapshot)[0] == str(int(final))


def test_document_is_the_batch_as_sent() -> None:
    """Unknown fields too; the time is in the revision."""
    snapshot = Snapshot(batch({"more": [1]}, colour="red"), AT)
    assert Batch.model_validate(snapshot.document) == snapshot.batch
    assert snapshot.document["colour"] == "red"
    assert snapshot.document["orders"][0]["more"] == [1]


# --- the text of a revision

PROGRESSES: Final = st.builds(
    Progress,
    st.builds(MonotonicPart, st.booleans(), st.integers(0, 9999), st.integers(0, 10**12 - 1)),
    st.integers(0, 9999),
)
ZONES: Final = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
MOMENTS: Final = st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=ZONES)  # noqa: DTZ001  # zones apart
MILLISECONDS: Final = MOMENTS.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
DIGESTS: Final = st.text("0123456789abcdef", min_size=16, max_size=16)


def revisions(moments: st.SearchStrategy[datetime]) -> st.SearchStrategy[Revision]:
    """Any revision stated at one of `moments`."""
    return st.builds(Revision, PROGRESSES, moments, DIGESTS)


@st.composite
def close_revisions(draw: st.DrawFn) -> tuple[Revision, Revision]:
    """Two revisions that differ in a part of them at most, so that every part decides at times."""
    one, other = draw(revisions(MILLISECONDS)), draw(revisions(MILLISECONDS))
    same_progress, same_time = draw(st.booleans()), draw(st.booleans())
    part = one.progress.monotonic_part if draw(st.booleans()) else other.progress.monotonic_part
    progress = one.progress if same_progress else Progress(part, other.progress.moved)
    return one, Revision(progress, one.stated_at if same_time else other.stated_at, other.digest)


@given(close_revisions())
def test_text_sorts_exactly_as_the_revision(pair: tuple[Revision, Revision]) -> None:
    """DynamoDB compares the texts, the domain compares the values."""
    one, other = pair
    assert (one.text < other.text) == (one < other)
    assert (one.text == other.text) == (one == other)
    assert (one.text > other.text) == (one > other)


@given(revisions(MILLISECONDS))
def test_text_of_a_revision_is_parsed_to_the_same_revision(revision: Revision) -> None:
    assert Revision.parse(revision.text) == revision
    assert Revision.parse(revision.text).text == revision.text


@given(MOMENTS)
def test_snapshot_at_any_microsecond_has_the_revision_of_its_text(moment: datetime) -> None:
    """The clock has microseconds and the text has milliseconds; both sort one revision in the same place."""
    revision = Snapshot(batch({}), moment).revision
    assert Revision.parse(revision.text) == revision


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 21,
        f"{'0' * 21}|2026-01-15T04:30:12.345Z",
        f"{'0' * 20}|2026-01-15T04:30:12.345Z|d",
        f"{'0' * 22}|2026-01-15T04:30:12.345Z|d",
        f"{'0' * 21}|soon|d",
        f"{'0' * 20}x|2026-01-15T04:30:12.345Z|d",
        f"{'0' * 21}|2026-01-15T04:30:12.345Z|d|e",
    ],
)
def test_text_of_another_form_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # which part is wrong does not matter
        Revision.parse(text)


# --- the financial fingerprint


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
        {"status": "FROZEN"},
        {"transactionType": "SHORT"},
    ],
)
def test_fingerprint_differs_by_what_money_depends_on(change: dict[str, Any]) -> None:
    """Each by itself makes another outcome."""
    assert financial_fingerprint(batch({**change})) != financial_fingerprint(batch({}))


def test_fingerprint_ignores_what_money_does_not_depend_on() -> None:
    """Order of orders, texts, spelling, an absent field for zero."""
    one = batch({"status": "CANCELLED AMO", "averagePrice": 0}, {"statusMessage": "NA"}, status="PLACED")
    other = batch({"filledQuantity": 0}, {"status": "CANCELLED_AMO"}, variety="amo")
    assert financial_fingerprint(one) == financial_fingerprint(other)


def test_fingerprint_counts_equal_orders_and_separates_unplaced_ones() -> None:
    """The same order twice is not the same as once, nor the same as not placed."""
    assert financial_fingerprint(batch({}, {})) != financial_fingerprint(batch({}))
    not_placed = batch(unplaced=[{**ORDER, "status": "ERROR"}])
    assert financial_fingerprint(batch({"status": "ERROR"})) != financial_fingerprint(not_placed)


# --- the facts that the Gateway states


@pytest.mark.parametrize(
    "change",
    [
        {"errorCode": "marginsExceeded"},
        {"exchangeOrderId": "1100000012345678"},
        {"price": 1460},
        {"triggerPrice": 1},
        {"orderTimestamp": "2026-01-15T04:33:10.000Z"},
        {"averagePrice": 1},
    ],
)
def test_facts_differ_by_every_documented_field_of_an_order(change: dict[str, Any]) -> None:
    """Those are stored and published again although no money depends on them."""
    assert facts(batch({}, change)) != facts(batch({}, {}))
    assert facts(batch({}, unplaced=[{**ORDER, **change}])) != facts(batch({}, unplaced=[ORDER]))


@pytest.mark.parametrize(
    "change",
    [{"completedDate": "2026-01-15T04:33:10.000Z"}, {"buyAmount": 1}, {"sellAmount": 1}, {"status": "COMPLETED"}],
)
def test_facts_differ_by_the_documented_fields_of_a_batch(change: dict[str, Any]) -> None:
    assert facts(batch({}, **change)) != facts(batch({}))
    assert financial_fingerprint(batch({}, **change)) == financial_fingerprint(batch({}))


def test_facts_ignore_rows_in_another_order_and_what_is_not_documented() -> None:
    """A broker's text and unknown fields may change at every call."""
    one = batch({"quantity": 3}, {"quantity": 5, "statusMessage": "a", "more": 1}, colour="red")
    other = batch(
        {"quantity": 5, "statusMessage": "b", "derived": ["price"], "unreadable": {"x": "y"}}, {"quantity": 3}
    )
    assert facts(one) == facts(other)


def test_time_in_a_text_is_utc_in_milliseconds() -> None:
    moment = datetime(2026, 1, 15, 10, 0, 12, 345_000, timezone(timedelta(hours=5, minutes=30)))
    assert Snapshot(batch({}), moment).revision.text.split("|")[1] == timestamp_text(AT)
