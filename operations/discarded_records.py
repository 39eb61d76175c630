"""The record batches that Lambda discarded: objects in the bucket of discarded records (docs/guides/operator.md).

An object's key is `aws/lambda/<event source mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random UUID>`. Its content
is JSON about the invocation, with the function's event as `payload` (AWS Lambda developer guide, *Retain discarded
records for a DynamoDB event source*).
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from operations.stage import Stage
from securities_transactions.services.publish_updates import Published, PublishUpdates, Record
from securities_transactions.services.pull_queue import PullQueue, PullQueues

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PREFIX: Final = "aws/lambda/"
_UUID: Final = len("-01234567-89ab-cdef-0123-456789abcdef")


class NotDiscarded(ValueError):
    """An object that is not a record batch in Lambda's form."""


def publish(stage: Stage, content: bytes) -> Published:
    """Publish the records in an object as `publish_updates` does: in order, with their original ids.

    Raises `NotDiscarded` for other content, and the errors of `PublishUpdates.publish`.
    """
    outputs = stage.outputs
    updates = PublishUpdates(
        events=stage.events,
        sqs=stage.sqs,
        bus=outputs["EventBusName"],
        dead_letter_queue_url=outputs["PublishDeadLetterQueueUrl"],
        pull_queues=PullQueues(
            PullQueue(stage.sqs, outputs["FinalReportsQueueUrl"]), PullQueue(stage.sqs, outputs["PullQueueUrl"])
        ),
        pause=lambda attempt: time.sleep(0.2 * 2**attempt),
        clock=lambda: datetime.now(UTC),
    )
    return updates.publish(records_in(content))


def records_in(content: bytes) -> Sequence[Record]:
    """The stream records in an object. Raises `NotDiscarded`."""
    payload = _document(content).get("payload")
    # The developer guide shows it as text, but AWS writes an object.
    event = json.loads(payload) if isinstance(payload, str) else payload
    match event:
        case {"Records": [*records]} if records and all("dynamodb" in each for each in records):
            return records
    raise NotDiscarded("no payload with records of a stream")


def keys(s3: "S3Client", bucket: str) -> Iterator[str]:
    """The keys of all objects, those of a shard in the order of its records."""
    listed = (
        each["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_PREFIX)
        for each in page.get("Contents", [])
    )
    for _, group in groupby(listed, key=lambda key: key[:-_UUID]):
        # All of one second. S3 lists by key, so by mapping, shard and second, and then by the random UUID.
        of_second = list(group)
        if len(of_second) > 1:
            of_second.sort(key=lambda key: _first(read(s3, bucket, key)))
        yield from of_second


def read(s3: "S3Client", bucket: str, key: str) -> bytes:
    """The content of an object."""
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def _first(content: bytes) -> int:
    """The sequence number of an object's first record, or 0 for other content, which fails by itself."""
    try:
        return int(_document(content)["DDBStreamBatchInfo"]["startSequenceNumber"])
    except (KeyError, TypeError, ValueError):
        return 0


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise NotDiscarded("not JSON") from error
    if not isinstance(document, dict):
        raise NotDiscarded("not an object of JSON")
    return document
