"""Putting events on the bus, so that none is lost between the answer's "200" and what it hides.

PutEvents succeeds with failed entries in its answer: each is put again, a bounded number of times, and what still
fails is raised, so that the stream delivers the records once more. Consumers drop repeats by event id.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from sst.events import SOURCE, OrdersEvent, OrdersUnknown, Published, TransactionCreated, WebhookReceived
from sst.exact import OURS, dumps, loads

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient

# EventBridge takes ten entries and 256 KB a call; an entry counts its source, detail-type and detail.
_MOST_ENTRIES: Final = 10
_MOST_BYTES: Final = 250_000
_ATTEMPTS: Final = 4

Entry = dict[str, Any]


class PublishError(Exception):
    """Events that the bus did not take after all attempts, or never would."""


def entry(event: Published, bus: str) -> Entry:
    """The PutEvents entry for `event`; one that is too large for the bus leaves out what can be read elsewhere.

    Raises `PublishError` where even the rest is too large.
    """
    detail = _detail(event)
    if len(detail.encode()) > _MOST_BYTES:
        detail = _detail(_claim_check(event))
    if len(detail.encode()) > _MOST_BYTES:
        raise PublishError(f"{event.eventId} is too large for the bus")
    return {"Source": SOURCE, "DetailType": event.detail_type, "Detail": detail, "EventBusName": bus}


def publish(client: "EventBridgeClient", entries: Iterable[Entry], pause: Callable[[int], None]) -> int:
    """Put `entries` in order; the number put. `pause(attempt)` is called between attempts.

    Raises `PublishError` where the bus keeps refusing some, and botocore's `ClientError` where it does not answer.
    """
    count = 0
    for chunk in _chunks(entries):
        left: Sequence[Entry] = chunk
        codes: set[str] = set()
        for attempt in range(_ATTEMPTS):
            if attempt:
                pause(attempt)
            answer = client.put_events(Entries=left)  # type: ignore[arg-type]  # entries are built as dictionaries
            results = answer["Entries"]
            left = [sent for sent, result in zip(left, results, strict=True) if result.get("ErrorCode")]
            codes = {result["ErrorCode"] for result in results if result.get("ErrorCode")}
            if not left:
                break
        if left:
            raise PublishError(f"the bus refused {len(left)} events: {', '.join(sorted(codes))}")
        count += len(chunk)
    return count


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """What fits one call. Two sequences of a transaction never share one: the first may fail where the second does not,
    and would come after it."""
    chunk: list[Entry] = []
    size = 0
    sequences: dict[str | None, int | None] = {}
    for each in entries:
        bytes_ = len(each["Detail"].encode()) + len(each["DetailType"]) + len(SOURCE)
        detail = loads(each["Detail"], deepest=OURS)
        subject, sequence = detail.get("transactionId"), detail.get("sequence")
        overtaking = sequences.get(subject, sequence) != sequence
        if chunk and (len(chunk) == _MOST_ENTRIES or size + bytes_ > _MOST_BYTES or overtaking):
            yield chunk
            chunk, size, sequences = [], 0, {}
        chunk.append(each)
        size += bytes_
        sequences[subject] = sequence
    if chunk:
        yield chunk


def _detail(event: Published) -> str:
    return dumps(event.model_dump(exclude_none=True))


def _claim_check(event: Published) -> Published:
    if isinstance(event, OrdersEvent | OrdersUnknown):
        left_out: dict[str, Any] = dict.fromkeys(("orders", "unplaced", "changes"))
        left_out |= {"requested": {}} if isinstance(event, OrdersUnknown) else {}
        return event.model_copy(update=left_out | {"readAt": f"/transactions/{event.transactionId}/orders"})
    if isinstance(event, TransactionCreated):
        return event.model_copy(update={"requested": {}})
    if isinstance(event, WebhookReceived):
        return event.model_copy(update={"body": None})
    return event
