"""A permanently rejected event is set aside. A fault of the bus stops the stream and sets nothing aside."""

import base64
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from operations.redrive import redrive
from securities_transactions.events.consumer import parse_message
from tests.application import ENVIRONMENT
from tests.field.deployment import envelope
from tests.strict_messaging import StrictBus, StrictQueue, refused_call
from tests.unit.functions.harness import Rig

ROOT = Path(__file__).parents[3]
SAMPLE = json.dumps(json.loads((ROOT / "events" / "publish_updates.json").read_text())["Records"][0])
POISON = "TRX_poison"


class Publisher:
    """The function with a strict bus and a strict queue; a record's event has the id `<transaction>.<version>`."""

    def __init__(self, rig: Rig) -> None:
        self.bus = StrictBus()
        self.queue = StrictQueue()
        rig.clients.events, rig.clients.sqs = self.bus, self.queue
        self.handler = rig.handler("publish_updates")
        self.pauses = rig.sleeps

    def __call__(self, records: Iterable[dict[str, Any]]) -> None:
        self.handler({"Records": list(records)}, None)

    @property
    def set_aside(self) -> list[tuple[str, str]]:
        """The event ids and error codes of what was set aside."""
        found = [json.loads(body) for body in self.queue.bodies]
        return [(f"{each['transactionId']}.{each['sequence']}", each["errorCode"]) for each in found]


@pytest.fixture
def publisher(rig: Rig) -> Publisher:
    return Publisher(rig)


def record(transaction_id: str, version: int = 3) -> dict[str, Any]:
    """A stream record of an update that made a transaction's version `version`."""
    found: dict[str, Any] = json.loads(SAMPLE.replace("TRX_0123456789abcdef0123456789abcdef", transaction_id))
    for name, number in (("OldImage", version - 1), ("NewImage", version)):
        found["dynamodb"][name]["version"] = {"N": str(number)}
    return found


def others(count: int) -> list[dict[str, Any]]:
    return [record(f"TRX_{n:03}") for n in range(count)]


def code_of(codes: dict[str, str]) -> Callable[[dict[str, Any]], str | None]:
    """The refusals of a bus: the named transactions, each with its code."""
    return lambda detail: codes.get(detail.get("transactionId", ""))


def content(body: str) -> dict[str, Any]:
    """A message of the dead-letter queue, opened."""
    found: dict[str, Any] = json.loads(body)
    packed = found.pop("compressed", None)
    return found if packed is None else found | json.loads(zlib.decompress(base64.b64decode(packed)))


@pytest.mark.parametrize("position", [0, 50, 99])
@pytest.mark.parametrize("code", ["MalformedDetail", "RedactionFailure", "InvalidArgument", "NeverHeardOf"])
def test_one_permanently_rejected_event_is_set_aside_and_the_others_go_out(
    publisher: Publisher, position: int, code: str
) -> None:
    records = others(99)
    records.insert(position, record(POISON))
    publisher.bus.refuses = code_of({POISON: code})

    publisher(records)

    assert publisher.bus.event_ids == [f"TRX_{n:03}.3" for n in range(99)]
    assert publisher.set_aside == [(f"{POISON}.3", code)]


@pytest.mark.parametrize("position", [0, 50, 99])
@pytest.mark.parametrize("code", ["ValidationException", "SerializationException"])
def test_an_event_that_makes_the_whole_call_fail_is_set_aside_alone(
    publisher: Publisher, position: int, code: str
) -> None:
    records = others(99)
    records.insert(position, record(POISON))
    publisher.bus.refuses_call = code_of({POISON: code})

    publisher(records)

    assert sorted(publisher.bus.event_ids) == [f"TRX_{n:03}.3" for n in range(99)]
    assert publisher.set_aside == [(f"{POISON}.3", code)]


@pytest.mark.parametrize("code", ["MalformedDetail", "RedactionFailure"])
def test_a_code_that_is_an_entry_s_own_sets_aside_the_only_event_at_once(publisher: Publisher, code: str) -> None:
    publisher.bus.refuses = code_of({POISON: code})

    publisher([record(POISON)])

    assert publisher.set_aside == [(f"{POISON}.3", code)]
    assert (len(publisher.bus.calls), publisher.pauses) == (1, [])


@pytest.mark.parametrize("code", ["InvalidArgument", "NeverHeardOf"])
@pytest.mark.parametrize("count", [1, 30])
def test_a_code_of_unknown_cause_that_every_event_gets_stops_the_stream(
    publisher: Publisher, code: str, count: int
) -> None:
    publisher.bus.refuses = lambda detail: code

    with pytest.raises(Exception, match=f"the bus rejected {count} events: {code}"):
        publisher(others(count))

    assert publisher.queue.bodies == []


@pytest.mark.parametrize("count", [1, 30])
def test_a_call_refused_for_any_event_stops_the_stream(publisher: Publisher, count: int) -> None:
    publisher.bus.refuses_call = lambda detail: "ValidationException"

    with pytest.raises(Exception, match="ValidationException"):
        publisher(others(count))

    assert publisher.queue.bodies == []


def test_a_bus_that_refuses_everything_after_a_while_sets_nothing_aside(publisher: Publisher) -> None:
    """The events behind would all be "refused while others were accepted"."""
    publisher.bus.refuses = lambda detail: "NeverHeardOf" if len(publisher.bus.accepted) >= 15 else None

    with pytest.raises(Exception, match="NeverHeardOf"):
        publisher(others(60))

    assert publisher.queue.bodies == []


SHARED = [
    "AccessDeniedException",
    "NotAuthorizedForSourceException",
    "NotAuthorizedForDetailTypeException",
    "InvalidAccountIdException",
    "ResourceNotFoundException",
    "KMSDisabledException",
    "KmsAccessDenied",
    "DisabledException",
    "ThrottlingException",
    "InternalFailure",
    "InternalException",
    "ServiceUnavailable",
]


@pytest.mark.parametrize("code", SHARED)
@pytest.mark.parametrize("whole_call", [False, True])
@pytest.mark.parametrize("records", [[record(POISON)], [*others(12), record(POISON)]], ids=["alone", "last"])
def test_a_fault_of_the_bus_stops_the_stream_and_sets_nothing_aside(
    publisher: Publisher, code: str, whole_call: bool, records: list[dict[str, Any]]
) -> None:
    """Also where only one event gets it: a later delivery can publish it."""
    refuses = code_of({POISON: code})
    if whole_call:
        publisher.bus.refuses_call = refuses
    else:
        publisher.bus.refuses = refuses

    with pytest.raises(Exception, match=code):
        publisher(records)

    assert publisher.queue.bodies == []
    assert whole_call or publisher.pauses == [0.2, 0.4, 0.8]


def test_later_versions_of_the_transaction_go_out_in_order(publisher: Publisher) -> None:
    publisher.bus.refuses = lambda detail: "MalformedDetail" if detail["eventId"] == f"{POISON}.4" else None
    versions = [record(POISON, version) for version in range(3, 9)]
    records = [each for pair in zip(others(6), versions, strict=True) for each in pair]

    publisher(records)

    assert [each for each in publisher.bus.event_ids if POISON in each] == [f"{POISON}.{n}" for n in (3, 5, 6, 7, 8)]
    assert len(publisher.bus.event_ids) == 11
    assert publisher.set_aside == [(f"{POISON}.4", "MalformedDetail")]


def test_an_event_that_is_refused_for_a_while_is_not_overtaken_by_later_versions(publisher: Publisher) -> None:
    """Every other version is throttled twice, and one in the middle is rejected permanently."""
    versions = [record(f"TRX_{transaction}", version) for version in range(3, 9) for transaction in range(4)]
    seen: Counter[str] = Counter()

    def refuses(detail: dict[str, Any]) -> str | None:
        seen[detail["eventId"]] += 1
        if detail["eventId"] == "TRX_2.5":
            return "MalformedDetail"
        return "ThrottlingException" if detail["sequence"] % 2 and seen[detail["eventId"]] < 3 else None

    publisher.bus.refuses = refuses
    publisher(versions)

    for transaction in range(4):
        expected = [f"TRX_{transaction}.{n}" for n in range(3, 9) if (transaction, n) != (2, 5)]
        assert [each for each in publisher.bus.event_ids if f"TRX_{transaction}." in each] == expected


@pytest.mark.parametrize("second", ["MalformedDetail", "InvalidArgument"])
def test_two_permanently_rejected_events_are_set_aside_each(publisher: Publisher, second: str) -> None:
    publisher.bus.refuses = code_of({"TRX_004": "MalformedDetail", "TRX_005": second})

    publisher(others(10))

    assert len(publisher.bus.event_ids) == 8
    assert publisher.set_aside == [("TRX_004.3", "MalformedDetail"), ("TRX_005.3", second)]


def test_throttling_beside_a_refused_event_is_retried(publisher: Publisher) -> None:
    def refuses(detail: dict[str, Any]) -> str | None:
        if detail["transactionId"] == POISON:
            return "MalformedDetail"
        return "ThrottlingException" if len(publisher.bus.calls) < 3 else None

    publisher.bus.refuses = refuses
    publisher([*others(4), record(POISON)])

    assert sorted(publisher.bus.event_ids) == [f"TRX_{n:03}.3" for n in range(4)]
    assert publisher.set_aside == [(f"{POISON}.3", "MalformedDetail")]


def test_throttling_that_lasts_stops_the_stream_before_anything_is_set_aside(publisher: Publisher) -> None:
    """The records come again and again: each time would leave another message."""
    publisher.bus.refuses = code_of({POISON: "MalformedDetail", "TRX_003": "ThrottlingException"})
    unreadable = record("TRX_unreadable")
    unreadable["dynamodb"]["NewImage"]["snapshot"] = {"B": "bm90IGEgc25hcHNob3Q="}

    with pytest.raises(Exception, match="ThrottlingException"):
        publisher([unreadable, record(POISON), *others(4)])

    assert publisher.queue.bodies == []


def test_what_the_queue_does_not_take_stops_the_stream(publisher: Publisher) -> None:
    publisher.bus.refuses = code_of({POISON: "MalformedDetail"})
    publisher.queue.error = refused_call("SendMessage", "KmsDisabled")

    with pytest.raises(Exception, match="KmsDisabled"):
        publisher([record(POISON), *others(2)])


def test_the_log_names_a_refused_event_and_nothing_of_the_user(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    publisher.bus.refuses = code_of({POISON: "MalformedDetail"})

    publisher([record(POISON)])

    [line] = [vars(each) for each in caplog.records if each.levelname == "ERROR"]
    assert (line["transactionId"], line["sequence"], line["errorCode"]) == (POISON, 3, "MalformedDetail")
    assert "user-42" not in str(line)


def unkept(body: str, webhook_id: str = "w1") -> dict[str, Any]:
    """A record of a kept webhook of another kind whose event is the body."""
    item = {
        "webhookId": {"S": webhook_id},
        "receivedAt": {"S": "2026-01-15T04:35:00.000Z"},
        "kind": {"S": "HOLDINGS_IMPORT"},
        "body": {"B": base64.b64encode(zlib.compress(body.encode())).decode()},
    }
    return {"eventName": "INSERT", "dynamodb": {"Keys": {"webhookId": {"S": webhook_id}}, "NewImage": item}}


def unreadable(poison: dict[str, Any]) -> None:
    """Make a record one that cannot be read."""
    image = poison["dynamodb"]["NewImage"]
    image["snapshot" if "transactionId" in image else "body"] = {"B": "bm90IHdoYXQgd2FzIHN0b3JlZA=="}


@pytest.mark.parametrize("position", [0, 50, 100])
@pytest.mark.parametrize("fault", ["refused", "unreadable"])
@pytest.mark.parametrize("stream", ["transactions", "webhooks"])
def test_poison_in_each_stream_is_set_aside_with_an_alarm_and_a_hundred_others_go_out_in_order(
    publisher: Publisher, caplog: pytest.LogCaptureFixture, stream: str, fault: str, position: int
) -> None:
    if stream == "transactions":
        others, poison = [record("TRX_1", version) for version in range(2, 102)], record(POISON)
        expected = [f"TRX_1.{version}" for version in range(2, 102)]
    else:
        expected = [f"w{n:03}" for n in range(100)]
        others, poison = [unkept('{"type": "x"}', each) for each in expected], unkept('{"type": "x"}', POISON)
    if fault == "unreadable":
        unreadable(poison)
    else:
        publisher.bus.refuses = lambda detail: "MalformedDetail" if POISON in detail["eventId"] else None

    publisher([*others[:position], poison, *others[position:]])

    assert publisher.bus.event_ids == expected
    # Both are watched: the queue with the alarm PublishDeadLettersAlarm, and lines of level ERROR with ErrorsAlarm.
    [body] = publisher.queue.by_url[ENVIRONMENT["DEAD_LETTER_QUEUE_URL"]]
    assert POISON in json.loads(body)["key"].values()
    assert [each.levelname for each in caplog.records if each.levelname == "ERROR"] == ["ERROR"]


@pytest.mark.parametrize(
    "value",
    [
        "99999999999999999999",
        "-9223372036854775809",
        "1E+99999",
        '"\\u0000"',
        '"\\uFFFF"',
        '"\uffff"',
        "[" * 60 + "]" * 60,
    ],
)
def test_webhook_with_a_value_that_the_bus_or_a_queue_refuses_is_published(publisher: Publisher, value: str) -> None:
    """Only the value is replaced, and the consumer reads the event."""
    publisher([unkept(f'{{"shares": {value}, "more": 1}}'), *others(1)])

    assert publisher.bus.event_ids == ["w1", "TRX_000.3"]
    assert publisher.queue.bodies == []
    body = envelope(publisher.bus.entries[0])
    publisher.queue.send_message(QueueUrl="a consumer's", MessageBody=body)
    assert parse_message({"body": body}).detail["body"]["more"] == 1


RANDOM = base64.b64encode(os.urandom(2_000_000)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "\uffff",
        "\ufffe",
        "\ud800",
        "\x00",
        "\x1f\x0b",
        "\x7f\x85",
        "\U0001f600",
        "x" * 2_000_000,
        "\x00" * 400_000,
        "₹\uffff\ud800\x00" * 500_000,
    ],
    ids=["uffff", "ufffe", "surrogate", "nul", "controls", "c1", "emoji", "2MB", "400K-nul", "2MB-of-all"],
)
@pytest.mark.parametrize("place", ["sdkError", "notes"])
def test_any_record_that_cannot_be_read_is_set_aside_whole(publisher: Publisher, text: str, place: str) -> None:
    unreadable = record(POISON)
    unreadable["dynamodb"]["NewImage"] |= {"snapshot": {"B": "bm90IGEgc25hcHNob3Q="}, place: {"S": text}}

    publisher([unreadable, *others(2)])

    assert publisher.bus.event_ids == ["TRX_000.3", "TRX_001.3"]
    [message] = map(content, publisher.queue.bodies)
    assert message["record"] == unreadable
    assert (message["key"], message["errorCode"]) == ({"transactionId": POISON}, "ValueError")


@pytest.mark.parametrize("values", [{"B": RANDOM}, {"S": RANDOM}], ids=["binary", "text"])
def test_a_record_too_large_to_keep_is_set_aside_by_its_key(publisher: Publisher, values: dict[str, str]) -> None:
    unreadable = record(POISON)
    unreadable["dynamodb"]["NewImage"]["snapshot"] = values

    publisher([unreadable, *others(2)])

    [message] = map(content, publisher.queue.bodies)
    assert "record" not in message
    assert (message["key"], message["readAt"]) == ({"transactionId": POISON}, f"/transactions/{POISON}")
    assert len(publisher.bus.event_ids) == 2


def deep() -> Any:
    value: Any = {"S": "x"}
    for _ in range(5000):
        value = {"M": {"a": value}}
    return value


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"dynamodb": None},
        {"dynamodb": {"Keys": [], "NewImage": {}}},
        {"dynamodb": {"Keys": {"transactionId": {"S": "\ud800" * 100_000}}, "NewImage": {}}},
        {"dynamodb": {"Keys": {"transactionId": None}, "NewImage": {"a": {"B": b"\xff\x00"}}}},
        {"dynamodb": {"NewImage": {"a": deep()}}},
    ],
    ids=["empty", "null", "no-keys", "long-key", "bytes", "deep"],
)
def test_a_record_of_any_shape_is_set_aside(publisher: Publisher, strange: dict[str, Any]) -> None:
    publisher([strange, *others(1)])

    assert publisher.bus.event_ids == ["TRX_000.3"]
    assert len(publisher.queue.bodies) == 1


class DeadLetters:
    """A stage whose publish dead-letter queue holds `bodies`, and whose bus is `bus`."""

    outputs = {  # noqa: RUF012  # never changed
        "PublishDeadLetterQueueUrl": "dead",
        "EventBusName": "bus",
        "FinalReportsQueueUrl": "final reports queue",
        "PullQueueUrl": "pull queue",
        "TransactionsTable": "transactions",
        "WebhooksTable": "webhooks",
    }

    def __init__(self, bodies: list[str], bus: StrictBus, items: dict[str, Any]) -> None:
        self.bodies = dict(enumerate(bodies))
        self.waiting = list(self.bodies)
        self.events, self.sqs, self.dynamodb = bus, self, self
        self.items = items
        self.sent: list[tuple[str, str]] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        self.sent.append((QueueUrl, MessageBody))

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        found, self.waiting = self.waiting, []
        return {"Messages": [{"MessageId": str(n), "ReceiptHandle": str(n), "Body": self.bodies[n]} for n in found]}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        del self.bodies[int(ReceiptHandle)]

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:
        item = self.items.get(f"{TableName}/{next(iter(Key.values()))['S']}")
        return {} if item is None else {"Item": item}


def redriven(publisher: Publisher, bus: StrictBus, items: dict[str, Any] | None = None) -> tuple[int, int, int]:
    """The outcome of the set-aside messages: processed, failed, left in the queue."""
    stage: Any = DeadLetters(publisher.queue.bodies, bus, items or {})
    result = redrive(stage)["PublishDeadLetterQueueUrl"]
    return result.handed_on, result.failed, len(stage.bodies)


def test_redriving_publishes_what_was_refused_once_the_bus_takes_it(publisher: Publisher) -> None:
    publisher.bus.refuses = code_of({POISON: "MalformedDetail"})
    publisher([record(POISON, 5), *others(2)])
    bus = StrictBus()

    assert redriven(publisher, bus) == (1, 0, 0)
    assert bus.event_ids == [f"{POISON}.5"]


def test_redriving_publishes_only_the_refused_one_of_a_record_s_events(publisher: Publisher) -> None:
    linking = record(POISON)
    linking["dynamodb"]["NewImage"]["account"] = {"S": "linked"}
    publisher.bus.refuses = lambda detail: "MalformedDetail" if ".linked." in detail["eventId"] else None
    publisher([linking])
    bus = StrictBus()

    assert publisher.bus.event_ids == [f"{POISON}.3"]
    assert redriven(publisher, bus) == (1, 0, 0)
    assert [each.rpartition(".")[0] for each in bus.event_ids] == [f"{POISON}.linked"]


def test_what_the_bus_refuses_still_stays_in_the_queue(publisher: Publisher) -> None:
    publisher.bus.refuses = code_of({POISON: "MalformedDetail"})
    publisher([record(POISON)])

    assert redriven(publisher, publisher.bus) == (0, 1, 1)


def test_redriving_a_record_too_large_to_keep_publishes_where_its_item_stands(publisher: Publisher) -> None:
    unreadable = record(POISON)
    unreadable["dynamodb"]["NewImage"]["snapshot"] = {"B": RANDOM}
    publisher([unreadable])
    image = record(POISON, 7)["dynamodb"]["NewImage"]
    item = {name: {"B": base64.b64decode(each["B"])} if "B" in each else each for name, each in image.items()}
    bus = StrictBus()

    assert redriven(publisher, bus, {f"transactions/{POISON}": item}) == (1, 0, 0)
    assert bus.event_ids == [f"{POISON}.7"]
    assert redriven(publisher, StrictBus()) == (0, 1, 1)


@pytest.mark.parametrize(("final", "queue"), [(True, "final reports queue"), (False, "pull queue")])
def test_redriving_requests_the_pull_at_the_queue_that_it_belongs_to(
    publisher: Publisher, final: bool, queue: str
) -> None:
    image = record("TRX_old")["dynamodb"]["NewImage"]
    image |= {"pullRequestedAt": {"S": "2026-01-15T05:00:00.000Z"}, "confirmation": {"S": "reported"}}
    image["status"] = {"S": "COMPLETED" if final else "PLACED"}
    stage: Any = DeadLetters(
        [json.dumps({"record": {**record("TRX_old"), "dynamodb": {"NewImage": image}}})], StrictBus(), {}
    )
    redrive(stage)
    assert [url for url, _ in stage.sent] == [queue]


def test_redriving_an_unreadable_record_publishes_it_with_the_code_of_today(publisher: Publisher) -> None:
    publisher.queue.bodies = [json.dumps({"record": record("TRX_old")})]
    bus = StrictBus()

    assert redriven(publisher, bus) == (1, 0, 0)
    assert bus.event_ids == ["TRX_old.3"]
