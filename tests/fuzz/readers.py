"""Everyone who reads what was stored: the bus and the queues, as strict as their documentation, each route, each
consumer. What one of them cannot read is broken."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from securities_transactions.domain.decimal_json import loads
from securities_transactions.events import consumer
from securities_transactions.services.pull_queue import PullQueue, PullQueues, request_of
from tests.application import claims_event
from tests.simulation.product import Product
from tests.strict_messaging import StrictBus, StrictQueue

_SERVICE: Final = "securities-transactions:service"
_MOST_DIGITS: Final = 64
# A body has at most 64 levels, and the event and its detail are around it.
_MOST_DEPTH: Final = 66
# What XML 1.0 and so SQS and many stores do not take.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Unread(Exception):
    """A reader cannot read what was stored; the message names the reader and the cause."""


@dataclass(frozen=True)
class Readers:
    """The readers of a product's tables. `transaction_id` and `user_id` are those of the transaction that is read."""

    product: Product
    transaction_id: str
    user_id: str

    def read(self, records: Iterable[Mapping[str, Any]]) -> int:
        """Read what the stream `records` stored, everywhere; the number of events. Raises `Unread`."""
        bus, queue = StrictBus(), StrictQueue()
        self._publish([dict(record) for record in records], bus, queue)
        for entry in bus.entries:
            self._consume(queue, entry)
        for name, scope in (("fetch_transaction", ""), ("fetch_orders", ""), ("fetch_orders", _SERVICE)):
            path = {"transactionId": self.transaction_id}
            self._ask(name, claims_event("GET", self.user_id, scope, pathParameters=path))
        page = self._ask("fetch_orders", claims_event("GET", self.user_id))
        if [each["status"] for each in page["items"] if each["status"] == "UNREADABLE"]:
            raise Unread("a page: UNREADABLE")
        return len(bus.accepted)

    def _publish(self, records: list[dict[str, Any]], bus: StrictBus, queue: StrictQueue) -> None:
        updates: Any = self.product.application.publish_updates
        pulls = PullQueue(_any(queue), "pulls")
        strict = replace(updates, events=_any(bus), sqs=_any(queue), pull_queues=PullQueues(pulls, pulls))
        try:
            published = strict.publish(records)
        except Exception as error:
            raise Unread(f"the bus or a queue: {error!r}") from error
        if published.refused or queue.bodies:
            raise Unread(f"the bus refused or could not be told: {[each[:300] for each in queue.bodies]}")
        for body in queue.batched:
            request_of(loads(body))

    def _consume(self, queue: StrictQueue, entry: Mapping[str, Any]) -> None:
        envelope = {"source": entry["Source"], "detail-type": entry["DetailType"]}
        text = f'{json.dumps(envelope)[:-1]}, "detail": {entry["Detail"]}}}'
        readable(text)
        try:
            queue.send_message(QueueUrl="consumer", MessageBody=text)
            received = consumer.parse_message({"body": text})
        except Exception as error:
            raise Unread(f"a consumer: {error!r}") from error
        if received.event is None:
            raise Unread("a consumer does not know the event")
        if received.detail_type == "OrdersSettled":
            for name in ("positions", "notifier"):
                self._handle(name, text)

    def _handle(self, name: str, body: str) -> None:
        event = {"Records": [{"messageId": "m", "body": body}]}
        if self.product.handlers[name](event, None)["batchItemFailures"]:
            raise Unread(f"{name} failed: {body[:300]}")

    def _ask(self, name: str, event: Mapping[str, Any]) -> Any:
        answer = self.product.handlers[name](event, None)
        if answer["statusCode"] != 200:
            raise Unread(f"{name}: {answer['statusCode']} {answer.get('body')}")
        readable(answer["body"])
        return json.loads(answer["body"])


def readable(text: str) -> None:
    """Raise `Unread` unless strict readers take `text`: its numbers, its depth, the characters of its values."""

    def number(digits: str) -> float:
        if len(re.sub(r"[^0-9]", "", digits)) > _MOST_DIGITS:
            raise Unread(f"a number of {len(digits)} characters")
        return float(digits)

    def constant(name: str) -> float:
        raise Unread(f"{name} is no number")

    _walk(json.loads(text, parse_int=number, parse_float=number, parse_constant=constant), 0)


def _walk(value: Any, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise Unread("deeper than consumers read")
    if isinstance(value, str) and _FORBIDDEN.search(value):
        raise Unread(f"characters that strict readers refuse: {value[:100]!r}")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _walk(each, depth + 1)
    for name in value if isinstance(value, dict) else ():
        _walk(name, depth)


def _any(fake: Any) -> Any:
    return fake
