"""The real handlers behind the HTTP API, newly loaded, with tables in memory and a scripted Gateway.

Requests are matched to functions by the template's routes. Nothing here waits or listens.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
from botocore.exceptions import ClientError

from securities_transactions.bootstrap import Application
from securities_transactions.deadline import Deadline
from securities_transactions.domain.secrets import GatewaySecret
from securities_transactions.gateway import tokens
from tests.application import FakeClients, Handler, application, claims_event, handler, in_turn
from tests.simulation.dynamodb import DynamoDB, Table
from tests.simulation.expressions import Item
from tests.simulation.messaging import resources
from tests.simulation.world import SECOND, Rates, World
from tests.strict_messaging import StrictQueue

GATEWAY_SECRET: Final = "gateway_secret_of_the_unit_tests_not_real"
API_SECRET: Final = "api_secret_of_the_unit_tests_not_real"
USER: Final = "user-42"
OTHER: Final = "user-43"
SERVICE: Final = "securities-transactions:service"
OPERATOR: Final = "securities-transactions:operator"
KITE: Final = "65a1b2c3d4e5f60718293a4b"
GROWW: Final = "65a1b2c3d4e5f60718293a4c"
INFY: Final = {"ticker": "INFY", "type": "BUY", "quantity": 3}

Answer = httpx.Response | Exception


class Client(DynamoDB):
    """The simulation's client, with what only these handlers call. `failing` names an operation and how it fails."""

    failing: Mapping[str, BaseException] = {}

    def put_item(self, *, ReturnValuesOnConditionCheckFailure: str = "NONE", **arguments: Any) -> dict[str, Any]:
        """PutItem, which shows the item that made its condition fail to who asks for it."""
        self._fail("PutItem", arguments["TableName"])
        try:
            return super().put_item(**arguments)
        except ClientError as error:
            table = self.tables[arguments["TableName"]]
            old = table.items.get(table.key(arguments["Item"]))
            if ReturnValuesOnConditionCheckFailure == "ALL_OLD" and old is not None:
                error.response["Item"] = dict(old)  # type: ignore[typeddict-unknown-key]  # DynamoDB's alone
            raise

    def update_item(self, *, TableName: str, Key: Item, **arguments: Any) -> dict[str, Any]:
        """UpdateItem."""
        self._fail("UpdateItem", TableName)
        return super().update_item(TableName=TableName, Key=Key, **arguments)

    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """TransactWriteItems."""
        self._fail("TransactWriteItems", "")
        return super().transact_write_items(TransactItems=TransactItems)

    def delete_item(
        self, *, TableName: str, Key: Item, ConditionExpression: str | None = None, **bound: Any
    ) -> dict[str, Any]:
        """DeleteItem."""
        self._fail("DeleteItem", TableName)
        table = self.tables[TableName]
        names, values = (bound.get(f"ExpressionAttribute{each}", {}) for each in ("Names", "Values"))
        if not self._holds([ConditionExpression], ConditionExpression, table.items.get(table.key(Key)), names, values):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "DeleteItem")
        table.items.pop(table.key(Key), None)
        return {}

    def query(self, *, TableName: str, KeyConditionExpression: str, **arguments: Any) -> dict[str, Any]:
        """Query."""
        self._fail("Query", TableName)
        return super().query(TableName=TableName, KeyConditionExpression=KeyConditionExpression, **arguments)

    def _fail(self, operation: str, table: str) -> None:
        for name in (operation, f"{operation} {table}"):
            if name in self.failing:
                raise self.failing[name]


def _client() -> Callable[..., Client]:
    """The client in memory; with TWO_DYNAMODBS in the environment one that makes each call on moto's as well."""
    if not os.environ.get("TWO_DYNAMODBS"):
        return Client
    from tests.dynamodb.second import TwoDynamoDBs, moto  # it imports this module, and moto takes a second

    moto().stand_in()  # such a run is one of its own
    return TwoDynamoDBs


class Gateway:
    """The Gateway's side: what it was asked, and how it answers, `answer` first where a test sets it."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], Answer | None] = lambda request: None
        self.details: dict[str, dict[str, Any]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The transport's handler."""
        self.requests.append(request)
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        return self._usual(request) if answer is None else answer

    @property
    def created(self) -> list[dict[str, Any]]:
        """The bodies of the create calls."""
        return [json.loads(request.content) for request in self.requests if request.method == "POST"]

    def _usual(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return said({"transactionId": f"TRX_{len(self.created)}", "expireAt": "2026-01-15T04:45:00.000Z"})
        known = self.details.get(request.url.params["transactionId"])
        return refused(400, "unknown transaction") if known is None else said(known)


def said(data: Any) -> httpx.Response:
    """The Gateway's yes."""
    return httpx.Response(200, json={"success": True, "errors": None, "data": data})


def refused(status: int, *errors: str, **more: Any) -> httpx.Response:
    """The Gateway's no."""
    return httpx.Response(status, json={"success": False, "errors": list(errors), "data": None, **more})


@dataclass(frozen=True)
class Answered:
    """The response to an app."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The JSON document."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    @property
    def problem(self) -> str:
        """The last part of the problem's type."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.body["type"]).rpartition(":")[2]


@dataclass
class Context:
    """Lambda's context of an invocation."""

    milliseconds: int = 20_000
    function_name: str = "function"
    aws_request_id: str = "5f0c2f1f-9b7e-4f7d-8a1b-2c3d4e5f6071"

    def get_remaining_time_in_millis(self) -> int:
        """The milliseconds that the invocation has left."""
        return self.milliseconds


class Rig:
    """The API without API Gateway: `call(route, …)` runs the function that the template gives the route.

    `settings` overrules the environment of the functions. `client` makes the client of DynamoDB.
    """

    def __init__(self, client: Callable[..., Client] | None = None, /, **settings: str) -> None:
        self.world = World(1, Rates(), (0,), story=False)
        self.tables = {
            "Transactions": Table(("transactionId",), streams=True),
            "Users": Table(("notes", "entry")),
            "Webhooks": Table(("webhookId",), streams=True),
            "History": Table(("transactionId", "entry")),
            "Idempotency": Table(("id",)),
            "Books": Table(("book", "day")),
        }
        make = client or _client()
        self.dynamodb = make(self.world, self.tables, lambda table, old, new: None)
        self.gateway = Gateway()
        self.secret = json.dumps({"gatewaySecret": GATEWAY_SECRET, "apiSecret": API_SECRET})
        self.clients = FakeClients(dynamodb=self.dynamodb, secretsmanager=self, sqs=StrictQueue(), http=self.gateway)
        self.settings = dict(settings)
        self.sleeps: list[float] = []
        self._handlers: dict[str, Handler] = {}

    def application(self) -> Application:
        """An application of its own for a function: it shares nothing with those of the others, as on AWS."""
        return application(
            self.clients, self.world.clock, lambda: 0.5, self.sleeps.append, Deadline(), in_turn, **self.settings
        )

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        """Secrets Manager's part."""
        return {"SecretString": self.secret}

    def pass_time(self, seconds: float) -> None:
        """Later: for everything that goes by the product's own clock."""
        self.world.now += int(seconds * SECOND)

    def restart(self, **settings: str) -> None:
        """Deploy the functions again under other settings; tables and the Gateway stay."""
        self.settings |= settings
        self._handlers.clear()

    @property
    def functions(self) -> frozenset[str]:
        """The functions that this test has run."""
        return frozenset(self._handlers)

    def handler(self, function: str) -> Handler:
        """A function's handler, made once for this test."""
        if function not in self._handlers:
            self._handlers[function] = handler(function, self.application())
        return self._handlers[function]

    def use(self, function: str, application: Application) -> None:
        """Deploy a function over an application that a test has put together."""
        self._handlers[function] = handler(function, application)

    def call(
        self,
        route: str,
        body: Any = None,
        *,
        user: str = USER,
        scope: str = "",
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        context: Context | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> Answered:
        """The answer to a request of `user` on `route`, such as "GET /orders"; `claims` are further ones."""
        more: dict[str, Any] = {"pathParameters": dict(path)} if path else {}
        more |= {"queryStringParameters": dict(query)} if query else {}
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        event = claims_event(route, user, scope, headers=dict(headers or {}), body=text, isBase64Encoded=False, **more)
        event["requestContext"]["authorizer"]["jwt"]["claims"].update(claims or {})
        answer = self.handler(routes()[route])(event, context or Context())
        return Answered(answer["statusCode"], answer["headers"], answer.get("body", ""))

    def create(self, user: str = USER, key: str | None = None, context: Context | None = None, **more: Any) -> Answered:
        """POST /transactions of one security."""
        headers = {"idempotency-key": key} if key is not None else {}
        body = {"securities": [INFY], **more}
        return self.call("POST /transactions", body, user=user, headers=headers, context=context)

    def transaction(self, user: str = USER) -> str:
        """The id of a new transaction of a user."""
        answer = self.create(user)
        assert answer.status == 201, answer.text
        return str(answer.body["transactionId"])

    def resolve(self, transaction_id: str, auth_id: str = KITE, user: str = USER, **more: Any) -> Answered:
        """Post the SDK's result for a transaction."""
        token = tokens.mint_connected(GatewaySecret(GATEWAY_SECRET), auth_id, self.world.clock())
        resolved = {"transactionId": transaction_id, "smallcaseAuthToken": token, "broker": "kite", **more}
        route = "POST /transactions/{transactionId}/sdk-response"
        return self.call(route, {"resolved": resolved}, user=user, path={"transactionId": transaction_id})

    def link(self, auth_id: str = KITE, broker: str = "kite", user: str = USER) -> None:
        """An account that the user has traded with."""
        answer = self.resolve(self.transaction(user), auth_id, user, broker=broker)
        assert answer.body["account"] == "linked", answer.text


@cache
def routes() -> Mapping[str, str]:
    """The function behind each route of the template."""
    found = {}
    for resource in resources().values():
        for event in resource.get("Properties", {}).get("Events", {}).values() if "Properties" in resource else ():
            if event["Type"] == "HttpApi":
                properties = event["Properties"]
                found[f"{properties['Method']} {properties['Path']}"] = Path(resource["Properties"]["CodeUri"]).name
    return found


def throttled(operation: str) -> ClientError:
    """DynamoDB's no for now, after botocore has tried again."""
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)
