"""reconcile: what each message asks for, and which of them comes again."""

import json
from typing import Any

import pytest

from tests.unit.functions.rig import KITE, Rig
from tests.unit.functions.ways import batch, details, hit, hook


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
