"""Putting events on the bus, so that none is lost between the answer's "200" and what it hides.

PutEvents succeeds with failed entries in its answer: each is put again, a bounded number of times. An entry that the
bus refuses for what it is would be refused for ever: the caller is given it back, and the others go out. Every other
failure is raised, so that the stream delivers the records once more. Consumers drop repeats by event id.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from securities_transactions.domain.decimal_json import OURS, dumps, loads
from securities_transactions.events.publisher_errors import DETERMINISTIC, cause
from securities_transactions.events.schemas import (
    SOURCE,
    Event,
    OrdersEvent,
    OrdersUnknown,
    TransactionCreated,
    WebhookReceived,
)

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient

# EventBridge takes ten entries and 256 KB a call; an entry counts its source, detail-type and detail.
_MOST_ENTRIES: Final = 10
_MOST_BYTES: Final = 250_000
_ATTEMPTS: Final = 4

Entry = dict[str, Any]


class PublishError(Exception):
    """Events that the bus did not take after all attempts, or never would."""


def entry(event: Event, bus: str) -> Entry:
    """The PutEvents entry for `event`; one that is too large for the bus leaves out what can be read elsewhere.

    Raises `PublishError` where even the rest is too large.
    """
    detail = _detail(event)
    if len(detail.encode()) > _MOST_BYTES:
        detail = _detail(_claim_check(event))
    if len(detail.encode()) > _MOST_BYTES:
        raise PublishError(f"{event.eventId} is too large for the bus")
    return {"Source": SOURCE, "DetailType": event.detail_type, "Detail": detail, "EventBusName": bus}


@dataclass(frozen=True)
class Refusal:
    """An entry that the bus refused for good: alone as well, and not because of anything that other entries share."""

    entry: Entry
    code: str
    reason: str


@dataclass
class Outcome:
    """How many entries the bus accepted, and those that it refused for good, in order."""

    accepted: int = 0
    refused: list[Refusal] = field(default_factory=list)


def publish(client: "EventBridgeClient", entries: Iterable[Entry], pause: Callable[[int], None]) -> Outcome:
    """Put `entries` in order. `pause(attempt)` is called between attempts.

    An entry that the bus refuses for good does not stop those behind it: it is in the outcome, for the caller to keep.
    Raises `PublishError` where the bus refuses entries for a reason that is not theirs, or may not be, and botocore's
    `ClientError` where it refuses the call for such a reason.
    """
    putting = Putting(client, pause)
    for chunk in _chunks(entries):
        putting.put(chunk)
    return putting.end()


def publish_all(client: "EventBridgeClient", entries: Iterable[Entry], pause: Callable[[int], None]) -> int:
    """Put `entries` as `publish` does; the number accepted. An entry refused for good is a `PublishError` here too."""
    outcome = publish(client, entries, pause)
    if outcome.refused:
        raise _error(outcome.refused)
    return outcome.accepted


class Putting:
    """One run of `publish`: what it has learned about the bus's error codes so far."""

    def __init__(self, client: "EventBridgeClient", pause: Callable[[int], None]) -> None:
        self._client = client
        self._pause = pause
        self._outcome = Outcome()
        # Codes of unknown cause that a retry did not help against: later entries that get one are not retried for long.
        self._persistent = set(DETERMINISTIC)
        # Entries refused for an unknown cause since the bus last accepted one.
        self._unexplained: list[Refusal] = []

    def put(self, chunk: Sequence[Entry]) -> None:
        """Put what fits one call; what is refused for itself is put alone once more before it counts as refused."""
        left, again, alone = chunk, list[Refusal](), list[Refusal]()
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(attempt)
            failed = self.call(left)
            alone += [each for each in failed if self._is_final(each.code)]
            again = [each for each in failed if not self._is_final(each.code)]
            left = [each.entry for each in again]
            if not left:
                break
        else:
            if any(cause(each.code) == "bus" for each in again):
                raise _error(again)
            self._persistent |= {each.code for each in again}
            alone += again
        if len(chunk) == 1:
            self._outcome.refused += alone
            self._unexplained += [each for each in alone if cause(each.code) == "unknown"]
        else:
            for each in alone:
                self.put([each.entry])

    def end(self) -> Outcome:
        """The outcome. Raises `PublishError` where nothing shows that a refusal of unknown cause is the entry's own.

        That others were accepted shows it; but a bus that accepted some and then no more is what has changed.
        """
        if len(self._unexplained) > (_MOST_ENTRIES if self._outcome.accepted else 0):
            raise _error(self._unexplained)
        return self._outcome

    def _is_final(self, code: str) -> bool:
        return cause(code) == "entry" or code in self._persistent

    def call(self, entries: Sequence[Entry]) -> list[Refusal]:
        """One call; the entries that failed. A call that is refused because of what is in it has refused them all."""
        try:
            answer = self._client.put_events(Entries=entries)  # type: ignore[arg-type]  # entries are built as dictionaries
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            # botocore has retried what a retry can help against.
            if cause(code) == "bus" or status >= 500:
                raise
            return [Refusal(each, code, error.response["Error"].get("Message", "")) for each in entries]
        results = answer["Entries"]
        failed = [(sent, result) for sent, result in zip(entries, results, strict=True) if result.get("ErrorCode")]
        if len(failed) < len(results):
            self._outcome.accepted += len(results) - len(failed)
            self._unexplained = []
        return [Refusal(sent, result["ErrorCode"], result.get("ErrorMessage", "")) for sent, result in failed]


def _error(refused: Sequence[Refusal]) -> PublishError:
    return PublishError(f"the bus refused {len(refused)} events: {', '.join(sorted({each.code for each in refused}))}")


def identity(entry: Entry) -> dict[str, Any]:
    """The detail of an entry, by which it is named and ordered; empty where it is not a JSON object."""
    try:
        detail = loads(entry["Detail"], deepest=OURS)
    except ValueError:
        return {}
    return detail if isinstance(detail, dict) else {}


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """What fits one call. Two sequences of a transaction never share one: the first may fail where the second does not,
    and would come after it."""
    chunk: list[Entry] = []
    size = 0
    sequences: dict[str | None, int | None] = {}
    for each in entries:
        bytes_ = len(each["Detail"].encode()) + len(each["DetailType"]) + len(SOURCE)
        detail = identity(each)
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


def _detail(event: Event) -> str:
    return dumps(event.model_dump(exclude_none=True))


def _claim_check(event: Event) -> Event:
    if isinstance(event, OrdersEvent | OrdersUnknown):
        left_out: dict[str, Any] = dict.fromkeys(("orders", "unplaced", "changes"))
        left_out |= {"requested": {}} if isinstance(event, OrdersUnknown) else {}
        return event.model_copy(update=left_out | {"readAt": f"/transactions/{event.transactionId}/orders"})
    if isinstance(event, TransactionCreated):
        return event.model_copy(update={"requested": {}})
    if isinstance(event, WebhookReceived):
        return event.model_copy(update={"body": None})
    return event
