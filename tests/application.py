"""The functions' handlers over an application that a test builds. No part of the product is patched."""

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

import httpx

from securities_transactions.bootstrap import Application, build
from securities_transactions.deadline import Deadline
from securities_transactions.gateway.exchange import BoundedClient
from securities_transactions.parallel import InParallel
from securities_transactions.settings import Settings
from tests.recorded_calls import RecordedClients, made_by

_ROOT: Final = Path(__file__).parents[1]
ENVIRONMENT: Final = {
    "AUTH_ID_PATTERN": "[0-9a-f]{24}",
    "BOOKS_CLOSE_AT": "18:30",
    "BOOKS_TABLE": "Books",
    "BOOKS_WINDOW_DAYS": "1",
    "CONFIRM": "final",
    "CREATIONS_PER_MINUTE": "30",
    "CREDENTIALS_REFUSED": "401,403",
    "DEAD_LETTER_QUEUE_URL": "dead letters",
    "EVENT_BUS": "bus",
    "FINAL_REPORTS_QUEUE_URL": "final reports queue",
    "GATEWAY_IDS_PARAMETER": "transactionId",
    "GATEWAY_IDS_PER_CALL": "1",
    "GATEWAY_NAME": "simulated",
    "GATEWAY_ORDERS_PATH": "/v1/{gatewayName}/engine/orders/sst",
    "GATEWAY_SECRET_ARN": "secret",
    "GATEWAY_URL": "http://127.0.0.1",
    "HISTORY_RETENTION_DAYS": "2922",
    "HISTORY_TABLE": "History",
    "IDEMPOTENCY_TABLE": "Idempotency",
    "MESSAGES_TABLE": "Messages",
    "OPERATOR_SCOPE": "securities-transactions:operator",
    "POSITIONS_TABLE": "Positions",
    "PULL_QUEUE_URL": "pull queue",
    "SECRET_AGE_SECONDS": "300",
    "SERVICE_SCOPE": "securities-transactions:service",
    "TRANSACTIONS_TABLE": "Transactions",
    "TWO_PERSON_RESOLUTION": "false",
    "USERS_TABLE": "Users",
    "WEBHOOKS_TABLE": "Webhooks",
    "WEBHOOK_RETENTION_DAYS": "90",
    "WEBHOOK_SEGMENTS": "none",
    "WEBHOOK_SOURCES": "",
}
# What botocore wants before it makes a client; the functions' own application is never called.
_AWS: Final = {"AWS_DEFAULT_REGION": "ap-south-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}

Handler = Callable[[Any, Any], Any]
T = TypeVar("T")


def in_turn(tasks: Sequence[Callable[[], T]], most: int) -> list[T]:
    """`InParallel` for a world in which nothing waits: one after another."""
    return [task() for task in tasks]


@dataclass
class FakeClients:
    """The parts that stand for AWS and for the Gateway's HTTP API."""

    dynamodb: Any = None
    events: Any = None
    secretsmanager: Any = None
    sqs: Any = None
    http: Any = None

    def gateway(self, url: str) -> Any:
        """The HTTP client for the Gateway: `http`, or one over it where it is a handler of requests."""
        if callable(self.http):
            return BoundedClient(httpx.Client(base_url=url, transport=httpx.MockTransport(self.http)))
        return self.http


def application(
    clients: Any,
    clock: Callable[[], datetime],
    random: Callable[[], float],
    sleep: Callable[[float], None] = lambda seconds: None,
    deadline: Deadline | None = None,
    in_parallel: InParallel = in_turn,
    **settings: str,
) -> Application:
    """The application over these parts; `settings` overrules the environment."""
    environment = ENVIRONMENT | settings
    recorded: Any = RecordedClients(clients, environment)
    return build(Settings(environment), recorded, clock, random, sleep, deadline, in_parallel)


@cache
def function(name: str) -> ModuleType:
    """The module of a function, loaded once as Lambda loads it, under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"function_{name}", _ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT | _AWS)
    try:
        spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return module


def handler(name: str, over: Application, *, recorded: bool = True) -> Handler:
    """A function's handler over an application. What it calls is recorded as the function's unless it has a bug."""
    made: Handler = function(name).make_handler(over)

    def recording(event: Any, context: Any) -> Any:
        with made_by(name):
            return made(event, context)

    return recording if recorded else made


def claims_event(route: str, sub: str, scope: str = "", **more: Any) -> Mapping[str, Any]:
    """An HTTP API event (payload 2.0) of a signed-in user."""
    claims = {"sub": sub, "scope": scope}
    return {"routeKey": route, "headers": {}, "requestContext": {"authorizer": {"jwt": {"claims": claims}}}, **more}
