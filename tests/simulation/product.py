"""The product's own code, wired to a world: the real handlers in functions/, loaded once, their clients replaced.

Nothing of the product is imitated here except what AWS runs around it: event source mappings and the schedule.
"""

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from securities_transactions import aws, bootstrap
from securities_transactions.gateway import client as gateway
from securities_transactions.http import api as http
from securities_transactions.services import create_transaction
from securities_transactions.storage import dynamodb as dynamo
from tests.simulation.dynamodb import DynamoDB, Table
from tests.simulation.messaging import EventBridge, Message, Queue, Sqs, resources
from tests.simulation.vendor import Vendor
from tests.simulation.world import SECOND, World

_ROOT: Final = Path(__file__).parents[2]
_NAMES: Final = ("ingest_webhook", "publish_updates", "reconcile", "sweep", "accept_sdk_response")
ENVIRONMENT: Final = {
    "AUTH_ID_PATTERN": "[0-9a-f]{24}",
    "CONFIRM": "final",
    "DEAD_LETTER_QUEUE_URL": "dead letters",
    "EVENT_BUS": "bus",
    "GATEWAY_NAME": "simulated",
    "GATEWAY_ORDERS_PATH": "/v1/{gatewayName}/engine/orders/sst",
    "GATEWAY_SECRET_ARN": "secret",
    "GATEWAY_URL": "http://127.0.0.1",
    "IDEMPOTENCY_TABLE": "Idempotency",
    "NOTES_TABLE": "Notes",
    "RECONCILE_QUEUE_URL": "queue",
    "SERVICE_SCOPE": "securities-transactions:service",
    "TRANSACTIONS_TABLE": "Transactions",
    "WEBHOOKS_TABLE": "Webhooks",
    "WEBHOOK_RETENTION_DAYS": "90",
}


class _Silence:
    """A logger that nobody reads."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **more: None


class _Switch:
    """What the patched parts of the product reach: the parts of the world that is simulated just now."""

    clients: Mapping[str, Any] = {}
    clock: Callable[[], datetime]
    http: Any = None
    chance: Callable[[], float]
    pause: Callable[[int], None]


def _load(name: str) -> ModuleType:
    """A function's `app.py` under a name of its own, so that no other test meets it."""
    spec = importlib.util.spec_from_file_location(f"simulated_{name}", _ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def simulated() -> Iterator[None]:
    """While this lasts, the product's clients, clock, chance and loggers are the simulation's."""
    places: list[tuple[Any, str, Any]] = [
        (aws, "client", lambda service: _Switch.clients.get(service)),
        (bootstrap, "utc_now", lambda: _Switch.clock()),
        (bootstrap, "random", SimpleNamespace(random=lambda: _Switch.chance())),
        (gateway, "client", lambda url: _Switch.http),
        (http, "_logger", _Silence()),
        (gateway, "_logger", _Silence()),
        (dynamo, "pause", lambda attempt: _Switch.pause(30 * 2**attempt)),
    ]
    before = [getattr(holder, name) for holder, name, _ in places]
    environment = dict(os.environ)
    for holder, name, value in places:
        setattr(holder, name, value)
    os.environ.update(ENVIRONMENT)
    try:
        handlers()
        yield
    finally:
        for (holder, name, _), value in zip(places, before, strict=True):
            setattr(holder, name, value)
        os.environ.clear()
        os.environ.update(environment)


@cache
def handlers() -> dict[str, ModuleType]:
    """The functions' modules."""
    modules = {name: _load(name) for name in _NAMES}
    for module in modules.values():
        vars(module)["logger"] = _Silence()
    return modules


class Product:
    """The deployed product: tables, queue, bus, and its functions run by what AWS would run them by."""

    def __init__(
        self,
        world: World,
        vendor: Vendor,
        confirm: str,
        watch: Callable[[str, Any, Any], None],
        accepted: Callable[[dict[str, Any]], None],
    ) -> None:
        self.world = world
        self.secret = ""
        self.tables = {
            "Transactions": Table(("transactionId",), streams=True),
            "Notes": Table(("notes", "entry")),
            "Webhooks": Table(("webhookId",), streams=True),
            "Idempotency": Table(("id",)),
        }
        self._watch = watch
        self.queue = Queue(world, "ReconcileQueue")
        self.queue.consume = self._reconcile
        self.shards = [Shard(self, self.tables[name]) for name in ("Transactions", "Webhooks")]
        self._sweeps: set[int] = set()
        dynamodb = DynamoDB(world, self.tables, self._written)
        _Switch.clients = {
            "dynamodb": dynamodb,
            "sqs": Sqs(world, self.queue),
            "events": EventBridge(world, accepted),
            "secretsmanager": self,
        }
        _Switch.clock, _Switch.http, _Switch.chance = world.clock, vendor, world.random.random
        _Switch.pause = world.pause
        self._wire(dict(ENVIRONMENT, CONFIRM=confirm))

    def _wire(self, env: dict[str, str]) -> None:
        functions = handlers()
        client: Any = _Switch.clients["dynamodb"]
        read = bootstrap.read_secrets(env, bootstrap.utc_now)
        ingest = vars(functions["ingest_webhook"])
        ingest["CONFIRM"], ingest["read_secrets"] = env["CONFIRM"], read
        ingest["transactions"], ingest["webhooks"] = (
            bootstrap.transactions(env, client),
            bootstrap.webhooks(env, client),
        )
        vars(functions["reconcile"])["puller"] = bootstrap.puller(env, bootstrap.utc_now)
        sweep = vars(functions["sweep"])
        sweep["transactions"], sweep["sqs"] = bootstrap.transactions(env, client), _Switch.clients["sqs"]
        publish = vars(functions["publish_updates"])
        publish["eventbridge"], publish["sqs"] = _Switch.clients["events"], _Switch.clients["sqs"]
        publish["pause"] = lambda attempt: self.world.pause(200 * 2**attempt)
        sdk = functions["accept_sdk_response"]
        notes = bootstrap.notes(env, client)
        vars(sdk)["read_secrets"] = bootstrap.read_secrets(env, bootstrap.utc_now)
        vars(sdk)["fetcher"] = sdk.Fetcher(notes.transactions, lambda: None, env["SERVICE_SCOPE"])
        vars(sdk)["signals"] = sdk.Signals(notes, env["CONFIRM"])
        self.creator = create_transaction.Creator(
            bootstrap.gateway(env, bootstrap.read_secrets(env, bootstrap.utc_now)), notes, bootstrap.utc_now
        )

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        """Secrets Manager's part."""
        self.world.pause()
        return {"SecretString": self.secret}

    # --- what AWS runs

    def request(self, name: str, event: Mapping[str, Any], ended: Callable[[dict[str, Any] | None], None]) -> None:
        """An HTTP request to a function."""
        module = handlers()[name]
        self.world.invoke(name, _timeout(name), lambda: module.handler(event, None), ended)

    def _reconcile(self, messages: list[Message]) -> None:
        records = [{"messageId": message.id, "body": message.body} for message in messages]

        def ended(result: dict[str, Any] | None) -> None:
            failed = {each["itemIdentifier"] for each in result["batchItemFailures"]} if result else None
            for message in messages:
                if failed is None or message.id in failed:
                    self.queue.back(message)

        module = handlers()["reconcile"]
        self.world.invoke("reconcile", _timeout("reconcile"), lambda: module.handler({"Records": records}, None), ended)

    def _written(self, table: str, old: Any, new: Any) -> None:
        self._watch(table, old, new)
        if table in ("Transactions", "Webhooks"):
            shard = self.shards[table == "Webhooks"]
            self.world.at(self.world.now + 5, shard.poll)
        if table == "Transactions" and new is not None and "nextCheckAt" in new:
            due = datetime.fromisoformat(new["nextCheckAt"]["S"])
            self._sweep_at(int((due - self.world.moment(0)).total_seconds() * 1000))

    def _sweep_at(self, when: int) -> None:
        minute = -(-max(when, self.world.now + 1) // (60 * SECOND)) * 60 * SECOND
        if minute not in self._sweeps:
            self._sweeps.add(minute)
            self.world.at(minute, self._sweep)

    def _sweep(self) -> None:
        """The schedule: every minute in truth, here only in those minutes in which something is due."""
        now = self.world.moment(self.world.now).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        items = self.tables["Transactions"].items.values()
        if not any("nextCheckAt" in item and item["nextCheckAt"]["S"] <= now for item in items):
            return
        module = handlers()["sweep"]
        self.world.tell("sweep")
        self.world.invoke("sweep", _timeout("sweep"), lambda: module.handler({}, None), lambda _: None)
        self._sweep_at(self.world.now + 1)


class Shard:
    """A table's stream and the function it feeds: in order, again and again on failure, in halves."""

    def __init__(self, product: Product, table: Table) -> None:
        self.product = product
        self.table = table
        self.position = 0
        self.busy = False
        self.size = 100

    def poll(self) -> None:
        """Pass on what is new, one batch at a time."""
        if self.busy or self.position >= len(self.table.stream):
            return
        self.busy = True
        records = self.table.stream[self.position : self.position + self.size]
        module = handlers()["publish_updates"]

        def run() -> bool:
            module.handler({"Records": records}, None)
            return True

        self.product.world.invoke(
            "publish_updates", _timeout("publish_updates"), run, lambda done: self._ended(len(records), bool(done))
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
