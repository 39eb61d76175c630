"""Which events each kind of change amounts to, and what they say."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from securities_transactions.domain import statuses
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.stored_webhook import KeptWebhook
from securities_transactions.domain.transaction import (
    SNAPSHOT_ATTRIBUTES,
    Transaction,
    encode_request,
    snapshot_attributes,
)
from securities_transactions.events.builder import changed_orders, latest, of_transaction, of_webhook
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

CREATED = Transaction(
    transactionId="T1",
    notes="asha",
    status=statuses.CREATED,
    version=1,
    createdAt="2026-01-15T04:00:00.000Z",
    expireAt="2026-01-15T04:15:00.000Z",
    request=encode_request({"orderConfig": {"type": "SECURITIES"}}),
)
REPORTED: dict[str, Any] = {"confirmation": "reported", "reportedAt": "2026-01-15T04:01:00.000Z", "broker": "kite"}
CONFIRMED: dict[str, Any] = {"confirmation": "confirmed", "confirmedAt": "2026-01-15T04:02:00.000Z"}
SETTLED: dict[str, Any] = CONFIRMED | {"settledAt": "2026-01-15T04:02:00.000Z"}
ASKED: dict[str, Any] = {"askedAt": "2026-01-18T04:00:00.000Z"}


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


def changed(before: Transaction, seen: Batch | None = None, **said: Any) -> Transaction:
    """`before` one version on, with what was `seen` and `said`."""
    attributes: dict[str, Any] = {}
    if seen is not None:
        attributes = snapshot_attributes(Snapshot(seen, f"2026-01-15T04:01:{before.version:02}.000Z"))
        attributes["snapshot_bytes"] = attributes.pop("snapshot")
    return replace(before, version=before.version + 1, **attributes | said)


def kinds(old: Transaction | None, new: Transaction) -> list[str]:
    return [event.detail_type for event in of_transaction(old, new)]


PLACED = changed(CREATED, batch(order()), **REPORTED)
FILLED = changed(PLACED, batch(order(status="COMPLETE", filled=3)), **REPORTED)
DONE = changed(FILLED, **SETTLED)
GONE: dict[str, Any] = dict.fromkeys(["snapshot_bytes", *(name for name in SNAPSHOT_ATTRIBUTES if name != "snapshot")])
RETRACTED = changed(PLACED, **GONE, **CONFIRMED, status=statuses.CREATED)
FAILED = changed(CREATED, status=statuses.FAILED, error={"reason": "expired"}, **CONFIRMED)
UNKNOWN = changed(PLACED, batch(order(status="ERROR")), **CONFIRMED, **ASKED)


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
        pytest.param(FAILED, changed(FAILED, batch(order()), **REPORTED, error=None), ["OrdersPlaced"], id="after all"),
        pytest.param(PLACED, RETRACTED, ["OrdersRetracted"], id="retracted"),
        pytest.param(PLACED, UNKNOWN, ["OrdersUnknown"], id="unknown"),
        pytest.param(CREATED, changed(CREATED, **ASKED), ["OrdersUnknown"], id="unknown, and no orders seen"),
        pytest.param(
            CREATED,
            changed(CREATED, account="linked", smallcaseAuthId="a1"),
            ["BrokerAccountLinked"],
            id="an account alone",
        ),
        pytest.param(
            FILLED,
            changed(FILLED, **SETTLED, account="linked", smallcaseAuthId="a1"),
            ["OrdersSettled", "BrokerAccountLinked"],
            id="settled, and the account known",
        ),
        pytest.param(
            FILLED,
            changed(FILLED, **SETTLED, account="conflict", smallcaseAuthId="a1"),
            ["OrdersSettled", "BrokerAccountConflict"],
            id="settled, with another user's account",
        ),
        pytest.param(
            FILLED,
            changed(FILLED, **SETTLED, account="known", smallcaseAuthId="a1"),
            ["OrdersSettled"],
            id="a known one",
        ),
        pytest.param(PLACED, replace(PLACED, checks=3, nextCheckAt="2026-01-16"), [], id="only bookkeeping"),
        pytest.param(PLACED, replace(PLACED, revision="9"), [], id="the same said later"),
        pytest.param(
            PLACED,
            replace(PLACED, pullRequestedAt="2026-01-15T05:00:00.000Z"),
            ["ConfirmationRequested"],
            id="asked for",
        ),
    ],
)
def test_what_a_change_amounts_to(old: Transaction | None, new: Transaction, expected: list[str]) -> None:
    assert kinds(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [(CREATED, PLACED), (PLACED, FILLED), (FILLED, DONE), (PLACED, RETRACTED), (CREATED, FAILED), (PLACED, UNKNOWN)],
)
def test_every_version_is_an_event_with_that_sequence_and_the_one_before(old: Transaction, new: Transaction) -> None:
    """So a consumer that has seen each sequence has missed nothing."""
    [event] = of_transaction(old, new)

    assert isinstance(event, Event)
    said = event.model_dump()
    assert (said["eventId"], said["sequence"], said["previousSequence"]) == (
        f"T1.{new.version}",
        new.version,
        new.version - 1,
    )


def test_a_reported_final_state_asks_to_be_confirmed_in_the_same_event() -> None:
    asking = replace(FILLED, pullRequestedAt="2026-01-15T04:01:30.000Z")

    [event] = of_transaction(PLACED, asking)

    assert event.needsConfirming
    assert [e.needsConfirming for e in of_transaction(asking, changed(asking, **SETTLED))] == [False]


def test_the_same_change_is_always_the_same_events() -> None:
    """A record that comes again publishes nothing that a consumer would not recognise."""
    assert of_transaction(PLACED, FILLED) == of_transaction(PLACED, FILLED)


def test_what_changed_is_said_for_each_security_and_nothing_else() -> None:
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


def test_the_same_security_twice_in_a_basket_is_told_apart() -> None:
    old = batch(order("INFY"), order("INFY"))
    new = batch(order("INFY"), order("INFY", "COMPLETE", 3))

    [change] = changed_orders(old, new)

    assert (change.previousFilledQuantity, change.filledQuantity) == (0, 3)


def test_a_price_that_was_corrected_is_a_change() -> None:
    old, new = batch(order(filled=3)), batch(order(filled=3) | {"averagePrice": Decimal("1498.25")})

    [change] = changed_orders(old, new)

    assert (change.previousAveragePrice, change.averagePrice) == (Decimal("1498.2"), Decimal("1498.25"))


def test_both_spellings_of_a_status_are_published_as_one() -> None:
    """A rule matches exact values; a change of spelling alone is no change."""
    spelt = changed(PLACED, batch(order(status="CANCELLED_AMO")), **SETTLED)

    [event] = of_transaction(PLACED, spelt)

    assert isinstance(event, OrdersSettled)
    assert event.orders is not None
    assert event.orders[0].status == "CANCELLED AMO"
    assert changed_orders(batch(order(status="CANCELLED_AMO")), batch(order(status="CANCELLED AMO"))) == []


def test_counts_say_how_many_orders_stand_where() -> None:
    """A status that nobody knows yet counts as open: it is not known to be final."""
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


def test_an_unknown_state_says_all_that_a_person_needs() -> None:
    [event] = of_transaction(PLACED, replace(UNKNOWN, gatewayStatus="PROCESSING"))

    assert isinstance(event, OrdersUnknown)
    assert event.requested == CREATED.requested
    assert (event.gatewayStatus, event.createdAt, event.broker) == ("PROCESSING", CREATED.createdAt, "kite")
    assert event.orders is not None
    assert event.changes is not None
    assert event.changes[0].status == "ERROR"


def test_a_failure_says_why() -> None:
    failed = replace(FAILED, error={"reason": "errored", "code": 1012, "message": "user_cancelled"})

    [event] = of_transaction(CREATED, failed)

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
def test_republishing_says_where_a_transaction_stands_under_the_id_it_had(
    stored: Transaction, kind: type[Event]
) -> None:
    [event] = latest(stored)

    assert isinstance(event, kind)
    assert event.eventId == f"T1.{stored.version}"
    if isinstance(event, OrdersEvent):
        assert event.changes is None


def test_republishing_repeats_the_event_of_an_account_and_not_a_creation_under_another_id() -> None:
    linked = changed(CREATED, account="linked", smallcaseAuthId="a1", pullRequestedAt="2026-01-15T04:03:00.000Z")
    later = changed(linked, batch(order(filled=3)), **SETTLED)
    [account] = [each for each in of_transaction(CREATED, linked) if isinstance(each, BrokerAccountLinked)]

    again = latest(linked)
    assert [each.eventId for each in again] == ["T1.1", account.eventId]
    assert account.eventId in [each.eventId for each in latest(later)]
    assert account.occurredAt == "2026-01-15T04:03:00.000Z"


def kept(**more: Any) -> KeptWebhook:
    said: dict[str, Any] = {
        "webhook_id": "w1",
        "received_at": "2026-01-15T04:00:00.000Z",
        "kind": "HOLDINGS_IMPORT",
        "transaction_id": "T1",
        "smallcase_auth_id": "a1",
        "notes": "asha",
        "doubt": None,
        "body": b"",
        "whole": True,
    }
    return KeptWebhook(**said | more)


def test_a_webhook_of_another_kind_is_published_as_what_it_is() -> None:
    [event] = of_webhook(kept(), {"securities": {}})

    assert isinstance(event, WebhookReceived)
    assert (event.eventId, event.kind, event.body) == ("w1", "HOLDINGS_IMPORT", {"securities": {}})


def test_a_doubted_webhook_asks_the_gateway_and_says_nothing_in_public() -> None:
    [event] = of_webhook(kept(doubt="stale"), None)

    assert event.detail_type == "ConfirmationRequested"
    assert "schemaVersion" not in event.model_dump()


def test_a_doubted_webhook_that_names_no_transaction_has_nobody_to_ask_about() -> None:
    assert of_webhook(kept(doubt="unreadable", transaction_id=None), None) == []
