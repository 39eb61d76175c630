"""Lambda's mapping of a DynamoDB stream to a function, and what it does with records that it gives up on.

After the developer guide (*Process DynamoDB records with Lambda*, *Retain discarded records for a DynamoDB event
source*): a failed record batch comes again, in halves, until its records are older than the maximum age; these go to
the bucket, whole, and the shard goes on. What the local engine writes for such records has no `payload`.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, Final

Record = Mapping[str, Any]

MAPPING: Final = "14e0db71-5d35-4eb5-b481-8945cf9d10c2"
FUNCTION: Final = "arn:aws:lambda:us-east-2:123456789012:function:publish_updates:live"
STREAM: Final = "arn:aws:dynamodb:us-east-2:123456789012:table/transactions/stream/2019-11-14T00:04:06.388"
_PAGE: Final = 2


@dataclass
class Bucket:
    """A bucket as S3 lists it: by the bytes of the keys, page by page."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def get_paginator(self, operation: str) -> "Bucket":
        """The paginator of ListObjectsV2."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        """ListObjectsV2. An object that is deleted meanwhile does not shift those behind it."""
        after = ""
        while True:
            rest = sorted(key for key in self.objects if key.startswith(Prefix) and key.encode() > after.encode())
            if not rest:
                yield {"KeyCount": 0}
                return
            page = rest[:_PAGE]
            yield {"KeyCount": len(page), "Contents": [{"Key": key} for key in page]}
            after = page[-1]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """GetObject."""
        return {"Body": BytesIO(self.objects[Key])}

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """DeleteObject; of a key without an object it succeeds as well."""
        self.objects.pop(Key, None)
        return {}


@dataclass
class StreamMapping:
    """The event source mapping of one shard, at `now`; it waits `wait` before a failed record batch comes again."""

    handler: Callable[[dict[str, Any], None], Any]
    bucket: Bucket
    now: datetime
    maximum_age: timedelta
    shard: str = "shardId-00000001573689847184-864758bb"
    wait: timedelta = timedelta(minutes=10)

    def run(self, records: Sequence[Record]) -> None:
        """Pass the records on, one record batch after the other, until none is left."""
        size = 100
        while records:
            expired = [each for each in records if self.now - created_at(each) > self.maximum_age]
            if expired:
                self._discard(expired[:size])
                records = records[len(expired[:size]) :]
                continue
            batch = [each for each in records if created_at(each) <= self.now][:size]
            if not batch:
                self.now += self.wait
                continue
            try:
                self.handler({"Records": json.loads(json.dumps(batch))}, None)
            except Exception:
                size = max(1, len(batch) // 2)
                self.now += self.wait
            else:
                size, records = 100, records[len(batch) :]

    def _discard(self, records: Sequence[Record]) -> None:
        name = f"aws/lambda/{MAPPING}/{self.shard}/{self.now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        self.bucket.objects[name] = json.dumps(discarded(records, self.shard, self.now)).encode()


def discarded(records: Sequence[Record], shard: str, now: datetime) -> dict[str, Any]:
    """The content of the object for record batches that are too old, as AWS writes it."""
    first, last = (records[n]["dynamodb"]["SequenceNumber"] for n in (0, -1))
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": FUNCTION,
            "condition": "RecordAgeExceeded",
            "approximateInvokeCount": 1,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.021Z",
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": first,
            "endSequenceNumber": last,
            "approximateArrivalOfFirstRecord": f"{created_at(records[0]):%Y-%m-%dT%H:%M:%SZ}",
            "approximateArrivalOfLastRecord": f"{created_at(records[-1]):%Y-%m-%dT%H:%M:%SZ}",
            "batchSize": len(records),
            "streamArn": STREAM,
        },
        "payload": {"Records": list(records)},
    }


def created_at(record: Record) -> datetime:
    """Return the time of the change that the record is about."""
    return datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC)
