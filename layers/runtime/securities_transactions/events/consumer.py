"""The entry point for consumers in Python: parses an event into a typed model and detects repeats and gaps.

Events arrive at least once, and a queue may reorder the events of a transaction. The result of `standing` is all that a
consumer needs to handle both (docs/reference/events.md). Unknown event types are not errors, and neither are fields
that a newer minor version added.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from securities_transactions.domain.decimal_json import OURS, loads
from securities_transactions.events.schemas import CATALOGUE, SCHEMA_VERSION, SOURCE, Event, StateEvent

_MODELS: Final = {model.detail_type: model for model in CATALOGUE}
_MAJOR: Final = SCHEMA_VERSION.partition(".")[0]

Standing = Literal["next", "gap", "repeat"]


class NotAnEvent(ValueError):
    """Not a public event of this product, or one of an unknown major version."""


@dataclass(frozen=True)
class Received:
    """A received event. `event` is `None` for a type that this version does not know; `detail` is the complete detail.

    `replay` is the name of the replay that sent it from the archive, or `None` for a new event.
    """

    detail_type: str
    detail: Mapping[str, Any]
    event: Event | None
    replay: str | None = None


def parse(envelope: Mapping[str, Any]) -> Received:
    """Parse an EventBridge envelope, with numbers as `securities_transactions.domain.decimal_json.loads` reads them.

    Raises `NotAnEvent` if it is not an event of this product, and pydantic's `ValidationError` if it does not match its
    schema.
    """
    detail, detail_type = envelope.get("detail"), envelope.get("detail-type")
    if envelope.get("source") != SOURCE or not isinstance(detail, Mapping) or not isinstance(detail_type, str):
        raise NotAnEvent("not from this product's bus")
    version = detail.get("schemaVersion")
    if not isinstance(version, str):
        raise NotAnEvent(f"{detail_type} is not public: it has no schemaVersion")
    if version.partition(".")[0] != _MAJOR:
        raise NotAnEvent(f"{detail_type} has schemaVersion {version}; this version supports {_MAJOR}.x")
    model = _MODELS.get(detail_type)
    # Fields of newer minor versions are kept, and published models stay strict about their own fields.
    event = None if model is None else model.model_validate(detail, extra="allow")
    return Received(detail_type, detail, event, envelope.get("replay-name"))


def parse_message(record: Mapping[str, Any]) -> Received:
    """Parse the event in an SQS record that Lambda received, or in a message of the SQS API."""
    return parse(loads(record["body"] if "body" in record else record["Body"], deepest=OURS))


def standing(event: StateEvent, last: int) -> Standing:
    """Compare a state event with the last `sequence` that the consumer has applied (0: none).

    `repeat`: already applied, or older than an applied one. Drop it: every event carries the complete state. `gap`: an
    event in between has not arrived. The state in this event is still correct; only the intermediate changes are
    missing.

    An event about an account shares its sequence with the event about the state. Deduplicate those by `eventId`.
    """
    if event.sequence <= last:
        return "repeat"
    return "next" if event.previousSequence <= last else "gap"


def each_message(
    batch: Mapping[str, Any], handle: Callable[[Received], None], failed: Callable[[str, Exception], None]
) -> dict[str, Any]:
    """Handle each event of an SQS message batch on its own. Returns Lambda's response, which lists the failed messages.

    SQS delivers the failed messages again. `failed(messageId, error)` is called for each, to log it.
    """
    failures = []
    for record in batch["Records"]:
        try:
            handle(parse_message(record))
        except Exception as error:  # one event that fails must not cause redelivery of the others
            failed(record["messageId"], error)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
