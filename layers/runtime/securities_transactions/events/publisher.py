"""Publishes events to the bus and checks every entry, because PutEvents succeeds even if entries fail.

Each failed entry is retried a limited number of times. An entry that the bus rejects because of its content would fail
forever: it is returned to the caller, and the others are published. Every other failure is raised, so that the stream
delivers the records again. Consumers deduplicate by event id.
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

# EventBridge accepts ten entries and 256 KB per call. An entry counts its source, detail-type and detail.
_MOST_ENTRIES: Final = 10
_MOST_BYTES: Final = 250_000
_ATTEMPTS: Final = 4

Entry = dict[str, Any]


class BuiltEntry(Entry):
    """An entry that `entry` built, with the transaction and the sequence of its event."""

    subject: str | None
    sequence: int | None


class PublishError(Exception):
    """The bus rejected events after all attempts, or rejects them permanently."""


def entry(event: Event, bus: str) -> BuiltEntry:
    """The PutEvents entry for `event`. One that is too large for the bus leaves out the data that can be read
    elsewhere.

    Raises `PublishError` if it is still too large.
    """
    detail = _detail(event)
    if len(detail.encode()) > _MOST_BYTES:
        detail = _detail(_claim_check(event))
    if len(detail.encode()) > _MOST_BYTES:
        raise PublishError(f"{event.eventId} is too large for the bus")
    built = BuiltEntry(Source=SOURCE, DetailType=event.detail_type, Detail=detail, EventBusName=bus)
    built.subject, built.sequence = event.transactionId, getattr(event, "sequence", None)
    return built


@dataclass(frozen=True)
class Refusal:
    """An entry that the bus rejected permanently: also when sent alone, and for no reason that other entries share."""

    entry: Entry
    code: str
    reason: str


@dataclass
class Outcome:
    """The number of accepted entries, and the permanently rejected ones, in order."""

    accepted: int = 0
    refused: list[Refusal] = field(default_factory=list)


def publish(client: "EventBridgeClient", entries: Iterable[Entry], pause: Callable[[int], None]) -> Outcome:
    """Publish `entries` in order. Calls `pause(attempt)` between attempts.

    A permanently rejected entry does not stop the entries after it. It is in the outcome, and the caller must keep it.
    Raises `PublishError` if the bus rejects entries for another reason, or for an unknown one, and botocore's
    `ClientError` if it rejects the call for such a reason.
    """
    putting = Putting(client, pause)
    for chunk in _chunks(entries):
        putting.put(chunk)
    return putting.end()


def publish_all(client: "EventBridgeClient", entries: Iterable[Entry], pause: Callable[[int], None]) -> int:
    """Publish `entries` like `publish` and return the number accepted.

    Raises `PublishError` for a rejected entry too.
    """
    outcome = publish(client, entries, pause)
    if outcome.refused:
        raise _error(outcome.refused)
    return outcome.accepted


class Putting:
    """One run of `publish`, with the error codes of the bus seen so far."""

    def __init__(self, client: "EventBridgeClient", pause: Callable[[int], None]) -> None:
        self._client = client
        self._pause = pause
        self._outcome = Outcome()
        # Codes of unknown cause that a retry did not resolve. Later entries with such a code are not retried for long.
        self._persistent = set(DETERMINISTIC)
        # Entries rejected for an unknown cause since the bus last accepted one.
        self._unexplained: list[Refusal] = []

    def put(self, chunk: Sequence[Entry]) -> None:
        """Publish one call's entries.

        An entry rejected for its content is sent alone once more before it counts as rejected.
        """
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
        """The outcome. Raises `PublishError` if no accepted entry shows that a rejection of unknown cause is the
        entry's fault.

        If the bus accepted some entries and then none, the bus has changed, not the entries.
        """
        if len(self._unexplained) > (_MOST_ENTRIES if self._outcome.accepted else 0):
            raise _error(self._unexplained)
        return self._outcome

    def _is_final(self, code: str) -> bool:
        return cause(code) == "entry" or code in self._persistent

    def call(self, entries: Sequence[Entry]) -> list[Refusal]:
        """Make one call and return the failed entries.

        A call rejected for its content counts as a rejection of every entry.
        """
        try:
            answer = self._client.put_events(Entries=entries)  # type: ignore[arg-type]  # entries are built as dictionaries
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            # botocore has already retried the retryable errors.
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
    return PublishError(f"the bus rejected {len(refused)} events: {', '.join(sorted({each.code for each in refused}))}")


def identity(entry: Entry) -> dict[str, Any]:
    """The detail of an entry, which identifies and orders it, or an empty dict if it is not a JSON object."""
    try:
        detail = loads(entry["Detail"], deepest=OURS)
    except ValueError:
        return {}
    return detail if isinstance(detail, dict) else {}


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The entries in chunks of one call each.

    Two sequences of a transaction never share a chunk: if the first failed and the second did not, the first would be
    published after it.
    """
    chunk: list[Entry] = []
    size = 0
    sequences: dict[str | None, int | None] = {}
    for each in entries:
        bytes_ = len(each["Detail"].encode()) + len(each["DetailType"]) + len(SOURCE)
        subject, sequence = _position(each)
        overtaking = sequences.get(subject, sequence) != sequence
        if chunk and (len(chunk) == _MOST_ENTRIES or size + bytes_ > _MOST_BYTES or overtaking):
            yield chunk
            chunk, size, sequences = [], 0, {}
        chunk.append(each)
        size += bytes_
        sequences[subject] = sequence
    if chunk:
        yield chunk


def _position(each: Entry) -> tuple[str | None, int | None]:
    """The transaction and the sequence of an entry's event. Only an entry from a dead-letter queue is parsed."""
    if isinstance(each, BuiltEntry):
        return each.subject, each.sequence
    detail = identity(each)
    return detail.get("transactionId"), detail.get("sequence")


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
