"""The publisher: partial failures, refusals and records that nobody can read."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from securities_transactions.events.publisher import PublishError

ROOT = Path(__file__).parents[3]
SAMPLE = json.loads((ROOT / "events" / "publish_updates.json").read_text())


class Bus:
    """EventBridge that refuses as it is told: `refusals` maps the n-th call to the positions that fail."""

    def __init__(self, refusals: dict[int, list[int]] | None = None) -> None:
        self.refusals = refusals or {}
        self.calls: list[list[dict[str, Any]]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        failed = self.refusals.get(len(self.calls), [])
        self.calls.append(Entries)
        results = [
            {"ErrorCode": "ThrottlingException"} if n in failed else {"EventId": "x"} for n in range(len(Entries))
        ]
        return {"FailedEntryCount": len(failed), "Entries": results}

    def taken(self) -> list[str]:
        """The event ids that the bus took, in order."""
        return [
            json.loads(entry["Detail"])["eventId"]
            for call, entries in enumerate(self.calls)
            for n, entry in enumerate(entries)
            if n not in self.refusals.get(call, [])
        ]


class Queue:
    """A queue that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:
        self.bodies.append(json.loads(MessageBody))


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function's module with no waiting between attempts."""
    for name, value in {
        "EVENT_BUS": "bus",
        "DEAD_LETTER_QUEUE_URL": "dead",
        "AWS_DEFAULT_REGION": "ap-south-1",
        "POWERTOOLS_SERVICE_NAME": "securities-transactions",
    }.items():
        monkeypatch.setenv(name, value)
    from functions.publish_updates import app

    monkeypatch.setattr(app, "pause", lambda attempt: None)
    monkeypatch.setattr(app, "sqs", Queue())
    yield app


def records(count: int) -> dict[str, Any]:
    """`count` records of as many transactions."""
    text = json.dumps(SAMPLE["Records"][0])
    ids = [f"TRX_{n:032x}" for n in range(count)]
    return {"Records": [json.loads(text.replace("TRX_0123456789abcdef0123456789abcdef", each)) for each in ids]}


def test_entries_that_the_bus_refuses_inside_its_200_are_put_again(
    publisher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = Bus({0: [1, 3]})
    monkeypatch.setattr(publisher, "eventbridge", bus)

    publisher.handler(records(5), None)

    assert sorted(bus.taken()) == sorted(f"TRX_{n:032x}.3" for n in range(5))


def test_a_bus_that_keeps_refusing_fails_the_batch_so_that_the_stream_delivers_it_again(
    publisher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "eventbridge", Bus({n: [0] for n in range(10)}))

    with pytest.raises(PublishError, match="ThrottlingException"):
        publisher.handler(records(1), None)


def test_no_call_has_more_entries_than_the_bus_takes(publisher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus()
    monkeypatch.setattr(publisher, "eventbridge", bus)

    publisher.handler(records(25), None)

    assert [len(call) for call in bus.calls] == [10, 10, 5]


def test_a_record_that_cannot_be_read_is_set_aside_whole_and_the_others_go_out(
    publisher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poison record would otherwise hold its shard back until it expires."""
    bus, event = Bus(), records(3)
    monkeypatch.setattr(publisher, "eventbridge", bus)
    event["Records"][1]["dynamodb"]["NewImage"]["snapshot"] = {"B": "bm90IGEgc25hcHNob3Q="}

    publisher.handler(event, None)

    assert len(bus.taken()) == 2
    [message] = publisher.sqs.bodies
    assert message["record"] == event["Records"][1]
    assert message["key"] == {"transactionId": "TRX_00000000000000000000000000000001"}
