"""The events of each kind of change, and their content."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.stored_webhook import StoredWebhook
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    Failure,
    FailureReason,
    SdkError,
    Transaction,
)
from securities_transactions.events import builder
from securities_transactions.events.builder import changed_orders, latest
from securities_transactions.events.schemas import (
    BrokerAccountLinked,
    Event,
    OrderCounts,
    OrdersEvent,
    OrdersProgressed,
    OrdersRetracted,
    OrdersSettled,
    OrdersUnknown,
    TransactionCreated,
    TransactionFailed,
    WebhookReceived,
)
from securities_transactions.services.publish_updates import Update, of_transaction, of_webhook

KITE_ACCOUNT = "65a1b2c3d4e5f60718293a4b"
START = datetime(2026, 1, 15, 4, tzinfo=UTC)
CREATED = Transaction(
    transaction_id="T1",
    user_id="asha",
    status=Status.CREATED,
    version=1,
    created_at=START,
    expire_at=START + timedelta(minutes=15),
    requested=Deferred.of({"orderConfig": {"type": "SECURITIES"}}),
)
REPORTED: dict[str, Any] = {
    "confirmation": Confirmation.REPORTED,
    "reported_at": START + timedelta(minutes=1),
    "broker": "kite",
}
CONFIRMED: dict[str, Any] = {"confirmation": Confirmation.CONFIRMED, "confirmed_at": START + timedelta(minutes=2)}
SETTLED: dict[str, Any] = CONFIRMED | {"settled_at": START + timedelta(minutes=2)}
ESCALATED: dict[str, Any] = {"escalated_at": START + timedelta(days=3)}


def order(symbol: str = "INFY", status: str = "PLACED", filled: int = 0, **more: Any) -> dict[str, Any]:
    price = {"averagePrice": Decimal("1498.2")} if filled else {}
    return {
        "tradingsymbol": symbol,
        "transactionType": "BUY",
        "status": status,
        "quantity": 3,
        "filledQuantity": filled,
        **price,
        **more,
    }


def batch(*orders: dict[str, Any], unplaced: tuple[dict[str, Any], ...] = ()) -> Batch:
    return Batch.model_validate({"batchId": "b1", "orders": orders, "unplaced": unplaced})


def changed(before: Transaction, seen: Batch | None = None, **changes: Any) -> Transaction:
    """`before` one version on, with what was `seen` and these `changes`."""
    snapshot: dict[str, Any] = {}
    if seen is not None:
        snapshot = {
            "status": seen.status_of_orders,
            "orders": Deferred.of(seen),
            "revision": Snapshot(seen, START + timedelta(minutes=1, seconds=before.version)).revision,
            "batch_id": seen.batchId,
            "buy_amount": seen.buyAmount,
            "sell_amount": seen.sellAmount,
        }
    return replace(before, version=before.version + 1, **snapshot | changes)


def events_of(old: Transaction | None, new: Transaction) -> list[Event]:
    """The events of a change, which are all that is public of it."""
    update = of_transaction(old, new)
    assert update.events == builder.of_transaction(old, new)
    return list(update.events)


PLACED = changed(CREATED, batch(order()), **REPORTED)
FILLED = changed(PLACED, batch(order(status="COMPLETE", filled=3)), **REPORTED)
DONE = changed(FILLED, **SETTLED)
GONE: dict[str, Any] = dict.fromkeys(
    ["orders", "revision", "batch_id", "buy_amount", "sell_amount", "reported_at", "source"]
)
RETRACTED = changed(PLACED, **GONE, **CONFIRMED, status=Status.CREATED)
FAILED = changed(CREATED, status=Status.FAILED, failure=Failure(FailureReason.EXPIRED), **CONFIRMED)
UNKNOWN = changed(PLACED, batch(order(status="ERROR")), **CONFIRMED, **ESCALATED)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(None, CREATED, ["TransactionCreated"], id="created"),
        pytest.param(CREATED, PLACED, ["OrdersPlaced"], id="first orders"),
        pytest.param(PLACED, FILLED, ["OrdersProgressed"], id="a final state that is only reported"),
        pytest.param(FILLED, DONE, ["OrdersSettled"], id="the same, confirmed"),
        pytest.param(CREATED, changed(CREATED, batch(order(filled=3)), **SETTLED), ["OrdersSettled"], id="at once"),
        pytest.param(PLACED, changed(PLACED, **CONFIRMED), ["OrdersProgressed"], id="an open state, confirmed"),
        pytest.param(DONE, changed(DONE, batch(order(filled=2)), **SETTLED), ["OrdersSettled"], id="a correction"),
        pytest.param(CREATED, FAILED, ["TransactionFailed"], id="failed"),
        pytest.param(
            FAILED, changed(FAILED, batch(order()), **REPORTED, failure=None), ["OrdersPlaced"], id="after all"
        ),
        pytest.param(PLACED, RETRACTED, ["OrdersRetracted"], id="retracted"),
        pytest.param(PLACED, UNKNOWN, ["OrdersUnknown"], id="unknown"),
        pytest.param(CREATED, changed(CREATED, **ESCALATED), ["OrdersUnknown"], id="unknown, and no orders seen"),
        pytest.param(
            CREATED,
            changed(CREATED, account=AccountLink.LINKED, smallcase_auth_id="a1"),
            ["BrokerAccountLinked"],
            id="an account alone",
        ),
        pytest.param(
            FILLED,
            changed(FILLED, **SETTLED, account=AccountLink.LINKED, smallcase_auth_id="a1"),
            ["OrdersSettled", "BrokerAccountLinked"],
            id="settled, and the account known",
        ),
        pytest.param(
            FILLED,
            changed(FILLED, **SETTLED, account=AccountLink.CONFLICT, smallcase_auth_id="a1"),
            ["OrdersSettled", "BrokerAccountConflict"],
            id="settled, with another user's account",
        ),
        pytest.param(
            FILLED,
            changed(FILLED, **SETTLED, account=AccountLink.KNOWN, smallcase_auth_id="a1"),
            ["OrdersSettled"],
            id="a known one",
        ),
        pytest.param(
            PLACED, replace(PLACED, checks=3, next_check_at=START + timedelta(days=1)), [], id="only bookkeeping"
        ),
        pytest.param(PLACED, replace(PLACED, revision=FILLED.revision), [], id="the same said later"),
        pytest.param(PLACED, replace(PLACED, pull_requested_at=START + timedelta(hours=1)), [], id="a pull requested"),
    ],
)
def test_what_a_change_amounts_to(old: Transaction | None, new: Transaction, expected: list[str]) -> None:
    assert [event.detail_type for event in events_of(old, new)] == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [(CREATED, PLACED), (PLACED, FILLED), (FILLED, DONE), (PLACED, RETRACTED), (CREATED, FAILED), (PLACED, UNKNOWN)],
)
def test_every_version_is_an_event_with_that_sequence_and_the_one_before(old: Transaction, new: Transaction) -> None:
    """So a consumer that has seen each sequence has missed nothing."""
    [event] = events_of(old, new)

    assert isinstance(event, Event)
    said = event.model_dump()
    assert (said["eventId"], said["sequence"], said["previousSequence"]) == (
        f"T1.{new.version}",
        new.version,
        new.version - 1,
    )


def test_requested_pull_is_no_event_and_is_requested_once() -> None:
    """The bus is public: who is asked what is not on it."""
    requesting = replace(FILLED, pull_requested_at=START + timedelta(seconds=90))

    update = of_transaction(PLACED, requesting)

    assert [event.detail_type for event in update.events] == ["OrdersProgressed"]
    assert update.pull == PullRequest("T1", final=True, reported_at=requesting.reported_at)
    assert of_transaction(requesting, changed(requesting, **SETTLED)).pull is None
    assert of_transaction(requesting, replace(requesting, checks=1)) == Update([], None)


def test_pull_that_is_requested_without_a_new_version_is_requested() -> None:
    """The app posted an error of the SDK's, or a response again."""
    again = replace(PLACED, pull_requested_at=START + timedelta(hours=1))

    assert of_transaction(PLACED, again) == Update([], PullRequest("T1"))
    assert of_transaction(again, replace(again, pull_requested_at=START + timedelta(hours=2))).pull == PullRequest("T1")
    assert of_transaction(None, again).pull == PullRequest("T1")


def test_the_same_change_is_always_the_same_events() -> None:
    """A record that comes again publishes nothing that a consumer would not recognise."""
    assert events_of(PLACED, FILLED) == events_of(PLACED, FILLED)


def test_changes_list_each_changed_security_and_nothing_else() -> None:
    old = batch(order("INFY"), order("TCS"), order("WIPRO"))
    new = batch(order("INFY", filled=2), order("TCS"), order("M&M", "REJECTED", errorCode="marginsExceeded"))

    infy, mm, wipro = changed_orders(old, new)

    assert infy.model_dump(exclude_none=True) == {
        "tradingsymbol": "INFY",
        "transactionType": "BUY",
        "quantity": 3,
        "previousStatus": "PLACED",
        "status": "PLACED",
        "previousFilledQuantity": 0,
        "filledQuantity": 2,
        "averagePrice": Decimal("1498.2"),
        "removed": False,
    }
    assert (mm.previousStatus, mm.status, mm.errorCode) == (None, "REJECTED", "marginsExceeded")
    assert (wipro.tradingsymbol, wipro.removed, wipro.filledQuantity) == ("WIPRO", True, 0)


def test_same_security_twice_in_a_basket_is_matched_separately() -> None:
    old = batch(order("INFY"), order("INFY"))
    new = batch(order("INFY"), order("INFY", "COMPLETE", 3))

    [change] = changed_orders(old, new)

    assert (change.previousFilledQuantity, change.filledQuantity) == (0, 3)


def test_rows_in_another_order_are_no_change() -> None:
    """Orders of one security are matched by their exchangeOrderId, or else by quantity and limit price."""
    for one, other in (
        ({"exchangeOrderId": "1"}, {"exchangeOrderId": "2"}),
        ({"quantity": 3}, {"quantity": 5}),
        ({"price": 1450}, {"price": 1460}),
        ({"triggerPrice": 1450}, {"triggerPrice": 1460}),
    ):
        rows = order(**one), order(**other), order("TCS")
        assert changed_orders(batch(*rows), batch(*rows[::-1])) == []


def test_progress_in_another_order_of_rows_is_that_of_its_own_leg() -> None:
    small, large = order(exchangeOrderId="1"), order(exchangeOrderId="2") | {"quantity": 5}
    filled = {**large, "status": "COMPLETE", "filledQuantity": 5, "averagePrice": 1}

    [change] = changed_orders(batch(small, large), batch(filled, small))

    assert (change.quantity, change.previousStatus, change.filledQuantity) == (5, "PLACED", 5)


def test_exchange_ids_that_come_later_do_not_swap_two_legs() -> None:
    """An order has no exchangeOrderId before it has reached the exchange."""
    small, large = order(filled=2), order() | {"quantity": 5}
    executed = {**large, "exchangeOrderId": "1", "filledQuantity": 5, "status": "COMPLETE"}

    [change] = changed_orders(batch(small, large), batch(executed, {**small, "exchangeOrderId": "2"}))

    assert (change.quantity, change.previousFilledQuantity, change.filledQuantity) == (5, 0, 5)


@pytest.mark.parametrize("more", [{"exchangeOrderId": "1"}, {"errorCode": "marginsExceeded"}, {"price": 1460}])
def test_fact_that_comes_after_settling_is_published_again(more: dict[str, Any]) -> None:
    """Consumers replace what they have by it: the outcome is the same."""
    again = changed(DONE, batch(order(status="COMPLETE", filled=3, **more)), **SETTLED)

    [event] = events_of(DONE, again)

    assert isinstance(event, OrdersSettled)
    assert event.orders is not None
    assert {name: getattr(event.orders[0], name) for name in more} == more


def test_escalation_of_a_settled_transaction_is_an_event() -> None:
    """Shares were filled and their price stays unknown: every version is an event, and a person has to look."""
    settled = changed(FILLED, batch(order(status="COMPLETE", filled=3) | {"averagePrice": None}), **SETTLED)

    events = events_of(settled, changed(settled, **ESCALATED))

    assert [event.detail_type for event in events] == ["OrdersUnknown"]


def test_derived_and_unreadable_fields_are_published_with_their_names() -> None:
    made = batch(order(status="COMPLETE", derived=["filledQuantity"], unreadable={"triggerPrice": '"-"'}))

    [event] = events_of(FILLED, changed(FILLED, made, **SETTLED))

    assert isinstance(event, OrdersSettled)
    (shown,) = event.model_dump(exclude_none=True)["orders"]
    assert (shown["derived"], shown["unreadable"]) == (["filledQuantity"], {"triggerPrice": '"-"'})


def test_a_price_that_was_corrected_is_a_change() -> None:
    old, new = batch(order(filled=3)), batch(order(filled=3) | {"averagePrice": Decimal("1498.25")})

    [change] = changed_orders(old, new)

    assert (change.previousAveragePrice, change.averagePrice) == (Decimal("1498.2"), Decimal("1498.25"))


def test_both_spellings_of_a_status_are_published_as_one() -> None:
    """A rule matches exact values; a change of spelling alone is no change."""
    spelt = changed(PLACED, batch(order(status="CANCELLED_AMO")), **SETTLED)

    [event] = events_of(PLACED, spelt)

    assert isinstance(event, OrdersSettled)
    assert event.orders is not None
    assert event.orders[0].status == "CANCELLED_AMO"
    assert changed_orders(batch(order(status="CANCELLED_AMO")), batch(order(status="CANCELLED AMO"))) == []


def test_counts_say_how_many_orders_stand_where() -> None:
    """An unknown status counts as open: it is not known to be final."""
    words = ["PLACED", "COMPLETE", "PARTIAL", "REJECTED", "CANCELLED", "CANCELLED_AMO", "ERROR", "SOMETHING NEW"]
    counts = OrderCounts.of(batch(*(order(status=word) for word in words), unplaced=(order(), order())))

    assert counts.model_dump() == {
        "open": 2,
        "complete": 1,
        "partial": 1,
        "rejected": 1,
        "cancelled": 2,
        "unknown": 1,
        "unplaced": 2,
    }


def test_orders_unknown_has_everything_that_an_operator_needs() -> None:
    [event] = events_of(PLACED, replace(UNKNOWN, gateway_status=GatewayStatus.PROCESSING))

    assert isinstance(event, OrdersUnknown)
    assert event.requested == CREATED.requested.value
    assert (event.gatewayStatus, event.createdAt, event.broker) == ("PROCESSING", timestamp_text(START), "kite")
    assert event.orders is not None
    assert event.changes is not None
    assert event.changes[0].status == "ERROR"


def test_failure_has_its_reason() -> None:
    failed = replace(FAILED, failure=Failure(FailureReason.ERRORED, SdkError(1012, "user_cancelled")))

    [event] = events_of(CREATED, failed)

    assert isinstance(event, TransactionFailed)
    assert (event.reason, event.errorCode, event.errorMessage) == ("errored", 1012, "user_cancelled")


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (CREATED, TransactionCreated),
        (PLACED, OrdersProgressed),
        (DONE, OrdersSettled),
        (FAILED, TransactionFailed),
        (RETRACTED, OrdersRetracted),
        (UNKNOWN, OrdersUnknown),
    ],
)
def test_republishing_sends_the_state_under_the_original_event_id(stored: Transaction, kind: type[Event]) -> None:
    [event] = latest(stored)

    assert isinstance(event, kind)
    assert event.eventId == f"T1.{stored.version}"
    if isinstance(event, OrdersEvent):
        assert event.changes is None


def test_republishing_repeats_the_event_of_an_account_and_not_a_creation_under_another_id() -> None:
    linked = changed(
        CREATED, account=AccountLink.LINKED, smallcase_auth_id="a1", pull_requested_at=START + timedelta(minutes=3)
    )
    later = changed(linked, batch(order(filled=3)), **SETTLED)
    [account] = [each for each in events_of(CREATED, linked) if isinstance(each, BrokerAccountLinked)]

    again = latest(linked)
    assert [each.eventId for each in again] == ["T1.1", account.eventId]
    assert account.eventId in [each.eventId for each in latest(later)]
    assert account.occurredAt == "2026-01-15T04:03:00.000Z"


def test_account_that_no_pull_and_no_request_brought_has_the_time_of_its_transaction() -> None:
    """No item is stored like that today; an event without a time would still break every consumer."""
    linked = changed(CREATED, account=AccountLink.LINKED, smallcase_auth_id="a1")

    [account] = events_of(CREATED, linked)

    assert account.occurredAt == timestamp_text(START)


def stored(body: bytes = b"", **more: Any) -> StoredWebhook:
    fields: dict[str, Any] = {
        "webhook_id": "w1",
        "received_at": START,
        "kind": "HOLDINGS_IMPORT",
        "transaction_id": "T1",
        "smallcase_auth_id": "a1",
        "user_id": "asha",
        "suspicion": None,
        "body": body,
        "whole": True,
    }
    return StoredWebhook(**fields | more)


def test_a_webhook_of_another_kind_is_published_as_what_it_is() -> None:
    update = of_webhook(stored(b'{"securities":{},"checksum":"c"}'))

    [event] = update.events
    assert isinstance(event, WebhookReceived)
    assert (event.eventId, event.kind, event.body) == ("w1", "HOLDINGS_IMPORT", {"securities": {}})
    assert event.occurredAt == "2026-01-15T04:00:00.000Z"
    assert update.pull is None


def test_body_that_was_too_large_to_be_stored_is_absent() -> None:
    [event] = of_webhook(stored(b'{"securi', whole=False)).events

    assert isinstance(event, WebhookReceived)
    assert event.body is None


def test_suspicious_webhook_requests_a_pull_and_is_not_public() -> None:
    """The pull is bounded by the account that the webhook names."""
    assert of_webhook(stored(b"no JSON", suspicion="stale")) == Update(
        (), PullRequest("T1", smallcase_auth_id="a1", suspicious=True)
    )


def test_suspicious_webhook_that_names_no_transaction_requests_nothing() -> None:
    assert of_webhook(stored(suspicion="unreadable", transaction_id=None)) == Update()


def test_account_that_becomes_known_has_an_event_and_no_version_of_its_own() -> None:
    """Every version is one event about the state, so that their sequences have no hole."""
    linked = replace(CREATED, account=AccountLink.LINKED, smallcase_auth_id=KITE_ACCOUNT)

    [event] = events_of(CREATED, linked)

    assert isinstance(event, BrokerAccountLinked)
    assert (event.sequence, event.eventId) == (1, f"T1.linked.{KITE_ACCOUNT}")
    assert events_of(linked, replace(linked, pulled_at=START)) == []


def test_transaction_of_a_test_account_is_marked_in_every_event() -> None:
    for broker, test in (("kite-leprechaun", True), ("Kite-Leprechaun", True), ("kite", None), (None, None)):
        events = [
            *events_of(CREATED, replace(PLACED, broker=broker)),
            *events_of(FILLED, replace(DONE, broker=broker)),
        ]
        assert [event.model_dump(exclude_none=True).get("test") for event in events] == [test, test]


def test_batch_of_which_nothing_was_placed_is_not_published_as_placed() -> None:
    unplaced = Batch.model_validate({"batchId": "b1", "unplaced": [order(status="ERROR")]})

    [event] = events_of(CREATED, changed(CREATED, unplaced, **REPORTED))

    assert event.detail_type == "OrdersProgressed"


def test_event_counts_securities_as_the_api_does() -> None:
    counted = Batch.model_validate({**batch(order(status="COMPLETE", filled=3)).as_sent(), "quantity": 2, "filled": 1})

    [event] = events_of(FILLED, changed(FILLED, counted, **SETTLED))

    assert isinstance(event, OrdersSettled)
    assert (event.quantity, event.filled) == (2, 1)
