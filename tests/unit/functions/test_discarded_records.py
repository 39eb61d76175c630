"""Record batches that Lambda gives up on after 23 hours are stored whole, and `make redrive` publishes them."""

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from aws_lambda_powertools.utilities.parser.models import DynamoDBStreamLambdaOnFailureDestinationModel

from operations.discarded_records import NotDiscarded, records_in
from operations.redrive import Result, redrive
from tests.simulation.messaging import resources
from tests.stream_mapping import Bucket, StreamMapping, discarded
from tests.strict_messaging import StrictBus, StrictQueue
from tests.unit.functions.harness import Rig
from tests.unit.operations.stage import FakeStage

ROOT = Path(__file__).parents[3]
SAMPLE = json.loads((ROOT / "events" / "publish_updates.json").read_text())["Records"][0]
START: Final = datetime(2026, 1, 15, 4, tzinfo=UTC)
DEAD = "dead of Publish"
# As the developer guide prints it, without the payload, which it has as "<Whole Event>".
DOCUMENTED: Final[dict[str, Any]] = {
    "requestContext": {
        "requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
        "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:myfunction",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 1,
    },
    "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    "version": "1.0",
    "timestamp": "2019-11-14T00:13:49.717Z",
    "DDBStreamBatchInfo": {
        "shardId": "shardId-00000001573689847184-864758bb",
        "startSequenceNumber": "800000000003126276362",
        "endSequenceNumber": "800000000003126276362",
        "approximateArrivalOfFirstRecord": "2019-11-14T00:13:19Z",
        "approximateArrivalOfLastRecord": "2019-11-14T00:13:19Z",
        "batchSize": 1,
        "streamArn": "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388",
    },
}
KEY: Final = "aws/lambda/14e0db71-5d35-4eb5-b481-8945cf9d10c2/{shard}/2026/01/16/2026-01-16T03.00.{second:02}-{uuid}"
FIRST, SECOND = "11111111-89ab-cdef-0123-456789abcdef", "22222222-89ab-cdef-0123-456789abcdef"


def update(number: int, at: datetime = START) -> dict[str, Any]:
    """The record of a transaction's update, with an event whose id is `T<number>.3`."""
    found: dict[str, Any] = deepcopy(SAMPLE)
    for image in ("OldImage", "NewImage", "Keys"):
        found["dynamodb"][image]["transactionId"] = {"S": f"T{number:03}"}
    return _placed(found, number, at)


def webhook(number: int, at: datetime = START) -> dict[str, Any]:
    """The record of a stored webhook, with an event whose id is `w<number>`."""
    image = {
        "webhookId": {"S": f"w{number:03}"},
        "receivedAt": {"S": "2026-01-15T04:35:00.000Z"},
        "kind": {"S": "HOLDINGS_IMPORT"},
        "body": {"B": base64.b64encode(zlib.compress(b'{"type": "x"}')).decode()},
    }
    return _placed({"eventName": "INSERT", "dynamodb": {"NewImage": image}}, number, at)


def _placed(record: dict[str, Any], number: int, at: datetime) -> dict[str, Any]:
    record["dynamodb"] |= {
        "SequenceNumber": str(800000000003126276362 + number),
        "ApproximateCreationDateTime": at.timestamp(),
    }
    return record


def maximum_age(stream: str) -> timedelta:
    """Return the age of a record before Lambda gives up on it, as the template has it."""
    properties = resources()["PublishUpdates"]["Properties"]["Events"][stream]["Properties"]
    return timedelta(seconds=properties["MaximumRecordAgeInSeconds"])


class Outage:
    """A bus that permits nothing to the publisher until `until`, by the mapping's clock."""

    def __init__(self, rig: Rig, stream: str, until: datetime) -> None:
        self.bus, self.bucket, self.until = StrictBus(), Bucket(), until
        self.bus.refuses_call = lambda detail: "AccessDeniedException" if self.mapping.now < self.until else None
        rig.clients.events, rig.clients.sqs = self.bus, StrictQueue()
        self.mapping = StreamMapping(rig.handler("publish_updates"), self.bucket, START, maximum_age(stream))


def stage_with(*contents: bytes, bus: StrictBus | None = None) -> Any:
    """A stage whose bucket has these objects, of seconds that follow one another."""
    names = [KEY.format(shard="shardId-1-a", second=n, uuid=FIRST) for n in range(len(contents))]
    return FakeStage(s3=Bucket(dict(zip(names, contents, strict=True))), events=bus or StrictBus())


def content(*records: dict[str, Any], **other: Any) -> bytes:
    """An object in the documented form."""
    return json.dumps({**DOCUMENTED, "payload": {"Records": records}, **other}).encode()


@pytest.mark.parametrize(
    ("stream", "record", "event_id"),
    [("TransactionsStream", update, "T{:03}.3"), ("WebhooksStream", webhook, "w{:03}")],
)
def test_what_an_outage_of_a_day_kept_back_is_published_in_the_end(
    rig: Rig, stream: str, record: Callable[[int, datetime], dict[str, Any]], event_id: str
) -> None:
    """A record every half minute for two hours, and a bus that is back after a day: then some are too old."""
    records = [record(n, START + n * timedelta(seconds=30)) for n in range(240)]
    outage = Outage(rig, stream, until=START + timedelta(hours=24))

    outage.mapping.run(records)

    stored = sum(len(records_in(each)) for each in outage.bucket.objects.values())
    assert 100 < stored < 140
    assert outage.bus.event_ids == [event_id.format(n) for n in range(stored, 240)]
    objects = len(outage.bucket.objects)
    stage: Any = FakeStage(s3=outage.bucket, events=StrictBus())
    assert redrive(stage)["DiscardedRecordsBucket"] == Result(handed_on=objects)
    assert stage.events.event_ids == [event_id.format(n) for n in range(stored)]
    assert outage.bucket.objects == {}


def test_an_outage_of_22_hours_discards_nothing(rig: Rig) -> None:
    records = [update(n, START + n * timedelta(seconds=30)) for n in range(240)]
    outage = Outage(rig, "TransactionsStream", until=START + timedelta(hours=22))

    outage.mapping.run(records)

    assert outage.bucket.objects == {}
    assert outage.bus.event_ids == [f"T{n:03}.3" for n in range(240)]


def test_records_are_stored_before_the_stream_deletes_them() -> None:
    """It keeps them for 24 hours; Lambda needs time to store what waited."""
    for stream in ("TransactionsStream", "WebhooksStream"):
        assert timedelta(hours=22) < maximum_age(stream) <= timedelta(hours=23)


@pytest.mark.parametrize("made", [DOCUMENTED, discarded([update(1)], "shardId-1-a", START)], ids=["guide", "mapping"])
def test_objects_have_the_form_that_others_read(made: dict[str, Any]) -> None:
    """By the model that Powertools has of such a record."""
    DynamoDBStreamLambdaOnFailureDestinationModel.model_validate(made)
    assert DOCUMENTED.keys() | DOCUMENTED["requestContext"].keys() <= made.keys() | made["requestContext"].keys()


@pytest.mark.parametrize("as_text", [False, True], ids=["recorded on AWS", "printed in the guide"])
def test_documented_object_is_published_by_the_publisher(as_text: bool) -> None:
    payload: Any = {"Records": [update(1), webhook(2)]}
    stage = stage_with(content(payload=json.dumps(payload) if as_text else payload))

    assert redrive(stage)["DiscardedRecordsBucket"] == Result(handed_on=1)

    assert stage.events.event_ids == ["T001.3", "w002"]
    assert stage.s3.objects == {}


def test_record_that_was_never_given_to_the_function_is_published() -> None:
    """Too old before its first invocation: then there is no `responseContext`."""
    whole = json.loads(content(update(1)))
    del whole["responseContext"]
    whole["requestContext"]["condition"] = "RecordAgeExceeded"
    stage = stage_with(json.dumps(whole).encode())

    assert redrive(stage)["DiscardedRecordsBucket"] == Result(handed_on=1)
    assert stage.events.event_ids == ["T001.3"]


def test_pull_that_a_discarded_record_requests_is_requested() -> None:
    requesting = update(1)
    requesting["dynamodb"]["NewImage"]["pullRequestedAt"] = {"S": "2026-01-15T04:30:12.420Z"}
    stage = stage_with(content(requesting))

    redrive(stage)

    (request,) = map(json.loads, stage.sqs.bodies["queue of FinalReports"])
    assert (request["transactionId"], request["final"]) == ("T001", True)


def by_shard(entries: Sequence[tuple[str, int, str, int]]) -> Any:
    """A stage with an object for each shard, second, UUID and number of its record."""
    objects: dict[str, bytes] = {}
    for shard, second, uuid, number in entries:
        objects[KEY.format(shard=shard, second=second, uuid=uuid)] = json.dumps(
            discarded([update(number)], shard, START)
        ).encode()
    return FakeStage(s3=Bucket(objects))


def test_records_of_one_shard_are_published_in_their_order() -> None:
    """Objects of one second differ in a random UUID only."""
    stage = by_shard([("a", 0, SECOND, 1), ("a", 0, FIRST, 2), ("a", 1, FIRST, 3), ("b", 0, FIRST, 0)])

    assert redrive(stage)["DiscardedRecordsBucket"] == Result(handed_on=4)

    assert stage.events.event_ids == ["T001.3", "T002.3", "T003.3", "T000.3"]


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"\xff",
        b"[]",
        json.dumps(DOCUMENTED).encode(),
        content(),
        content(payload="<Whole Event>"),
        content(payload={"Records": [{"kinesis": {}}]}),
        content(payload=[update(1)]),
    ],
    ids=["empty", "bytes", "list", "no payload", "no records", "text", "another stream", "no event"],
)
def test_other_content_stays_and_the_others_are_published(other: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    stage = stage_with(other, content(update(1)))

    assert redrive(stage)["DiscardedRecordsBucket"] == Result(handed_on=1, failed=1)

    assert list(stage.s3.objects.values()) == [other]
    assert stage.events.event_ids == ["T001.3"]
    assert "stays" in capsys.readouterr().err
    with pytest.raises((NotDiscarded, ValueError)):
        records_in(other)


def test_what_the_bus_does_not_take_yet_stays_in_the_bucket() -> None:
    bus = StrictBus()
    bus.refuses_call = lambda detail: "AccessDeniedException"
    stage = stage_with(content(update(1)), bus=bus)

    assert redrive(stage)["DiscardedRecordsBucket"] == Result(failed=1)
    assert len(stage.s3.objects) == 1


def test_poison_in_the_bucket_is_set_aside_and_the_others_are_published() -> None:
    """In the queue, where it waits as it does when the publisher itself sets it aside."""
    poison = update(2)
    poison["dynamodb"]["NewImage"]["snapshot"] = {"B": "bm90IGEgc25hcHNob3Q="}
    stage = stage_with(content(update(1), poison, update(3)))

    found = redrive(stage)

    assert found["DiscardedRecordsBucket"] == Result(handed_on=1)
    assert found["PublishDeadLetterQueueUrl"] == Result(failed=1)
    assert stage.events.event_ids == ["T001.3", "T003.3"]
    [left] = stage.sqs.left(DEAD)
    assert json.loads(left)["key"] == {"transactionId": "T002"}
