"""Republishing the state of transactions, after an outage longer than the retention of the streams."""

import json
from typing import Any

import pytest

from operations.republish import republish, updates
from securities_transactions.domain.decimal_json import dumps
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.times import timestamp_text
from securities_transactions.events.publisher import PublishError
from securities_transactions.events.schemas import TransactionCreated, WebhookReceived
from securities_transactions.services.publish_updates import Published, Update
from securities_transactions.storage.dynamodb import to_attributes
from tests.unit.operations.stage import STAMP, FakeStage, stored, transaction
from tests.unit.operations.webhooks import webhook

SINCE = timestamp_text(STAMP)


def never(name: str, error: Exception) -> None:
    """Every item of the test can be read."""
    raise AssertionError(name) from error


def test_republishing_finds_changes_by_every_time_attribute() -> None:
    stage: Any = FakeStage({"transactions": [stored(transaction())]})

    [update] = updates(stage, SINCE, never)

    [event] = update.events
    assert isinstance(event, TransactionCreated)
    assert event.eventId == "T1.1"
    for name in ("createdAt", "reportedAt", "confirmedAt", "escalatedAt", "pullRequestedAt"):
        assert f"{name} >= :since" in stage.scans["transactions"]["FilterExpression"]
    assert stage.scans["webhooks"]["FilterExpression"] == "receivedAt >= :since"
    for scan in stage.scans.values():
        assert scan["ExpressionAttributeValues"] == {":since": {"S": "2026-01-15T00:00:00.000Z"}}


def test_pull_that_a_transaction_requested_is_not_requested_again() -> None:
    """Its next check is scheduled: it needs no other request."""
    stage: Any = FakeStage({"transactions": [stored(transaction(pull_requested_at=STAMP))]})

    assert [update.pull for update in updates(stage, SINCE, never)] == [None]


def test_stored_webhooks_are_published_or_request_their_pull_again() -> None:
    other, suspicious = webhook("w1"), webhook("w2", suspicion="stale", transactionId="T1", smallcaseAuthId="a1")
    stage: Any = FakeStage({"webhooks": [to_attributes(other), to_attributes(suspicious)]})

    first, second = updates(stage, SINCE, never)

    [event] = first.events
    assert isinstance(event, WebhookReceived)
    assert event.eventId == "w1"
    assert second == Update(pull=PullRequest("T1", "a1", suspicious=True))


def test_everything_is_emitted_to_the_stage_s_bus_and_queue() -> None:
    suspicious = webhook("w1", suspicion="stale", transactionId="T1")
    stage: Any = FakeStage({"transactions": [stored(transaction())], "webhooks": [to_attributes(suspicious)]})

    assert republish(stage, STAMP, never) == Published(events=1, pulls=1)

    assert stage.events.event_ids == ["T1.1"]
    [body] = stage.sqs.bodies["queue of Pull"]
    assert json.loads(body) == {"transactionId": "T1", "suspicious": True}


def test_bus_that_rejects_an_event_permanently_is_an_error() -> None:
    stage: Any = FakeStage({"transactions": [stored(transaction())]})
    stage.events.refuses = lambda detail: "MalformedDetail"

    with pytest.raises(PublishError):
        republish(stage, STAMP, never)


def test_body_in_the_webhooks_table_is_read_as_it_was_sent() -> None:
    """The checksum alone is left out."""
    item = webhook("w1", body=dumps({"securities": {"holdings": []}, "checksum": "c"}).encode())
    stage: Any = FakeStage({"webhooks": [to_attributes(item)]})

    [update] = updates(stage, SINCE, never)

    [event] = update.events
    assert isinstance(event, WebhookReceived)
    assert event.body == {"securities": {"holdings": []}}


def test_item_that_cannot_be_read_is_named_and_keeps_no_other_from_being_emitted() -> None:
    broken = {"transactionId": {"S": "T0"}, "status": {"S": "a status of nobody"}}
    stage: Any = FakeStage(
        {
            "transactions": [broken, stored(transaction())],
            "webhooks": [{"webhookId": {"S": "w0"}}, {"other": {"S": "x"}}],
        }
    )
    unreadable = list[str]()

    published = republish(stage, STAMP, lambda name, error: unreadable.append(name))

    assert published == Published(events=1)
    assert stage.events.event_ids == ["T1.1"]
    assert unreadable == ["transactionId T0", "webhookId w0", "an item without a key"]
