"""The publisher: partial failures, rejections and unreadable records."""

import json
from pathlib import Path
from typing import Any

import pytest

from securities_transactions.events.publisher import PublishError
from securities_transactions.services.pull_queue import SendError
from tests.strict_messaging import check_message, check_message_batch, check_put_events, entry_error
from tests.unit.functions.harness import Rig

ROOT = Path(__file__).parents[3]
SAMPLE = json.loads((ROOT / "events" / "publish_updates.json").read_text())


class Bus:
    """EventBridge with scripted refusals: `refusals` maps the n-th call to the positions that fail."""

    def __init__(self, refusals: dict[int, list[int]] | None = None) -> None:
        self.refusals = refusals or {}
        self.calls: list[list[dict[str, Any]]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        check_put_events(Entries)
        assert not any(map(entry_error, Entries))
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
        self.set_aside: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        return {"Attributes": dict.fromkeys(AttributeNames, "0")}

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:
        check_message("SendMessage", MessageBody)
        self.set_aside.append(json.loads(MessageBody))

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        check_message_batch(Entries)
        self.requests += [json.loads(each["MessageBody"]) for each in Entries]
        return {"Successful": Entries}


def publish(rig: Rig, bus: Bus, event: dict[str, Any]) -> Queue:
    """Publish a record batch; the queue that it was sent messages of."""
    queue = Queue()
    rig.clients.events, rig.clients.sqs = bus, queue
    rig.handler("publish_updates")(event, None)
    return queue


def records(count: int) -> dict[str, Any]:
    """`count` records of as many transactions."""
    text = json.dumps(SAMPLE["Records"][0])
    ids = [f"TRX_{n:032x}" for n in range(count)]
    return {"Records": [json.loads(text.replace("TRX_0123456789abcdef0123456789abcdef", each)) for each in ids]}


def test_entries_that_the_bus_refuses_inside_its_200_are_put_again(rig: Rig) -> None:
    bus = Bus({0: [1, 3]})

    publish(rig, bus, records(5))

    assert sorted(bus.taken()) == sorted(f"TRX_{n:032x}.3" for n in range(5))


def test_a_bus_that_keeps_refusing_fails_the_batch_so_that_the_stream_delivers_it_again(rig: Rig) -> None:
    with pytest.raises(PublishError, match="ThrottlingException"):
        publish(rig, Bus({n: [0] for n in range(10)}), records(1))


def test_no_call_has_more_entries_than_the_bus_takes(rig: Rig) -> None:
    bus = Bus()

    publish(rig, bus, records(25))

    assert [len(call) for call in bus.calls] == [10, 10, 5]


def test_a_record_that_cannot_be_read_is_set_aside_whole_and_the_others_go_out(rig: Rig) -> None:
    """A poison record would otherwise hold its shard back until it expires."""
    bus, event = Bus(), records(3)
    event["Records"][1]["dynamodb"]["NewImage"]["snapshot"] = {"B": "bm90IGEgc25hcHNob3Q="}

    queue = publish(rig, bus, event)

    assert len(bus.taken()) == 2
    [message] = queue.set_aside
    assert message["record"] == event["Records"][1]
    assert message["key"] == {"transactionId": "TRX_00000000000000000000000000000001"}


def test_reported_outcome_requests_a_pull_from_the_queue_and_not_from_the_bus(rig: Rig) -> None:
    """The bus is public: nothing on it is the product's own business."""
    bus = Bus()
    queue = publish(rig, bus, records(3))

    assert [each["transactionId"] for each in queue.requests] == [f"TRX_{n:032x}" for n in range(3)]
    assert all("needsConfirming" not in entry["Detail"] for entries in bus.calls for entry in entries)


def test_queue_that_refuses_a_request_fails_the_record_batch(rig: Rig) -> None:
    """The stream delivers the records again: events are deduplicated by their ids, a pull is made once more."""

    class Full(Queue):
        def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
            return {"Successful": [], "Failed": [{"Id": each["Id"]} for each in Entries]}

    rig.clients.events, rig.clients.sqs = Bus(), Full()
    with pytest.raises(SendError):
        rig.handler("publish_updates")(records(2), None)
