"""SQS and EventBridge in memory: delivered at least once, in any order; the rules are those of the template."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulation.world import MINUTE, SECOND, Violation, World
from tests.strict_messaging import check_message_batch, check_put_events, entry_error

_TEMPLATE: Final = Path(__file__).parents[2] / "template.yaml"
VISIBILITY: Final = 6 * MINUTE
_MOST_MESSAGES: Final = 10


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref, !GetAtt …) as their bare text."""


_LOADER: Any = _Loader  # PyYAML's stubs do not know that constructors may be added to a subclass
_LOADER.add_multi_constructor(
    "!", lambda loader, suffix, node: {suffix: node.value} if isinstance(node.value, str) else {suffix: None}
)


@cache
def template() -> dict[str, Any]:
    """The template."""
    document: dict[str, Any] = yaml.load(_TEMPLATE.read_text(), Loader=_LOADER)  # noqa: S506  # a safe loader, our own file
    return document


def resources() -> dict[str, Any]:
    """The template's resources."""
    return dict(template()["Resources"])


@cache
def rule(name: str) -> tuple[Mapping[str, Any], bool]:
    """A rule's event pattern, and whether its target gets the detail alone."""
    properties = resources()[name]["Properties"]
    return properties["EventPattern"], properties["Targets"][0].get("InputPath") == "$.detail"


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return True if EventBridge would match: each field is one of the values, or exists, or has the prefix."""
    for field, wanted in pattern.items():
        if isinstance(wanted, Mapping):
            if not isinstance(event.get(field), Mapping) or not matches(wanted, event[field]):
                return False
            continue
        if not any(_fits(each, field, event) for each in wanted):
            return False
    return True


def _fits(wanted: Any, field: str, event: Mapping[str, Any]) -> bool:
    if not isinstance(wanted, Mapping):
        return field in event and event[field] == wanted
    ((operator, value),) = wanted.items()
    if operator == "exists":
        return bool((field in event) == value)
    if operator == "prefix":
        return str(event.get(field, "")).startswith(value)
    raise NotImplementedError(f"pattern operator {operator}")


@dataclass
class Message:
    """A message in a queue."""

    id: str
    body: str
    receives: int = 0


class Queue:
    """A queue that feeds a function: batches, visibility, partial failures, a dead-letter queue."""

    def __init__(self, world: World, name: str, requested: Callable[[str], None] = lambda body: None) -> None:
        self.world = world
        self.requested = requested
        properties = resources()[name]["Properties"]
        self.most_receives: int = properties["RedrivePolicy"]["maxReceiveCount"]
        self.dead: list[Message] = []
        self.sent = 0
        self.consume: Callable[[list[Message]], None] = lambda messages: None
        self._visible: list[Message] = []

    def send(self, body: str, delay: int = 0) -> None:
        """Put a message; it is delivered at least once, `delay` milliseconds later."""
        self.sent += 1
        self.requested(body)
        message = Message(f"m{self.sent}", body)
        self._deliver(message, delay + self.world.random.randrange(5, 400))
        if self.world.now < self.world.rates.calm and self.world.random.random() < 0.03:
            self.world.covered["message delivered twice"] += 1
            self._deliver(
                Message(message.id, body), self.world.random.randrange(5, self.world.random.choice([400, 90_000]))
            )

    def back(self, message: Message) -> None:
        """The function did not do it: again once it is visible, or dead after too many times."""
        if message.receives >= self.most_receives:
            self.world.covered["dead letters"] += 1
            self.dead.append(message)
        else:
            self._deliver(message, VISIBILITY)

    @property
    def waiting(self) -> int:
        """Return the number of visible messages."""
        return len(self._visible)

    def redrive(self) -> None:
        """The operator's `make redrive`."""
        dead, self.dead = self.dead, []
        for message in dead:
            message.receives = 0
            self._deliver(message, 100)

    def _deliver(self, message: Message, after: int) -> None:
        def show() -> None:
            self._visible.append(message)
            self.world.at(self.world.now + self.world.random.randrange(0, 60), self._receive)

        self.world.at(self.world.now + after, show)

    def _receive(self) -> None:
        """A poller receives a message batch; it has a message twice only where it was delivered twice."""
        count = self.world.random.randrange(1, _MOST_MESSAGES + 1)
        batch = {message.id: message for message in self._visible[:count]}
        self._visible = [message for message in self._visible if batch.get(message.id) is not message]
        for message in batch.values():
            message.receives += 1
        if batch:
            self.world.covered[f"message batch of {'one' if len(batch) == 1 else 'several'}"] += 1
            self.consume(list(batch.values()))


class Sqs:
    """The client methods that are called for the queues of requests to pull, by their URLs."""

    def __init__(self, world: World, queues: Mapping[str, Queue]) -> None:
        self.world = world
        self.queues = queues

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """SendMessageBatch; some entries may fail."""

        def effect() -> dict[str, Any]:
            check_message_batch(Entries)
            failed = []
            for entry in Entries:
                if self.world.now < self.world.rates.calm and self.world.random.random() < self.world.rates.refused:
                    failed.append({"Id": entry["Id"], "Code": "InternalError"})
                else:
                    self.queues[QueueUrl].send(entry["MessageBody"], entry.get("DelaySeconds", 0) * SECOND)
            return {"Failed": failed}

        return self.world.call("SendMessageBatch", effect, _throttled, ReadTimeoutError(endpoint_url="https://sqs"))

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, Any]:
        """GetQueueAttributes; the numbers are approximate."""
        about = self.world.random.choice([0, self.queues[QueueUrl].waiting])
        return self.world.call(
            "GetQueueAttributes",
            lambda: {"Attributes": {name: str(about) for name in AttributeNames}},
            _throttled,
            ReadTimeoutError(endpoint_url="https://sqs"),
        )

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:
        """SendMessage: the publisher sets aside a record that it cannot read, which must never be needed."""
        raise Violation("no poison record", MessageBody)


class EventBridge:
    """The client method that `publish_updates` calls; `accepted` sees every entry that the bus took."""

    def __init__(self, world: World, accepted: Callable[[dict[str, Any]], None]) -> None:
        self.world = world
        self.accepted = accepted

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """PutEvents: the answer is a success, also where entries were rejected."""

        def effect() -> dict[str, Any]:
            check_put_events(Entries)
            results: list[dict[str, str]] = []
            for entry in Entries:
                refused = entry_error(entry)
                if refused is not None:
                    raise Violation("every event is one that the bus accepts", f"{refused}: {entry['Detail'][:400]}")
                if self.world.now < self.world.rates.calm and self.world.random.random() < self.world.rates.refused * 2:
                    self.world.covered["bus refused an entry"] += 1
                    results.append({"ErrorCode": "ThrottlingException"})
                    continue
                results.append({"EventId": "e"})
                self.accepted(
                    {
                        "source": entry["Source"],
                        "detail-type": entry["DetailType"],
                        "detail": json.loads(entry["Detail"]),
                    }
                )
            return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

        return self.world.call("PutEvents", effect, _throttled, ReadTimeoutError(endpoint_url="https://events"))


def _throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "Operation")
