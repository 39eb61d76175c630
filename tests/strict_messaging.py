"""EventBridge and SQS in memory as documented, above all in what they reject.

PutEvents (API reference, user guide "Amazon EventBridge quotas"): one to ten entries, less than 256 KB together (the
limit until it became 1 MB; Regions differ), source, detail-type and detail required, a detail-type of at most 128
characters, a detail that is a JSON object with whole numbers of 64 bits, nested 1,000 deep at most.

SendMessage and SendMessageBatch (API reference): one to ten entries with distinct ids of letters, digits, "-" and "_",
each message and all of them together 1 to 262,144 bytes (the limit until it became 1 MiB), and only the characters that
XML 1.0 allows. A bus whose rule has a queue as its target delivers accepted events to it, so their characters are
checked at the bus.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

_MOST_BYTES: Final = 256 * 1024
_DEEPEST: Final = 1000
_BUS: Final = re.compile(r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus/)?[.\-_A-Za-z0-9]{1,256}")
_MESSAGE_ID: Final = re.compile("[A-Za-z0-9_-]{1,80}")
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REQUIRED: Final = ("Source", "DetailType", "Detail")
_TRANSIENT: Final = ("ThrottlingException", "InternalFailure")

Entry = Mapping[str, Any]


def refused_call(operation: str, code: str, message: str = "", status: int = 400) -> ClientError:
    """The error of a call that is refused as a whole."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


def check_put_events(entries: Sequence[Entry]) -> None:
    """Raise the error that EventBridge refuses a whole PutEvents call with, if it does."""
    if not 1 <= len(entries) <= 10:
        raise refused_call("PutEvents", "ValidationException", "1 to 10 entries")
    if sum(map(_size, entries)) >= _MOST_BYTES:
        raise refused_call("PutEvents", "ValidationException", "Total size of the entries is over the limit")
    if not any(all(entry.get(name) for name in _REQUIRED) for entry in entries):
        raise refused_call("PutEvents", "ValidationException", "no entry is complete")
    for entry in entries:
        if not _BUS.fullmatch(entry.get("EventBusName", "default")):
            raise refused_call("PutEvents", "ValidationException", "EventBusName")


def entry_error(entry: Entry) -> dict[str, str] | None:
    """The result of an entry that EventBridge refuses for what it is; `None` for one that it accepts."""
    for name in _REQUIRED:
        if not entry.get(name):
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter {name} is not valid."}
    if len(entry["DetailType"]) > 128:
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": "Parameter DetailType is not valid."}
    if detail_of(entry) is None or _FORBIDDEN.search(entry["Detail"]):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def detail_of(entry: Entry) -> dict[str, Any] | None:
    """The detail of an entry as a strict reader of JSON has it; `None` where it is no object that it can read."""
    try:
        detail = json.loads(entry.get("Detail", ""), parse_int=_whole, parse_constant=_constant)
        json.dumps(detail, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return detail if isinstance(detail, dict) and _depth(detail) <= _DEEPEST else None


def check_message(operation: str, body: str) -> None:
    """Raise the error that SQS refuses a message with, if it does."""
    if _FORBIDDEN.search(body):
        raise refused_call(operation, "InvalidMessageContents", "characters outside the allowed set")
    if not 1 <= len(body.encode()) <= _MOST_BYTES:
        raise refused_call(operation, "InvalidParameterValue", "Message must be shorter than 262144 bytes.")


def check_message_batch(entries: Sequence[Entry]) -> None:
    """Raise the error that SQS refuses a whole SendMessageBatch call with, if it does."""
    operation = "SendMessageBatch"
    if not entries:
        raise refused_call(operation, "EmptyBatchRequest", "no entries")
    if len(entries) > 10:
        raise refused_call(operation, "TooManyEntriesInBatchRequest", "1 to 10 entries")
    if not all(_MESSAGE_ID.fullmatch(entry["Id"]) for entry in entries):
        raise refused_call(operation, "InvalidBatchEntryId", "letters, digits, hyphens and underscores")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise refused_call(operation, "BatchEntryIdsNotDistinct", "ids are not distinct")
    for entry in entries:
        check_message(operation, entry["MessageBody"])
        if not 0 <= entry.get("DelaySeconds", 0) <= 900 or not isinstance(entry.get("DelaySeconds", 0), int):
            raise refused_call(operation, "InvalidParameterValue", "DelaySeconds is a whole number from 0 to 900")
    if sum(len(entry["MessageBody"].encode()) for entry in entries) > _MOST_BYTES:
        raise refused_call(operation, "BatchRequestTooLong", "the messages together are over the limit")


@dataclass
class StrictBus:
    """EventBridge. `refuses` and `refuses_call` make it refuse more than its documentation says, by an entry's detail.

    `refuses(detail)` is an entry's error code, and `refuses_call(detail)` one for the whole call that it is in.
    """

    refuses: Callable[[dict[str, Any]], str | None] = lambda detail: None
    refuses_call: Callable[[dict[str, Any]], str | None] = lambda detail: None
    calls: list[list[str]] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def put_events(self, *, Entries: Sequence[Entry]) -> dict[str, Any]:
        """PutEvents."""
        self.calls.append([entry.get("Detail", "") for entry in Entries])
        check_put_events(Entries)
        for entry in Entries:
            code = self.refuses_call(detail_of(entry) or {})
            if code is not None:
                raise refused_call("PutEvents", code, status=500 if code in _TRANSIENT[1:] else 400)
        results = [self._put(entry) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}

    @property
    def event_ids(self) -> list[str]:
        """The ids of the events that the bus accepted, in order."""
        return [detail["eventId"] for detail in self.accepted]

    def _put(self, entry: Entry) -> dict[str, str]:
        error = entry_error(entry)
        if error is not None:
            return error
        detail = detail_of(entry) or {}
        code = self.refuses(detail)
        if code is not None:
            return {"ErrorCode": code, "ErrorMessage": "refused"}
        self.accepted.append(detail)
        self.entries.append(entry)
        return {"EventId": f"e{len(self.accepted)}"}


@dataclass
class StrictQueue:
    """SQS queues: `bodies` are the single messages, `batched` those that came in batches, `by_url` all of a queue, and
    `delays` the seconds that each of these is delayed.

    `error` is what it refuses every single message with, and `waiting` how many messages it says to have.
    """

    error: ClientError | None = None
    bodies: list[str] = field(default_factory=list)
    batched: list[str] = field(default_factory=list)
    by_url: dict[str, list[str]] = field(default_factory=dict)
    delays: dict[str, list[int]] = field(default_factory=dict)
    waiting: int = 0

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:
        """SendMessage."""
        if self.error is not None:
            raise self.error
        check_message("SendMessage", MessageBody)
        self.bodies.append(MessageBody)
        self.by_url.setdefault(QueueUrl, []).append(MessageBody)
        self.delays.setdefault(QueueUrl, []).append(0)
        return {"MessageId": f"m{len(self.bodies)}"}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, Any]:
        """GetQueueAttributes: as text."""
        return {"Attributes": {name: str(self.waiting) for name in AttributeNames}}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Entry]) -> dict[str, Any]:
        """SendMessageBatch."""
        check_message_batch(Entries)
        bodies = [entry["MessageBody"] for entry in Entries]
        self.batched += bodies
        self.delays.setdefault(QueueUrl, []).extend(entry.get("DelaySeconds", 0) for entry in Entries)
        self.by_url.setdefault(QueueUrl, []).extend(bodies)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": []}


def _size(entry: Entry) -> int:
    return sum(len(entry.get(name, "").encode()) for name in _REQUIRED) + (14 if "Time" in entry else 0)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth, level = depth + 1, [child for each in level for child in _children(each)]
    return depth


def _children(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value


def _whole(digits: str) -> int:
    if not -(2**63) <= int(digits) < 2**63:
        raise ValueError("a number out of range")
    return int(digits)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
