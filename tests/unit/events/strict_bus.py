"""EventBridge and SQS in memory as their documentation has them, above all in what they refuse.

PutEvents: one to ten entries, less than 256 KB together (the documented limit until it became 1 MB; Regions differ),
source, detail-type and detail required, a detail-type of at most 128 characters, a detail that is a JSON object with
whole numbers of 64 bits. SendMessage: 1 to 262,144 bytes of the characters that XML 1.0 allows.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

_MOST_BYTES: Final = 256 * 1024
_BUS: Final = re.compile(r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus/)?[.\-_A-Za-z0-9]{1,256}")
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REQUIRED: Final = ("Source", "DetailType", "Detail")
_TRANSIENT: Final = ("ThrottlingException", "InternalFailure")

Entry = Mapping[str, Any]


def refused_call(operation: str, code: str, message: str = "", status: int = 400) -> ClientError:
    """The error of a call that is refused as a whole."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@dataclass
class StrictBus:
    """EventBridge. `refuses` and `refuses_call` make it refuse more than its documentation says, by an entry's detail.

    `refuses(detail)` is an entry's error code, and `refuses_call(detail)` one for the whole call that it is in.
    """

    refuses: Callable[[dict[str, Any]], str | None] = lambda detail: None
    refuses_call: Callable[[dict[str, Any]], str | None] = lambda detail: None
    calls: list[list[str]] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)

    def put_events(self, *, Entries: Sequence[Entry]) -> dict[str, Any]:
        """PutEvents."""
        self.calls.append([entry.get("Detail", "") for entry in Entries])
        if not 1 <= len(Entries) <= 10:
            raise refused_call("PutEvents", "ValidationException", "1 to 10 entries")
        if sum(map(_size, Entries)) >= _MOST_BYTES:
            raise refused_call("PutEvents", "ValidationException", "Total size of the entries is over the limit")
        if not any(all(entry.get(name) for name in _REQUIRED) for entry in Entries):
            raise refused_call("PutEvents", "ValidationException", "no entry is complete")
        for entry in Entries:
            if not _BUS.fullmatch(entry.get("EventBusName", "default")):
                raise refused_call("PutEvents", "ValidationException", "EventBusName")
            code = self.refuses_call(_object(entry) or {})
            if code is not None:
                raise refused_call("PutEvents", code, status=500 if code in _TRANSIENT[1:] else 400)
        results = [self._put(entry) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}

    @property
    def event_ids(self) -> list[str]:
        """The ids of the events that the bus accepted, in order."""
        return [detail["eventId"] for detail in self.accepted]

    def _put(self, entry: Entry) -> dict[str, str]:
        for name in _REQUIRED:
            if not entry.get(name):
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter {name} is not valid."}
        if len(entry["DetailType"]) > 128:
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": "Parameter DetailType is not valid."}
        detail = _object(entry)
        if detail is None:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        code = self.refuses(detail)
        if code is not None:
            return {"ErrorCode": code, "ErrorMessage": "refused"}
        self.accepted.append(detail)
        return {"EventId": f"e{len(self.accepted)}"}


@dataclass
class StrictQueue:
    """SQS queues: `bodies` are the single messages, `batched` those that came in batches.

    `error` is what it refuses every single message with.
    """

    error: ClientError | None = None
    bodies: list[str] = field(default_factory=list)
    batched: list[str] = field(default_factory=list)

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:
        """SendMessage."""
        if self.error is not None:
            raise self.error
        if _FORBIDDEN.search(MessageBody):
            raise refused_call("SendMessage", "InvalidMessageContents", "characters outside the allowed set")
        if not 1 <= len(MessageBody.encode()) <= _MOST_BYTES:
            raise refused_call("SendMessage", "InvalidParameterValue", "Message must be shorter than 262144 bytes.")
        self.bodies.append(MessageBody)
        return {"MessageId": f"m{len(self.bodies)}"}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        """SendMessageBatch."""
        if not 1 <= len(Entries) <= 10:
            raise refused_call("SendMessageBatch", "TooManyEntriesInBatchRequest", "1 to 10 entries")
        if len({entry["Id"] for entry in Entries}) < len(Entries):
            raise refused_call("SendMessageBatch", "BatchEntryIdsNotDistinct", "ids are not distinct")
        if any(_FORBIDDEN.search(entry["MessageBody"]) for entry in Entries):
            raise refused_call("SendMessageBatch", "InvalidMessageContents", "characters outside the allowed set")
        self.batched += [entry["MessageBody"] for entry in Entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": []}


def _size(entry: Entry) -> int:
    return sum(len(entry.get(name, "").encode()) for name in _REQUIRED) + (14 if "Time" in entry else 0)


def _object(entry: Entry) -> dict[str, Any] | None:
    try:
        detail = json.loads(entry.get("Detail", ""), parse_int=_whole, parse_constant=_constant)
        json.dumps(detail, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return detail if isinstance(detail, dict) else None


def _whole(digits: str) -> int:
    if not -(2**63) <= int(digits) < 2**63:
        raise ValueError("a number out of range")
    return int(digits)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
