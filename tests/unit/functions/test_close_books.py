"""close_books: the evening compares what was settled with the Gateway, and says what it found."""

import json
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.strict_messaging import StrictBus, StrictQueue
from tests.unit.functions.harness import Context, Rig, refused, said
from tests.unit.functions.scenarios import batch, details, order
from tests.unit.functions.test_reconcile import item, reconcile, sweep

HOUR: Final = 3600
# The world begins at 9:30 in India; the books are closed at 18:30.
EVENING: Final = 9 * HOUR + 150


@pytest.fixture
def rig() -> Rig:
    """Functions with a bus and a queue."""
    rig = Rig()
    rig.clients.events, rig.clients.sqs = StrictBus(), StrictQueue()
    return rig


def settle(rig: Rig, filled: int = 3) -> str:
    """The id of a transaction that has settled."""
    transaction_id = rig.transaction()
    show(rig, transaction_id, filled)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    assert "settledAt" in item(rig, transaction_id)
    return transaction_id


def show(rig: Rig, transaction_id: str, filled: int) -> None:
    """The Gateway's state from now on: so many of three shares were filled."""
    status = "COMPLETE" if filled == 3 else "PARTIAL"
    filled_order = order(status=status, quantity=3, filledQuantity=filled, averagePrice=100.5)
    state = batch(status="COMPLETED", orders=[filled_order], buyAmount=filled * 100.5, batchId=f"b{transaction_id}")
    shown = details(transaction_id)
    shown["success"]["data"]["batches"] = [state]
    rig.gateway.details[transaction_id] = shown


def close(rig: Rig, context: Any = None) -> None:
    """A minute's run of the schedule."""
    rig.handler("close_books")({}, context)


def run_checks(rig: Rig) -> None:
    """The next minute's checks are made."""
    rig.pass_time(60)
    reconcile(rig, *sweep(rig))


def books(rig: Rig) -> dict[str, Any]:
    """The newest closing, as it is stored."""
    newest = max(rig.tables["Books"].items.values(), key=lambda item: str(item["day"]["S"]))
    return {name: next(iter(value.values())) for name, value in newest.items()}


def reports(rig: Rig) -> list[dict[str, Any]]:
    """The reports on the bus."""
    entries = rig.clients.events.entries
    return [json.loads(entry["Detail"]) for entry in entries if entry["DetailType"] == "BooksClosed"]


def test_nothing_is_closed_before_the_evening(rig: Rig) -> None:
    settle(rig)
    rig.pass_time(8 * HOUR)
    close(rig)
    # The day before is closed: this deployment has not closed any.
    assert [report["day"] for report in reports(rig)] == ["2026-01-14"]
    assert reports(rig)[0]["transactions"] == 0


def test_correction_whose_webhook_was_lost_is_found_counted_and_settled_again(rig: Rig) -> None:
    corrected, same = settle(rig), settle(rig)
    before = item(rig, corrected)
    show(rig, corrected, 2)
    rig.pass_time(EVENING)

    close(rig)
    assert reports(rig) == []
    assert books(rig)["phase"] == "compare"
    run_checks(rig)
    close(rig)

    after = item(rig, corrected)
    assert (after["status"], int(after["version"])) == ("PARTIALLYFILLED", int(before["version"]) + 1)
    assert after["bookedAt"] == before["bookedAt"] < after["settledAt"]
    [report] = reports(rig)
    assert (report["eventId"], report["transactions"], report["orders"]) == ("books.2026-01-15.1", 2, 2)
    assert (report["corrected"], report["correctedTransactions"]) == (1, [corrected])
    assert (report["drift"], report["unresolved"]) == (0, [])
    [kite] = report["brokers"]
    assert (kite["broker"], kite["buyAmount"]) == ("kite", 502.5)
    assert "nextCheckAt" not in item(rig, same)


def test_day_is_closed_once(rig: Rig) -> None:
    settle(rig)
    rig.pass_time(EVENING)
    close(rig)
    run_checks(rig)
    for _ in range(3):
        close(rig)
        rig.pass_time(HOUR)
    assert [report["day"] for report in reports(rig)] == ["2026-01-15"]


def test_gateway_that_does_not_answer_is_drift_after_three_hours(rig: Rig) -> None:
    transaction_id = settle(rig)
    rig.gateway.answer = lambda request: httpx.Response(503)
    rig.pass_time(EVENING)
    close(rig)
    for _ in range(2):
        run_checks(rig)
        close(rig)
        assert reports(rig) == []

    rig.pass_time(3 * HOUR)
    close(rig)
    [report] = reports(rig)
    assert (report["drift"], report["unresolved"]) == (1, [{"transactionId": transaction_id, "reason": "unchecked"}])


def test_open_transaction_is_counted_and_no_drift(rig: Rig) -> None:
    settle(rig)
    rig.transaction()
    rig.pass_time(EVENING)
    close(rig)
    run_checks(rig)
    close(rig)
    [report] = reports(rig)
    assert (report["transactions"], report["open"], report["drift"]) == (1, 1, 0)


def test_item_that_cannot_be_read_is_named_and_holds_nothing_up(rig: Rig) -> None:
    spoilt, whole = settle(rig), settle(rig)
    rig.tables["Transactions"].items[(spoilt,)]["version"] = {"S": "seven"}
    rig.pass_time(EVENING)
    close(rig)
    run_checks(rig)
    close(rig)
    [report] = reports(rig)
    assert report["unresolved"] == [{"transactionId": spoilt, "reason": "unreadable"}]
    assert "nextCheckAt" not in item(rig, whole)


def test_run_that_stops_anywhere_is_gone_on_with(rig: Rig) -> None:
    """Each invocation has time for one page; every call that writes fails once."""
    ids = [settle(rig) for _ in range(5)]
    rig.pass_time(EVENING)
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "any")
    for failing in ("PutItem Books", "UpdateItem Transactions", "Query Transactions"):
        rig.dynamodb.failing = {failing: throttled}
        with pytest.raises(ClientError):
            close(rig)
    rig.dynamodb.failing = {}
    for _ in range(40):
        close(rig, Context(milliseconds=11_200))
        run_checks(rig)
    [report] = reports(rig)
    assert (report["transactions"], report["drift"]) == (5, 0)
    assert not any("nextCheckAt" in item(rig, each) for each in ids)


def test_of_two_invocations_at_once_one_stops(rig: Rig) -> None:
    settle(rig)
    rig.pass_time(EVENING)
    close(rig)
    run_checks(rig)
    service = rig.application().close_books
    run = service.books.newest()
    assert run is not None
    service.advance(run)

    # The other one read the closing before the first went on.
    assert rig.application().close_books.advance(run) == run
    assert len(reports(rig)) == 1


def test_bus_that_refuses_gets_the_same_report_later(rig: Rig) -> None:
    settle(rig)
    rig.pass_time(EVENING)
    close(rig)
    run_checks(rig)
    rig.clients.events.refuses = lambda detail: "ThrottlingException"
    with pytest.raises(Exception, match="the bus rejected"):
        close(rig)
    assert books(rig)["phase"] == "publish"

    rig.clients.events.refuses = lambda detail: None
    rig.pass_time(HOUR)
    close(rig)
    assert books(rig)["phase"] == "closed"
    ids = {(report["eventId"], report["occurredAt"]) for report in reports(rig)}
    assert len(ids) == 1


def test_check_that_is_due_earlier_stays(rig: Rig) -> None:
    transaction_id = settle(rig)
    rig.pass_time(EVENING)
    due: Callable[[], str] = lambda: str(item(rig, transaction_id)["nextCheckAt"])  # noqa: E731  # a shorthand
    transactions = rig.application().transactions
    transactions.schedule_check(transaction_id, rig.world.clock())
    before = due()
    close(rig)
    assert due() == before


def test_failed_transaction_is_in_the_books_too(rig: Rig) -> None:
    """It may have traded after all, and the webhook of it may be lost."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "EXPIRED"}
    rig.pass_time(HOUR)
    reconcile(rig, *sweep(rig))
    assert item(rig, transaction_id)["status"] == "FAILED"
    show(rig, transaction_id, 3)
    rig.pass_time(EVENING - HOUR)
    close(rig)
    run_checks(rig)
    close(rig)
    assert item(rig, transaction_id)["status"] == "COMPLETED"
    assert reports(rig)[-1]["drift"] == 0


def test_rejected_credentials_are_no_answer(rig: Rig) -> None:
    settle(rig)
    rig.gateway.answer = lambda request: refused(401, "invalid secret")
    rig.pass_time(EVENING)
    close(rig)
    run_checks(rig)
    close(rig)
    assert reports(rig) == []
    rig.gateway.answer = lambda request: None
    for _ in range(60):
        run_checks(rig)
    close(rig)
    assert reports(rig)[-1]["drift"] == 0
    assert said({}).status_code == 200
