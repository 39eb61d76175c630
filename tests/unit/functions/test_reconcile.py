"""reconcile: what each message asks for, and which of them comes again."""

import json
from typing import Any

import pytest

from tests.unit.functions.rig import KITE, Rig
from tests.unit.functions.ways import batch, details, hit, hook, order


class Queue:
    """A queue that keeps the messages it is sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send_message_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        self.bodies += [each["MessageBody"] for each in Entries]
        return {"Successful": []}


def reconcile(rig: Rig, *bodies: str) -> list[str]:
    """Which of the messages come again, by their place."""
    records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    failures = rig.module("reconcile").handler({"Records": records}, None)["batchItemFailures"]
    return [each["itemIdentifier"] for each in failures]


def sweep(rig: Rig) -> list[str]:
    """The messages of a sweep."""
    queue = Queue()
    vars(rig.module("sweep"))["sqs"] = queue
    rig.module("sweep").handler({}, None)
    return queue.bodies


def item(rig: Rig, transaction_id: str) -> dict[str, Any]:
    """The stored transaction, without DynamoDB's types."""
    stored = rig.tables["Transactions"].items[(transaction_id,)]
    return {name: next(iter(value.values())) for name, value in stored.items()}


def pulls(rig: Rig) -> int:
    """How often the Gateway was asked for details."""
    return sum(request.method == "GET" for request in rig.gateway.requests)


@pytest.mark.parametrize("body", ["no JSON", "[]", '"text"', "{}", '{"detail-type": "OrdersSettled"}'])
def test_a_message_that_nobody_can_read_comes_again_alone(rig: Rig, body: str) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = details(transaction_id)

    assert reconcile(rig, body, json.dumps({"transactionId": transaction_id})) == ["0"]
    assert item(rig, transaction_id)["status"] == "COMPLETED"


def test_an_event_is_read_in_its_envelope_too(rig: Rig) -> None:
    """So the dead-letter queue of the rule has it, and SQS's own redrive brings it."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = details(transaction_id)
    envelope = {"detail-type": "OrdersProgressed", "detail": {"transactionId": transaction_id}}

    assert reconcile(rig, json.dumps(envelope)) == []
    assert item(rig, transaction_id)["status"] == "COMPLETED"


def test_a_check_that_was_made_since_is_not_made_again(rig: Rig) -> None:
    """While the Gateway is slow the sweep says the same again and again; once is enough."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    rig.pass_time(3600)
    [first], [again] = sweep(rig), sweep(rig)
    assert json.loads(first) == {"transactionId": transaction_id, "dueAt": item(rig, transaction_id)["nextCheckAt"]}

    assert reconcile(rig, first) == []
    planned = item(rig, transaction_id)["nextCheckAt"]
    rig.pass_time(5)
    assert reconcile(rig, again) == []
    rig.pass_time(40)
    assert reconcile(rig, again) == []
    assert pulls(rig) == 2  # details and orders, once
    assert item(rig, transaction_id)["nextCheckAt"] == planned
    assert item(rig, transaction_id)["checks"] == "1"


def test_a_check_that_somebody_is_making_is_still_due(rig: Rig) -> None:
    """They may die over it."""
    transaction_id = rig.transaction()
    rig.pass_time(3600)
    [message] = sweep(rig)
    rig.tables["Transactions"].items[(transaction_id,)]["pulledAt"] = {"S": "2026-01-15T04:59:59.000Z"}

    assert reconcile(rig, message) == []
    assert pulls(rig) == 0
    assert sweep(rig) == [message]


def test_a_webhook_that_was_doubted_is_remembered_until_the_gateway_would_show_it(rig: Rig) -> None:
    """A correction that a replica does not have yet: its webhook comes once, and so did the pull it asked for."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    settled = item(rig, transaction_id)
    assert ("settledAt" in settled, "nextCheckAt" in settled) == (True, False)

    corrected = batch(orders=[batch()["orders"][0] | {"averagePrice": 100.06}], transactionId=transaction_id)
    rig.pass_time(3600)
    assert hit(rig, hook(rig, corrected)) == 200
    doubt = {"transactionId": transaction_id, "smallcaseAuthId": KITE, "reason": "contradicts what is settled"}
    assert reconcile(rig, json.dumps(doubt)) == []
    assert {"doubtedAt", "nextCheckAt"} <= item(rig, transaction_id).keys()

    rig.gateway.details[transaction_id]["success"]["data"]["batches"] = [corrected]
    rig.pass_time(90)
    assert reconcile(rig, *sweep(rig)) == []
    after = item(rig, transaction_id)
    assert after["settledAt"] > settled["settledAt"]
    assert int(after["version"]) == int(settled["version"]) + 1
    rig.pass_time(3600)
    assert reconcile(rig, *sweep(rig)) == []
    assert not {"doubtedAt", "nextCheckAt"} & item(rig, transaction_id).keys()


def test_a_doubt_while_somebody_is_asking_is_remembered_too(rig: Rig) -> None:
    """What they are told may be older than the doubt."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    rig.pass_time(1)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id, "reason": "timestamp is stale or ahead"})) == []
    stored = item(rig, transaction_id)
    assert (stored["doubtedAt"], stored["nextCheckAt"]) == ("2026-01-15T04:00:01.000Z", "2026-01-15T04:00:31.000Z")
    assert pulls(rig) == 2


def test_a_doubt_while_a_due_check_is_being_made_is_asked_soon_and_not_after_the_next_long_wait(rig: Rig) -> None:
    """What is due already is what they are asking; what they write must not put this off."""
    transaction_id = rig.transaction()
    rig.pass_time(3600)
    rig.tables["Transactions"].items[(transaction_id,)] |= {"pulledAt": {"S": "2026-01-15T04:59:59.000Z"}}
    assert item(rig, transaction_id)["nextCheckAt"] < "2026-01-15T05:00:00.000Z"

    assert reconcile(rig, json.dumps({"transactionId": transaction_id, "reason": "timestamp is stale or ahead"})) == []
    stored = item(rig, transaction_id)
    assert (stored["nextCheckAt"], stored["checks"]) == ("2026-01-15T05:00:30.000Z", "0")


def test_an_adopted_transaction_remembers_the_doubt_that_brought_it(rig: Rig) -> None:
    """The webhook that was doubted may be a correction that the replica we asked does not have yet."""
    rig.gateway.details["TRX_elsewhere"] = details("TRX_elsewhere")
    doubt = {"transactionId": "TRX_elsewhere", "smallcaseAuthId": KITE, "reason": "a transaction that is not stored"}
    assert reconcile(rig, json.dumps(doubt)) == []
    stored = item(rig, "TRX_elsewhere")
    assert {"settledAt", "doubtedAt", "nextCheckAt"} <= stored.keys()
    rig.pass_time(3600)
    assert reconcile(rig, *sweep(rig)) == []
    assert not {"doubtedAt", "nextCheckAt"} & item(rig, "TRX_elsewhere").keys()


UNKNOWN_WORDS = ["QUEUED", "queued", "IN_PROGRESS", "Processing2", "SETTLING", "ON HOLD", "COMPLETED?", "ERROR"]


@pytest.mark.parametrize("word", UNKNOWN_WORDS)
@pytest.mark.parametrize("reported", [False, True])
def test_transaction_status_that_is_not_known_never_fails_or_retracts(rig: Rig, word: str, reported: bool) -> None:
    """The vendor's list of words has grown before: a new one waits, and a person is asked soon."""
    transaction_id = rig.transaction()
    if reported:
        body = batch(transactionId=transaction_id, orders=[order(status="PLACED", filledQuantity=0)], status="PLACED")
        assert hit(rig, hook(rig, body)) == 200
    error = {"value": True, "message": "user_cancelled", "code": 1012}
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": word, "error": error}
    for _ in range(30):
        rig.pass_time(3600)
        assert reconcile(rig, *sweep(rig)) == []
    stored = item(rig, transaction_id)
    assert stored["status"] == ("PLACED" if reported else "CREATED")
    assert stored["askedAt"] <= "2026-01-15T06:00:00.000Z"
    assert "nextCheckAt" in stored


@pytest.mark.parametrize("word", ["errored", "Errored", "CANCELLED", "expired", "used", "Initialized"])
def test_known_transaction_status_without_orders_fails_however_it_is_spelled(rig: Rig, word: str) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": word}
    rig.pass_time(7200)
    assert reconcile(rig, *sweep(rig)) == []
    assert item(rig, transaction_id)["status"] == "FAILED"


def final_report(rig: Rig, transaction_id: str, auth_id: str = KITE) -> None:
    """The Gateway is final and its webhook says so."""
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert hit(rig, hook(rig, batch(transactionId=transaction_id), auth_id=auth_id)) == 200


@pytest.mark.parametrize("first", ["SDK response", "refresh", "suspicious webhook"])
def test_first_final_report_is_pulled_at_once_whatever_was_pulled_before(rig: Rig, first: str) -> None:
    """An app that posts the SDK's response, as it is told to, must not wait longer than one that does not."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    message = {"transactionId": transaction_id}
    if first == "SDK response":
        rig.resolve(transaction_id)
    if first == "suspicious webhook":
        message["reason"] = "timestamp is stale or ahead"
    if first == "refresh":
        route, path = "GET /transactions/{transactionId}", {"transactionId": transaction_id}
        assert rig.call(route, path=path, query={"refresh": "true"}).status == 200
    else:
        assert reconcile(rig, json.dumps(message)) == []
    rig.pass_time(1)
    final_report(rig, transaction_id)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    stored = item(rig, transaction_id)
    assert (stored["status"], stored["confirmation"]) == ("COMPLETED", "confirmed")
    assert "settledAt" in stored


def test_flood_of_final_reports_is_one_pull_more_in_the_interval(rig: Rig) -> None:
    """Who has one genuine checksum can sign any body: it buys one pull, not one for each body."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    message = json.dumps({"transactionId": transaction_id})
    assert reconcile(rig, message) == []
    for n in range(20):
        rig.pass_time(0.1)
        forged = batch(transactionId=transaction_id, orders=[order(averagePrice=100 + n)])
        assert hit(rig, hook(rig, forged)) == 200
        assert reconcile(rig, message) == []
    assert pulls(rig) <= 2 * 2  # two pulls of at most two calls


def test_repeated_write_of_the_first_final_lease_finds_its_own_work(rig: Rig) -> None:
    """botocore sends a request again whose answer was lost; what the first one wrote is not somebody else's lease."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    message = json.dumps({"transactionId": transaction_id})
    assert reconcile(rig, message) == []
    rig.pass_time(1)
    final_report(rig, transaction_id)
    once = rig.dynamodb.update_item
    repeated = []

    def twice(**arguments: Any) -> dict[str, Any]:
        answer = once(**arguments)
        if "finalPulledAt" in arguments["UpdateExpression"]:
            repeated.append(once(**arguments))
        return answer

    rig.dynamodb.update_item = twice  # type: ignore[method-assign]  # the wire, between botocore and the table
    assert reconcile(rig, message) == []
    assert len(repeated) == 1
    assert "settledAt" in item(rig, transaction_id)
