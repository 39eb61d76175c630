"""The product's own handlers in a world: an application over fakes, and the parts that AWS runs around its functions.

Only event source mappings and the schedule are imitated.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, Final

from securities_transactions.bootstrap import Application
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.services.reconcile import Reconcile
from tests.application import ENVIRONMENT, FakeClients, Handler, application, handler
from tests.simulation.deadlines import Context, InvocationDeadline, KeysInWorldTime
from tests.simulation.dynamodb import DynamoDB, Table
from tests.simulation.messaging import EventBridge, Message, Queue, Sqs, matches, resources, rule
from tests.simulation.vendor import Vendor
from tests.simulation.world import DAY, HOUR, MINUTE, SECOND, World

_NAMES: Final = (
    "ingest_webhook",
    "publish_updates",
    "record_history",
    "reconcile",
    "check_due",
    "close_books",
    "accept_sdk_response",
    "create_transaction",
    "fetch_transaction",
    "fetch_orders",
    "issue_sdk_token",
    "broker_accounts",
    "positions",
    "notifier",
)


@dataclass(frozen=True)
class Bug:
    """A bug planted at the product's seams: what is done to the application, and to each handler by its name."""

    application: Callable[[Application], None] = lambda application: None
    handler: Callable[[str, Handler, Application], Handler] = lambda name, handler, application: handler


NO_BUG: Final = Bug()

# The closings of the simulation cover as many days: its corrections come within a day.
WINDOW_DAYS: Final = 2
# 18:30 in India: when each day's closing begins.
_EVENING: Final = 9 * HOUR + 2 * MINUTE


class Pulls:
    """The outcome of each request to pull, for a promise to check."""

    def started(self, transaction_id: str) -> None:
        """The running invocation pulls a transaction now."""

    def ended(self, transaction_id: str, outcome: PullOutcome) -> None:
        """The pull ended; nothing ends where the invocation died or the Gateway failed."""


@dataclass(frozen=True)
class _WatchedReconcile:
    """The product's `Reconcile`, whose pulls are watched."""

    reconcile: Reconcile
    pulls: Pulls

    def pull(self, request: PullRequest) -> PullOutcome:
        self.pulls.started(request.transaction_id)
        outcome = self.reconcile.pull(request)
        self.pulls.ended(request.transaction_id, outcome)
        return outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reconcile, name)


@contextmanager
def simulated() -> Iterator[None]:
    """Disable logging meanwhile: a simulation would write millions of lines."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


class Product:
    """The deployed product: tables, queue, bus, and its functions run by what AWS would run them by."""

    def __init__(
        self,
        world: World,
        vendor: Vendor,
        settings: Mapping[str, str],
        watch: Callable[[str, Any, Any], None],
        accepted: Callable[[dict[str, Any]], None],
        requested: Callable[[str], None] = lambda body: None,
        bug: Bug = NO_BUG,
        pulls: Pulls | None = None,
    ) -> None:
        self.world = world
        self.vendor = vendor
        self.secret = ""
        self.tables = {
            "Transactions": Table(("transactionId",), streams=True),
            "Users": Table(("notes", "entry")),
            "Webhooks": Table(("webhookId",), streams=True),
            "History": Table(("transactionId", "entry")),
            "Idempotency": Table(("id",)),
            "Positions": Table(("holder", "security")),
            "Messages": Table(("notes", "message")),
            "Books": Table(("book", "day")),
        }
        self._watch = watch
        self._accepted = accepted
        self.queues = {
            ENVIRONMENT["PULL_QUEUE_URL"]: Queue(world, "PullQueue", requested),
            ENVIRONMENT["FINAL_REPORTS_QUEUE_URL"]: Queue(world, "FinalReportsQueue", requested),
        }
        for queue in self.queues.values():
            queue.consume = partial(self._consume, queue, "reconcile")
        self.settled = Queue(world, "PositionsQueue")
        self.settled.consume = partial(self._consume, self.settled, "positions")
        self.notices = Queue(world, "NotifierQueue")
        self.notices.consume = partial(self._consume, self.notices, "notifier")
        self.shards = [
            Shard(self, "Transactions", "publish_updates"),
            Shard(self, "Transactions", "record_history"),
            Shard(self, "Webhooks", "publish_updates"),
        ]
        self._checks: set[int] = set()
        world.at(_EVENING, self._close_books)
        clients = FakeClients(
            dynamodb=KeysInWorldTime(DynamoDB(world, self.tables, self._written), world),
            events=EventBridge(world, self._delivered),
            secretsmanager=self,
            sqs=Sqs(world, self.queues),
            http=vendor,
        )
        self.application = application(
            clients,
            world.clock,
            world.random.random,
            lambda seconds: world.pause(int(seconds * 1000)),
            InvocationDeadline(world),
            world.in_parallel,
            **{"BOOKS_WINDOW_DAYS": str(WINDOW_DAYS), **settings},
        )
        bug.application(self.application)
        if pulls is not None:
            watched: Any = _WatchedReconcile(self.application.reconcile, pulls)
            self.application.reconcile = watched
        self.handlers = {
            name: bug.handler(name, handler(name, self.application, recorded=bug is NO_BUG), self.application)
            for name in _NAMES
        }

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        """Secrets Manager's part."""
        self.world.pause()
        return {"SecretString": self.secret}

    # --- what AWS runs

    def request(
        self,
        name: str,
        event: Mapping[str, Any],
        ended: Callable[[dict[str, Any] | None], None],
        began: Callable[[], None] = lambda: None,
    ) -> None:
        """An HTTP request to a function; `began` is called in the invocation, before the function."""
        handler = self.handlers[name]

        def run() -> dict[str, Any]:
            began()
            answer: dict[str, Any] = handler(event, Context(self.world))
            return answer

        self.world.invoke(name, _timeout(name), run, ended)

    def _consume(self, queue: Queue, name: str, messages: list[Message]) -> None:
        """An event source mapping: the function gets the messages, and the queue those that failed."""
        records = [{"messageId": message.id, "body": message.body} for message in messages]

        def ended(result: dict[str, Any] | None) -> None:
            failed = {each["itemIdentifier"] for each in result["batchItemFailures"]} if result else None
            for message in messages:
                if failed is None or message.id in failed:
                    queue.back(message)

        handler = self.handlers[name]
        self.world.invoke(name, _timeout(name), lambda: handler({"Records": records}, None), ended)

    def _delivered(self, event: dict[str, Any]) -> None:
        """The bus: its rule sends settled orders to the example consumers."""
        self._accepted(event)
        if matches(rule("SettledRule")[0], event):
            self.settled.send(json.dumps(event))
            self.notices.send(json.dumps(event))

    def _written(self, table: str, old: Any, new: Any) -> None:
        self._watch(table, old, new)
        for shard in self.shards:
            if shard.name == table:
                self.world.at(self.world.now + 5, shard.poll)
        if table == "Transactions" and new is not None and "nextCheckAt" in new:
            due = datetime.fromisoformat(new["nextCheckAt"]["S"])
            self._check_at(int((due - self.world.moment(0)).total_seconds() * 1000))

    def _check_at(self, when: int) -> None:
        minute = -(-max(when, self.world.now + 1) // (60 * SECOND)) * 60 * SECOND
        if minute not in self._checks:
            self._checks.add(minute)
            self.world.at(minute, self._check)

    def _check(self) -> None:
        """The schedule: every minute in truth, here only in those minutes in which something is due."""
        now = self.world.moment(self.world.now).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        items = self.tables["Transactions"].items.values()
        if not any("nextCheckAt" in item and item["nextCheckAt"]["S"] <= now for item in items):
            return
        handler = self.handlers["check_due"]
        self.world.tell("checks")
        self.world.invoke("check_due", _timeout("check_due"), lambda: handler({}, None), lambda _: None)
        self._check_at(self.world.now + 1)

    def _close_books(self) -> None:
        """The schedule of the evening: every minute in truth, here while a closing is under way."""
        handler = self.handlers["close_books"]
        day = self.world.moment(self.world.now).date().isoformat()

        def ended(_: None) -> None:
            closing = self.tables["Books"].items.get(("closing", day))
            closed = closing is not None and closing["phase"]["S"] == "closed"
            evening = self.world.now // DAY * DAY + _EVENING
            self.world.at(evening + DAY if closed else self.world.now + MINUTE, self._close_books)

        self.world.tell("books")
        self.world.invoke("close_books", _timeout("close_books"), lambda: handler({}, None), ended)


class Shard:
    """A table's stream and the function it feeds: in order, again and again on failure, in halves."""

    def __init__(self, product: Product, name: str, function: str) -> None:
        self.product = product
        self.name = name
        self.function = function
        self.table = product.tables[name]
        self.position = 0
        self.busy = False
        self.size = 100

    def poll(self) -> None:
        """Pass on what is new, one batch at a time."""
        if self.busy or self.position >= len(self.table.stream):
            return
        self.busy = True
        records = self.table.stream[self.position : self.position + self.size]
        handler = self.product.handlers[self.function]

        def run() -> bool:
            handler({"Records": records}, None)
            return True

        self.product.world.invoke(
            self.function, _timeout(self.function), run, lambda done: self._ended(len(records), bool(done))
        )

    def _ended(self, count: int, done: bool) -> None:
        world = self.product.world
        self.busy = False
        if done:
            self.position += count
        self.size = 100 if done else max(1, count // 2)
        world.at(world.now + (5 if done else SECOND), self.poll)


@cache
def _timeout(name: str) -> int:
    logical = "".join(part.title() for part in name.split("_"))
    return int(resources()[logical]["Properties"].get("Timeout", 20)) * SECOND
