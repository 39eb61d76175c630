"""The product in memory, with the parts that AWS runs around its functions.

Only this module builds the product, on the harness of the functions' unit tests. Every function runs through its public
entry, `handler(event, context)`. An exception that escapes from a handler becomes an AssertionError that names it, so
that a mark that expects an AssertionError covers it too.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx

from tests.application import ENVIRONMENT
from tests.simulation.dynamodb import Table
from tests.simulation.messaging import resources
from tests.strict_messaging import StrictBus, StrictQueue
from tests.unit.functions.harness import Client, Context, Rig, routes

_STREAMS: Final = ("Transactions", "Webhooks")
_MOST_RECORDS: Final = 100
# Far more rounds than any case needs: beyond them the product triggers itself without end.
_MOST_ROUNDS: Final = 200


class SetupError(Exception):
    """A step that a case takes for granted failed. It is no AssertionError, so that no expected failure can hide it."""


@dataclass(frozen=True)
class HttpResponse:
    """A function's response to an HTTP request."""

    status: int
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The JSON document, with exact numbers."""
        document: dict[str, Any] = json.loads(self.text, parse_float=Decimal)
        return document


@dataclass(frozen=True)
class Event:
    """An event as the publisher put it on the bus."""

    type: str
    detail: Mapping[str, Any]


@dataclass
class Message:
    """A message in one of the two queues that reconcile is fed by."""

    id: str
    body: str
    visible_at: datetime
    receives: int = 0


class Deployment:
    """The functions, their tables, queues and bus. `gateway` answers what the product requests of the Gateway.

    `settings` overrule the environment of the functions. `client` makes the client of DynamoDB.
    """

    def __init__(
        self,
        secret: Mapping[str, str],
        gateway: Callable[[httpx.Request], httpx.Response],
        client: Callable[..., Client] | None = None,
        /,
        **settings: str,
    ) -> None:
        self._rig = Rig(client, **settings)
        self._rig.secret = json.dumps(secret)
        self._rig.gateway.answer = gateway
        self._rig.tables |= {"Positions": Table(("holder", "security")), "Messages": Table(("notes", "message"))}
        self._bus, self._queues = StrictBus(), StrictQueue()
        self._rig.clients.events, self._rig.clients.sqs = self._bus, self._queues
        self._read = dict.fromkeys(_STREAMS, 0)
        self._pull_queue: list[Message] = []
        self._sent = 0
        self.events: list[Event] = []
        self.unbooked: list[Event] = []

    # --- time

    def now(self) -> datetime:
        """The product's clock."""
        return self._rig.world.clock().astimezone(UTC)

    def advance(self, span: timedelta) -> None:
        """Let `span` pass on the product's clock; nothing runs meanwhile."""
        self._rig.pass_time(span.total_seconds())

    # --- ways in

    def request(
        self,
        route: str,
        body: str | None = None,
        *,
        base64_encoded: bool = False,
        user: str = "",
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """The response to an HTTP API request (payload 2.0) of `user`, or of no user; what it triggers has run."""
        response = self._respond(route, body, base64_encoded, user, path, query, headers)
        self.run_background()
        return response

    def webhook(self, body: str) -> int:
        """The status that a webhook is answered with; what it triggers runs with the background."""
        return self._respond("POST /webhooks/orders", body, False, "", None, None).status

    def _respond(
        self,
        route: str,
        body: str | None,
        base64_encoded: bool,
        user: str,
        path: Mapping[str, str] | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        method, _, resource = route.partition(" ")
        claims = {"authorizer": {"jwt": {"claims": {"sub": user, "scope": ""}, "scopes": None}}} if user else {}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": resource.format(**path or {}),
            "rawQueryString": "",
            "headers": {"content-type": "application/json", **(headers or {})},
            "requestContext": {"http": {"method": method}, **claims},
            "isBase64Encoded": base64_encoded,
        }
        event |= {"body": body} if body is not None else {}
        event |= {"pathParameters": dict(path)} if path else {}
        event |= {"queryStringParameters": dict(query)} if query else {}
        response = self._invoke(routes()[route], event)
        status = int(response["statusCode"])
        assert status != 500, f"{route} answered 500: {response.get('body')}"
        return HttpResponse(status, response.get("body", ""))

    def run_schedule(self) -> None:
        """One minute's run of the schedule, and what follows from it."""
        self._invoke("check_due", {"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler"})
        self.run_background()

    def run_background(self) -> None:
        """Run what streams, rules and queues trigger, until none of them holds anything that is visible."""
        for _ in range(_MOST_ROUNDS):
            entries = list(self._published())
            for entry in entries:
                self._deliver(entry)
            for name in ("FINAL_REPORTS_QUEUE_URL", "PULL_QUEUE_URL"):
                self._send_to_pull_queue(ENVIRONMENT[name])
            due = [message for message in self._pull_queue if message.visible_at <= self.now()]
            for message in due:
                self._reconcile(message)
            if not entries and not due:
                return
        raise SetupError(f"the product still triggers itself after {_MOST_ROUNDS} rounds")

    # --- ways out

    def positions(self, user: str) -> dict[str, tuple[int, Decimal]]:
        """The bookings of the positions consumer for `user`: shares and rupees spent by ticker."""
        items = [item for item in self._rig.tables["Positions"].items.values() if item["holder"]["S"] == f"user#{user}"]
        booked = {
            item["security"]["S"]: (int(Decimal(item["shares"]["N"])), Decimal(item["spent"]["N"])) for item in items
        }
        return {ticker: position for ticker, position in booked.items() if any(position)}

    def messages(self, user: str) -> list[str]:
        """The lines that the notifier has written for `user`, in the order of its messages."""
        items = [item for item in self._rig.tables["Messages"].items.values() if item["notes"]["S"] == user]
        items.sort(key=lambda item: str(item["message"]["S"]))
        return [line["S"] for item in items for line in item["lines"]["L"]]

    # --- what AWS does

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        try:
            # Events reach a function as JSON: none shares an object with a table or another event.
            return self._rig.handler(function)(json.loads(json.dumps(event)), Context())
        except Exception as error:
            raise AssertionError(f"{function} raised {type(error).__name__}: {error}") from error

    def _published(self) -> Iterator[Mapping[str, Any]]:
        """The entries that the publisher makes of the stream records it has not read yet."""
        for name in _STREAMS:
            stream = self._rig.tables[name].stream
            while records := stream[self._read[name] : self._read[name] + _MOST_RECORDS]:
                self._invoke("publish_updates", {"Records": records})
                self._read[name] += len(records)
                rejected = self._queues.by_url.get(ENVIRONMENT["DEAD_LETTER_QUEUE_URL"], [])
                assert not rejected, f"the publisher could not read a stream record of {name}"
                entries, self._bus.entries = self._bus.entries, []
                yield from entries

    def _deliver(self, entry: Mapping[str, Any]) -> None:
        """Record an event; the rule of the example consumers passes settled orders on to their two queues."""
        event = Event(entry["DetailType"], json.loads(entry["Detail"], parse_float=Decimal))
        self.events.append(event)
        if event.type != "OrdersSettled":
            return
        assert not self._failures("notifier", envelope(entry)), f"the notifier failed on {entry['Detail'][:400]}"
        if self._failures("positions", envelope(entry)):
            self.unbooked.append(event)

    def _failures(self, function: str, body: str, message_id: str = "m1", receives: int = 1) -> bool:
        """Return True if a function with an SQS queue returns a message to it."""
        record = {
            "messageId": message_id,
            "receiptHandle": "r",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(receives)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        return bool(self._invoke(function, {"Records": [record]})["batchItemFailures"])

    def _send_to_pull_queue(self, url: str) -> None:
        for body, delay in zip(self._queues.by_url.pop(url, []), self._queues.delays.pop(url, []), strict=True):
            self._sent += 1
            self._pull_queue.append(Message(f"m{self._sent}", body, self.now() + timedelta(seconds=delay)))

    def _reconcile(self, message: Message) -> None:
        """Deliver a message; one that comes back is visible again after a while, until it has come back too often."""
        queue = resources()["PullQueue"]["Properties"]
        message.receives += 1
        message.visible_at = self.now() + timedelta(seconds=queue["VisibilityTimeout"])
        failed = self._failures("reconcile", message.body, message.id, message.receives)
        if not failed or message.receives >= queue["RedrivePolicy"]["maxReceiveCount"]:
            self._pull_queue.remove(message)


def envelope(entry: Mapping[str, Any]) -> str:
    """The event as EventBridge delivers it. The detail stays as the publisher wrote it, to the digit."""
    around = {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "000000000000",
        "time": "2026-01-15T04:00:00Z",
        "region": "ap-south-1",
        "resources": [],
    }
    return f'{json.dumps(around)[:-1]}, "detail": {entry["Detail"]}}}'
