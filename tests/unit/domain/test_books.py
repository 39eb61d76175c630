"""The books of a day: which window an evening closes, and what is counted of each transaction."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from securities_transactions.domain.books import (
    MOST_LISTED,
    BrokerBooks,
    Closing,
    Doubt,
    Tally,
    closing_due,
    closing_until,
)
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Transaction
from tests.unit.storage.samples import BATCH, FULL, LEAST

# 18:30 in India on 15 January 2026.
EVENING: Final = datetime(2026, 1, 15, 13, 0, tzinfo=UTC)
CLOSE_AT: Final = time(18, 30)
DAY: Final = timedelta(days=1)
STARTED: Final = EVENING + timedelta(minutes=2)


def settled(**changes: Any) -> Transaction:
    """A transaction that was settled before the evening, and is not to be checked."""
    at = EVENING - timedelta(hours=5)
    over: dict[str, Any] = {"booked_at": at, "settled_at": at, "escalated_at": None, "next_check_at": None}
    return replace(FULL, failure=None, **over | changes)


# --- the window


def test_evening_closes_the_day_before_it() -> None:
    due = closing_due(EVENING + timedelta(minutes=3), CLOSE_AT, 1, EVENING - DAY)
    assert due == Closing(datetime(2026, 1, 15).date(), EVENING - DAY, EVENING)  # noqa: DTZ001  # a day has no zone


@pytest.mark.parametrize("early", [timedelta(seconds=1), timedelta(hours=12), timedelta(hours=23, minutes=59)])
def test_nothing_is_due_until_the_next_evening(early: timedelta) -> None:
    assert closing_due(EVENING + DAY - early, CLOSE_AT, 1, EVENING) is None
    assert closing_due(EVENING + DAY, CLOSE_AT, 1, EVENING) is not None


def test_first_evening_of_a_deployment_closes_the_newest_day() -> None:
    due = closing_due(EVENING + timedelta(hours=20), CLOSE_AT, 3, None)
    assert due is not None
    assert (due.since, due.until) == (EVENING - 3 * DAY, EVENING)


def test_evenings_that_were_missed_are_in_the_next_window() -> None:
    due = closing_due(EVENING, CLOSE_AT, 1, EVENING - 9 * DAY)
    assert due is not None
    assert (due.since, due.until) == (EVENING - 9 * DAY, EVENING)


def test_day_is_the_one_in_india() -> None:
    """Half past midnight in India is the day before in UTC."""
    late = datetime(2026, 1, 15, 19, 0, tzinfo=UTC)
    assert closing_until(late, 1, None).day.isoformat() == "2026-01-16"
    due = closing_due(late + timedelta(minutes=1), time(0, 30), 1, None)
    assert due is not None
    assert (due.day.isoformat(), due.until) == ("2026-01-16", late)


# --- what is counted


def test_settled_transaction_counts_with_its_orders_and_amounts() -> None:
    tally = Tally().with_transaction(settled(), STARTED).with_transaction(settled(transaction_id="TRX_2"), STARTED)
    assert tally.brokers == {"kite": BrokerBooks(2, 2, Decimal("30001.0"), Decimal("0.10"))}
    assert (tally.drift, tally.corrected, tally.failed, tally.open) == (0, 0, 0, 0)


def test_settled_transaction_without_amounts_or_broker_counts_all_the_same() -> None:
    tally = Tally().with_transaction(settled(broker=None, buy_amount=None, sell_amount=None), STARTED)
    assert tally.brokers == {"unknown": BrokerBooks(1, 1)}


def test_what_settled_again_while_it_was_compared_is_corrected() -> None:
    tally = Tally().with_transaction(settled(settled_at=STARTED + timedelta(minutes=1)), STARTED)
    assert (tally.corrected, tally.corrected_ids) == (1, ("TRX_1",))


def test_what_was_corrected_before_the_evening_is_not_counted_as_found() -> None:
    tally = Tally().with_transaction(settled(settled_at=STARTED - timedelta(hours=1)), STARTED)
    assert tally.corrected == 0


def test_failed_and_reopened_transactions_are_counted_apart() -> None:
    failed = replace(LEAST, status=Status.FAILED, booked_at=EVENING)
    reopened = replace(LEAST, status=Status.PLACED, booked_at=EVENING, next_check_at=EVENING)
    tally = Tally().with_transaction(failed, STARTED).with_transaction(reopened, STARTED)
    assert (tally.failed, tally.open, tally.drift, tally.brokers) == (1, 1, 0, {})


PRICELESS: Final = Batch.model_validate(
    {"batchId": "b1", "orders": [{**BATCH.orders[0].model_dump(exclude_none=True), "filledQuantity": 10}]}
)


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"next_check_at": EVENING}, Doubt.UNCHECKED),
        ({"next_check_at": EVENING, "orders": Deferred.of(PRICELESS)}, Doubt.PRICE),
        ({"escalated_at": EVENING}, Doubt.PERSON),
    ],
)
def test_what_may_differ_from_the_gateway_is_named_with_the_reason(changes: dict[str, Any], doubt: Doubt) -> None:
    priced = Deferred.of(
        Batch.model_validate({"batchId": "b1", "orders": [{**PRICELESS.as_sent()["orders"][0], "averagePrice": 1500}]})
    )
    tally = Tally().with_transaction(settled(**{"orders": priced} | changes), STARTED)
    assert (tally.drift, tally.doubtful, tally.unresolved) == (1, {doubt: 1}, (("TRX_1", doubt),))


def test_failed_transaction_that_was_escalated_before_is_answered() -> None:
    failed = replace(LEAST, status=Status.FAILED, booked_at=EVENING, escalated_at=EVENING - DAY)
    assert Tally().with_transaction(failed, STARTED).drift == 0


def test_open_transaction_that_needs_a_person_is_drift() -> None:
    tally = Tally().with_open(replace(LEAST, escalated_at=EVENING)).with_open(LEAST)
    assert (tally.open, tally.doubtful) == (2, {Doubt.PERSON: 1})


def test_report_names_the_first_hundred_and_counts_all() -> None:
    tally = Tally()
    for number in range(MOST_LISTED + 7):
        corrected = settled(transaction_id=f"TRX_{number}", settled_at=STARTED, next_check_at=EVENING)
        tally = tally.with_transaction(corrected, STARTED)
    assert (tally.corrected, len(tally.corrected_ids)) == (MOST_LISTED + 7, MOST_LISTED)
    assert (tally.drift, len(tally.unresolved)) == (MOST_LISTED + 7, MOST_LISTED)
