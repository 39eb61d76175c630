"""The way in for a consumer in Python: an event from the bus as a typed model, repeats and gaps told apart.

Events arrive at least once, and the events of a transaction may overtake each other on their way through a queue. What
`standing` says of each is all that a consumer needs to be right in spite of that (docs/reference/events.md). Types of
event that this version does not know are no errors, and neither are fields that a newer minor version added.
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
    """This is no public event of ours, or one of a major version that this code does not know."""


@dataclass(frozen=True)
class Received:
    """An event as it came. `event` is `None` for a type that this version does not know; `detail` is all it said.

    `replay` is the name of the replay that sent it once more from the archive; `None` for an event that is new.
    """

    detail_type: str
    detail: Mapping[str, Any]
    event: Event | None
    replay: str | None = None


def parse(envelope: Mapping[str, Any]) -> Received:
    """The event in an EventBridge envelope, numbers as `securities_transactions.domain.decimal_json.loads` reads them.

    `NotAnEvent` where it is none of ours; pydantic's `ValidationError` where it does not keep to its own schema.
    """
    detail, detail_type = envelope.get("detail"), envelope.get("detail-type")
    if envelope.get("source") != SOURCE or not isinstance(detail, Mapping) or not isinstance(detail_type, str):
        raise NotAnEvent("not from this product's bus")
    version = detail.get("schemaVersion")
    if not isinstance(version, str):
        raise NotAnEvent(f"{detail_type} is not public: it has no schemaVersion")
    if version.partition(".")[0] != _MAJOR:
        raise NotAnEvent(f"{detail_type} has schemaVersion {version}; this code knows {_MAJOR}.x")
    model = _MODELS.get(detail_type)
    # What a newer minor version added is kept, and published models stay strict about what they say.
    event = None if model is None else model.model_validate(detail, extra="allow")
    return Received(detail_type, detail, event, envelope.get("replay-name"))


def parse_message(record: Mapping[str, Any]) -> Received:
    """The event in a record that Lambda received from an SQS queue, or in a message of SQS's own API."""
    return parse(loads(record["body"] if "body" in record else record["Body"], deepest=OURS))


def standing(event: StateEvent, last: int) -> Standing:
    """Where an event about a transaction's state stands for a consumer whose last had the sequence `last` (0: none).

    `repeat`: seen before, or overtaken by a newer one; drop it, every event carries the whole state. `gap`: something
    in between has not come; the state in this event is right all the same, what is missing is how it came to be.

    An event about an account shares its sequence with the one about the state: those are told apart by `eventId`.
    """
    if event.sequence <= last:
        return "repeat"
    return "next" if event.previousSequence <= last else "gap"


def each_message(
    batch: Mapping[str, Any], handle: Callable[[Received], None], failed: Callable[[str, Exception], None]
) -> dict[str, Any]:
    """Lambda's answer for a batch from an SQS queue: each event handled on its own, those that failed come again.

    `failed(messageId, error)` hears of each failure, to log it.
    """
    failures = []
    for record in batch["Records"]:
        try:
            handle(parse_message(record))
        except Exception as error:  # one event that cannot be handled must not bring the others back
            failed(record["messageId"], error)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
