"""The subjects of the measurement: every function with an event, and the handler to compare it with."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.transaction import Confirmation, Source, Transaction
from securities_transactions.storage.dynamodb import to_attributes
from securities_transactions.storage.mapper import to_item
from tools.bench import payloads
from tools.bench.measure import Subject

ROOT: Final = Path(__file__).parents[2]
_EVENTS: Final = ROOT / "events"
_STAMP: Final = datetime(2026, 1, 15, 4, 30, 12, 345000, tzinfo=UTC)

ENVIRONMENT: Final = {
    "AUTH_ID_PATTERN": "[0-9a-f]{24}",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_DEFAULT_REGION": "ap-south-1",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
    "AWS_LAMBDA_LOG_LEVEL": "INFO",
    "AWS_REGION": "ap-south-1",
    "AWS_SECRET_ACCESS_KEY": "bench",
    # As on Lambda with tracing enabled. Otherwise the tutorial's tracer would do less than it does there.
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "BOOKS_CLOSE_AT": "18:30",
    "BOOKS_TABLE": "Books",
    "BOOKS_WINDOW_DAYS": "1",
    "CONFIRM": "final",
    "CREDENTIALS_REFUSED": "401,403",
    "CREATIONS_PER_MINUTE": "30",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.ap-south-1.amazonaws.com/123456789012/dead",
    "EVENT_BUS": "bus",
    "GATEWAY_NAME": "bench",
    "GATEWAY_ORDERS_PATH": "/v1/{gatewayName}/engine/orders/sst",
    "GATEWAY_IDS_PARAMETER": "transactionId",
    "GATEWAY_IDS_PER_CALL": "1",
    "GATEWAY_SECRET_ARN": "arn:aws:secretsmanager:ap-south-1:123456789012:secret:gateway",
    "HISTORY_RETENTION_DAYS": "2922",
    "HISTORY_TABLE": "History",
    "IDEMPOTENCY_TABLE": "Idempotency",
    "LAMBDA_TASK_ROOT": "/var/task",
    "MESSAGES_TABLE": "Messages",
    "OPERATOR_SCOPE": "securities-transactions:operator",
    "POSITIONS_TABLE": "Positions",
    "POWERTOOLS_METRICS_NAMESPACE": "securities-transactions",
    "POWERTOOLS_SERVICE_NAME": "securities-transactions",
    "PULL_QUEUE_URL": "https://sqs.ap-south-1.amazonaws.com/123456789012/pull",
    "SECRET_AGE_SECONDS": "300",
    "FINAL_REPORTS_QUEUE_URL": "https://sqs.ap-south-1.amazonaws.com/123456789012/finals",
    "SERVICE_SCOPE": "securities-transactions:service",
    "TRANSACTIONS_TABLE": "Transactions",
    "TWO_PERSON_RESOLUTION": "false",
    "USERS_TABLE": "Users",
    "WEBHOOKS_TABLE": "Webhooks",
    "WEBHOOK_RETENTION_DAYS": "90",
    "WEBHOOK_SEGMENTS": "none",
    "WEBHOOK_SOURCES": "",
}

_HISTORY: Final = {
    "transactionId": payloads.TRANSACTION_ID,
    "entry": f"{1:010d}#{1:040d}",
    "version": 1,
    "at": "2026-01-15T04:30:12.345Z",
    "facts": {"change": "created", "status": "CREATED", "settled": False},
    "cause": {"kind": "api", "requestId": "5f0c2f1f-9b7e-4f7d-8a1b-2c3d4e5f6071"},
}


@dataclass(frozen=True)
class Function:
    """A function of the product, the tutorial of its kind, and the factory of its events."""

    name: str
    tutorial: str
    fastapi: bool
    floor: str | None
    events: Callable[[int, bool], Any]
    sizes: Sequence[int] = (1,)


def functions() -> list[Function]:
    """Every function in functions/. An unlisted one raises `KeyError`, so that new functions are measured too."""
    listed = {each.name: each for each in _FUNCTIONS}
    return [listed[path.parent.name] for path in sorted((ROOT / "functions").glob("*/app.py"))]


def ours(function: Function, layer: Path, size: int = 1) -> Subject:
    """A function as the product deploys it."""
    return Subject(ROOT / "functions" / function.name, layer, "app.handler", ENVIRONMENT, answers(size, stored(size)))


def rival(function: Function, handler: str, layer: Path, size: int = 1) -> Subject:
    """A handler that does the same job. Its items are nested maps, as `TypeSerializer` writes them."""
    return Subject(ROOT / "tools/bench/rivals", layer, handler, ENVIRONMENT, answers(size, nested(size)))


def stored(orders: int, version: int = 3) -> dict[str, Any]:
    """A transaction's item after a webhook, with every attribute that it can have by then."""
    sent = payloads.batch(orders)
    batch = Batch.model_validate(loads(json.dumps(sent)))
    securities = [{"ticker": o["tradingsymbol"], "type": o["transactionType"], "quantity": 5} for o in sent["orders"]]
    transaction = Transaction(
        transaction_id=payloads.TRANSACTION_ID,
        user_id="user-12345678",
        status=batch.status_of_orders,
        version=version,
        created_at=_STAMP,
        expire_at=_STAMP,
        requested=Deferred.of({"orderConfig": {"type": "SECURITIES", "securities": securities}}),
        orders=Deferred.of(batch),
        revision=Snapshot(batch, _STAMP).revision,
        batch_id=batch.batchId,
        smallcase_auth_id=payloads.AUTH_ID,
        broker="kite",
        buy_amount=batch.buyAmount,
        sell_amount=batch.sellAmount,
        confirmation=Confirmation.REPORTED,
        source=Source.WEBHOOK,
        reported_at=_STAMP,
        pull_requested_at=_STAMP,
        pulled_at=_STAMP,
        next_check_at=_STAMP,
        checks=1,
        cause=Cause(
            kind=CauseKind.WEBHOOK,
            request_id="5f0c2f1f-9b7e-4f7d-8a1b-2c3d4e5f6071",
            webhook_id="0c70bccea4c1496e" * 2,
        ),
    )
    return to_item(transaction)


def nested(orders: int) -> dict[str, Any]:
    """The webhook's body as a tutorial stores it: a nested map."""
    return dict(loads(payloads.webhook(orders)))


def answers(size: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """The responses of AWS services and the Gateway, by operation or path."""
    attributes = _wire(to_attributes({**item, "notes": "user-42"}))
    account = {"notes": {"S": "user-42"}, "entry": {"S": f"account#{payloads.AUTH_ID}"}, "broker": {"S": "kite"},
               "linkedAt": {"S": "2026-01-15T04:30:12.345Z"}}  # fmt: skip
    pointer = {"notes": {"S": "user-42"}, "transactionId": {"S": payloads.TRANSACTION_ID},
               "entry": {"S": f"transaction#2026-01-15T04:30:12.345Z#{payloads.TRANSACTION_ID}"}}  # fmt: skip

    def query(request: Mapping[str, Any]) -> Any:
        if request.get("IndexName") == "due":
            return {"Items": [{"transactionId": pointer["transactionId"], "nextCheckAt": account["linkedAt"]}]}
        items = [account] if "account#" in str(request) else [pointer]
        if request["TableName"] == "History":
            items = [_wire(to_attributes(_HISTORY))]
        if request["TableName"] == "Webhooks":
            items = []
        return {"Items": items, "Count": 1, "ScannedCount": 1}

    def put_events(request: Mapping[str, Any]) -> Any:
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in request["Entries"]]}

    def sent(request: Mapping[str, Any]) -> Any:
        done = [{"Id": each["Id"], "MessageId": "m", "MD5OfMessageBody": "x"} for each in request["Entries"]]
        return {"Successful": done, "Failed": []}

    def got(request: Mapping[str, Any]) -> Any:
        if request["TableName"] == "Transactions":
            return {"Item": attributes}
        if request["TableName"] in ("Positions", "Idempotency"):
            return {}
        return {"Item": {"notes": {"S": "owner"}, "entry": {"S": "owner"}, "owner": {"S": "user-42"}}}

    details = {
        "transactionId": payloads.TRANSACTION_ID, "status": "COMPLETED", "expired": False, "broker": "kite",
        "notes": "user-12345678", "success": {"data": {"batches": [{"batchId": "65b0000000000000000000a1"}]}},
    }  # fmt: skip
    secrets = {"gatewaySecret": payloads.GATEWAY_SECRET, "apiSecret": payloads.API_SECRET}
    rows = [payloads.batch(size) | {"transactionId": payloads.TRANSACTION_ID, "broker": "kite"}]
    empty: dict[str, Any] = {}
    return {
        "GetSecretValue": {"Name": "s", "SecretString": json.dumps(secrets)},
        "GetItem": got,
        "BatchWriteItem": {"UnprocessedItems": {}},
        "BatchGetItem": {"Responses": {"Transactions": [attributes]}, "UnprocessedKeys": {}},
        "Query": query,
        "PutItem": empty,
        "UpdateItem": {"Attributes": attributes},
        "DeleteItem": empty,
        "TransactWriteItems": empty,
        "PutEvents": put_events,
        "GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
        "SendMessage": {"MessageId": "m", "MD5OfMessageBody": "x"},
        "SendMessageBatch": sent,
        "transaction": {
            "success": True, "errors": None,
            "data": {"transactionId": payloads.TRANSACTION_ID, "expireAt": "2036-01-15T04:45:00.000Z"},
        },
        "transactiondetails": {"success": True, "errors": None, "data": {"transactionDetails": details}},
        "sst": {"success": True, "errors": None, "data": {"orders": rows}},
    }  # fmt: skip


def _sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_EVENTS / f"{name}.json").read_text())
    return found


def _as_sampled(name: str) -> Callable[[int, bool], Any]:
    return lambda size, compact: _sample(name)


def _stored_transaction(size: int, compact: bool) -> Any:
    """The read event without the refresh of the sample: most reads return the stored state."""
    event = _sample("fetch_transaction")
    return {**event, "queryStringParameters": None, "rawQueryString": ""}


def _webhook(size: int, compact: bool) -> Any:
    return _sample("ingest_webhook") | {"body": payloads.webhook(size)}


def _records(size: int, compact: bool) -> Any:
    """A record batch of `size` transactions whose order was just filled, compact or in a tutorial's format."""
    record = _sample("publish_updates")["Records"][0]
    records = []
    for n in range(size):
        new, old = (stored(1, 4), stored(1, 3)) if compact else (nested(1), nested(1))
        if compact:
            open_ = payloads.batch(1) | {"status": "PLACED", "filled": 0}
            batch = Batch.model_validate(loads(json.dumps(open_)))
            old |= {"revision": Snapshot(batch, _STAMP).revision.text, "status": "PLACED"}
        images = {
            name: _wire(to_attributes(image | {"transactionId": f"TRX_{n:032x}"}))
            for name, image in (("NewImage", new), ("OldImage", old))
        }
        records.append(record | {"dynamodb": record["dynamodb"] | images, "eventID": f"{n:032x}"})
    return {"Records": records}


def _wire(value: Any) -> Any:
    """Attribute values in their JSON form."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _wire(each) for name, each in value.items()}
    return [_wire(each) for each in value] if isinstance(value, list) else value


def _create(size: int, compact: bool) -> Any:
    event = _sample("create_transaction")
    return event | {"headers": {**event["headers"], "idempotency-key": f"{datetime.now(UTC).timestamp()}"}}


_FUNCTIONS: Final = (
    Function("accept_sdk_response", "tutorial_sdk", False, None, _as_sampled("accept_sdk_response")),
    Function("broker_accounts", "tutorial_read", False, None, _as_sampled("broker_accounts")),
    Function("cases", "tutorial_read", False, None, _as_sampled("cases")),
    Function("check_due", "tutorial_schedule", False, None, _as_sampled("check_due")),
    Function("close_books", "tutorial_schedule", False, None, _as_sampled("close_books")),
    Function("create_transaction", "tutorial_create", True, "create", _create),
    Function("fetch_history", "tutorial_read", False, None, _as_sampled("fetch_history")),
    Function("fetch_orders", "tutorial_read", False, None, _as_sampled("fetch_orders")),
    Function("fetch_transaction", "tutorial_read", True, "read", _stored_transaction),
    Function("ingest_webhook", "tutorial_webhook", True, "webhook", _webhook, (1, 10, 50, 200)),
    Function("issue_sdk_token", "tutorial_sdk", False, None, _as_sampled("issue_sdk_token")),
    Function("notifier", "tutorial_consume", False, None, _as_sampled("notifier")),
    Function("positions", "tutorial_consume", False, None, _as_sampled("positions")),
    Function("publish_updates", "tutorial_publish", False, "publish", _records, (1, 10, 100)),
    Function("reconcile", "tutorial_pull", False, None, _as_sampled("reconcile")),
    Function("record_history", "tutorial_publish", False, None, _records, (1, 100)),
)
