"""The messages in the dead-letter queues are retried, and stay there if they fail again."""

import json
from dataclasses import replace
from typing import Any

import pytest

from operations.redrive import Result, redrive
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.transaction import AccountLink, Confirmation
from securities_transactions.events import dead_letters
from securities_transactions.events.publisher import Refusal, entry
from securities_transactions.services.publish_updates import of_transaction
from securities_transactions.services.pull_queue import message_of
from securities_transactions.storage.dynamodb import to_attributes
from tests.unit.operations.stage import QUEUES, STAMP, FakeStage, batch, stored, transaction
from tests.unit.operations.webhooks import webhook

DEAD = "dead of Publish"
PULL_QUEUE = "queue of Pull"
ORDERS = batch("PLACED")
CREATED = transaction()
# One change with two events and a request to pull.
REPORTED = replace(
    CREATED,
    version=2,
    orders=ORDERS,
    status=ORDERS.value.status_of_orders,
    batch_id="b1",
    revision=Snapshot(ORDERS.value, STAMP).revision,
    confirmation=Confirmation.REPORTED,
    reported_at=STAMP,
    pull_requested_at=STAMP,
    smallcase_auth_id="a1",
    account=AccountLink.LINKED,
)
RECORD = {
    "eventName": "MODIFY",
    "dynamodb": {
        "Keys": {"transactionId": {"S": "T1"}},
        "OldImage": stored(CREATED),
        "NewImage": stored(REPORTED),
    },
}


def redriven(stage: Any, *messages: str, queue: str = DEAD) -> Result:
    """The outcome of these messages of a dead-letter queue."""
    for message in messages:
        stage.sqs.send_message(QueueUrl=queue, MessageBody=message)
    return redrive(stage)[next(name for name, url in stage.outputs.items() if url == queue)]


def refused(number: int, record: Any = RECORD) -> str:
    """The message for the event `number` of the record, which the bus rejected permanently."""
    event = of_transaction(CREATED, REPORTED).events[number]
    return dead_letters.of_entry(Refusal(entry(event, "another bus"), "MalformedDetail", "x"), record)


@pytest.mark.parametrize("name", QUEUES)
def test_message_goes_back_to_its_queue_as_it_is(name: str) -> None:
    """A request to pull, and an event that was not delivered to a consumer or that one could not handle."""
    stage = FakeStage()
    body = message_of(PullRequest("T1", "a1", due_at=STAMP, suspicious=True))

    assert redriven(stage, body, "not even JSON", queue=f"dead of {name}") == Result(handed_on=2)

    assert stage.sqs.bodies[f"queue of {name}"] == [body, "not even JSON"]
    assert stage.sqs.left(f"dead of {name}") == []
    assert stage.events.calls == []


def test_queues_that_a_stage_does_not_have_are_passed_over() -> None:
    """The example consumers are deployed only when asked for."""
    stage: Any = FakeStage()
    outputs = {name: url for name, url in stage.outputs.items() if "Notifier" not in name and "Positions" not in name}
    stage = type("Small", (FakeStage,), {"outputs": outputs})()

    queues = {f"{name}DeadLetterQueueUrl" for name in ("FinalReports", "Pull", "Updates", "Publish")}
    assert set(redrive(stage)) == queues | {"DiscardedRecordsBucket"}


def test_record_that_could_not_be_read_is_published_and_its_pull_requested() -> None:
    """By today's code, which can read it."""
    stage = FakeStage()

    assert redriven(stage, dead_letters.of_record(RECORD, ValueError())) == Result(handed_on=1)

    assert stage.events.event_ids == ["T1.2", "T1.linked.a1"]
    assert [json.loads(body) for body in stage.sqs.bodies[PULL_QUEUE]] == [{"transactionId": "T1"}]
    assert stage.sqs.left(DEAD) == []


@pytest.mark.parametrize(("number", "event_id"), [(0, "T1.2"), (1, "T1.linked.a1")])
def test_refused_event_is_published_alone(number: int, event_id: str) -> None:
    """Its record's other event was published, and its pull was requested."""
    stage = FakeStage()

    assert redriven(stage, refused(number)) == Result(handed_on=1)

    assert stage.events.event_ids == [event_id]
    assert PULL_QUEUE not in stage.sqs.bodies


def test_refused_event_that_today_s_code_would_not_make_is_published_as_it_was() -> None:
    """On the stage's own bus."""
    stage = FakeStage()
    message = json.loads(refused(0))
    message["record"] = {**RECORD, "dynamodb": {"Keys": {"transactionId": {"S": "T1"}}}}

    assert redriven(stage, json.dumps(message)) == Result(handed_on=1)

    assert stage.events.event_ids == ["T1.2"]


def test_message_without_its_record_publishes_where_the_transaction_stands() -> None:
    """A message without its record names its item."""
    stage = FakeStage({"transactions": [stored(REPORTED)]})
    message = json.dumps({"eventId": "e", "errorCode": "ValueError", "key": {"transactionId": "T1"}})

    assert redriven(stage, message) == Result(handed_on=1)

    assert stage.events.event_ids == ["T1.2", "T1.linked.a1"]


def test_suspicious_webhook_without_its_record_requests_its_pull() -> None:
    suspicious = webhook("w1", suspicion="stale", transactionId="T1", smallcaseAuthId="a1")
    stage = FakeStage({"webhooks": [to_attributes(suspicious)]})
    message = json.dumps({"eventId": "e", "errorCode": "ValueError", "key": {"webhookId": "w1"}})

    assert redriven(stage, message) == Result(handed_on=1)

    [body] = stage.sqs.bodies[PULL_QUEUE]
    assert json.loads(body) == {"transactionId": "T1", "smallcaseAuthId": "a1", "suspicious": True}
    assert stage.events.calls == []


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        "[]",
        json.dumps({"record": {"eventName": "INSERT", "dynamodb": {"NewImage": {}}}}),
        json.dumps({"key": {"transactionId": "gone"}}),
        json.dumps({"key": {"webhookId": "gone"}}),
    ],
)
def test_what_fails_again_stays_and_the_others_are_tried(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    stage = FakeStage()
    good = dead_letters.of_record(RECORD, ValueError())

    assert redriven(stage, message, good) == Result(handed_on=1, failed=1)

    assert stage.sqs.left(DEAD) == [message]
    assert "m0 stays" in capsys.readouterr().err


def test_event_that_the_bus_still_refuses_stays() -> None:
    stage = FakeStage()
    stage.events.refuses = lambda detail: "MalformedDetail"
    message = refused(0)

    assert redriven(stage, message) == Result(failed=1)

    assert stage.sqs.left(DEAD) == [message]
