"""One process, one handler: CPU per webhook and the bytes that it writes, as one line of JSON on standard output.

botocore runs for real up to the network, where a canned response is returned instead of sending.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import time
from types import SimpleNamespace
from typing import Any

import botocore.awsrequest
import botocore.session
from botocore.compat import HTTPHeaders

from tools.bench.payloads import API_SECRET, GATEWAY_SECRET, webhook

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "ap-south-1",
    "TRANSACTIONS_TABLE": "Transactions",
    "TWO_PERSON_RESOLUTION": "false",
    "USERS_TABLE": "Users",
    "WEBHOOKS_TABLE": "Webhooks",
    "IDEMPOTENCY_TABLE": "Idempotency",
    "EVENT_BUS": "bus",
    "DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/dead",
    "PULL_QUEUE_URL": "http://127.0.0.1/queue",
    "OPERATOR_SCOPE": "securities-transactions:operator",
    "FINAL_REPORTS_QUEUE_URL": "http://127.0.0.1/finals",
    "GATEWAY_SECRET_ARN": "arn:aws:secretsmanager:ap-south-1:123456789012:secret:gateway",
    "CREDENTIALS_REFUSED": "401,403",
    "SECRET_AGE_SECONDS": "300",
    "GATEWAY_URL": "http://127.0.0.1",
    "GATEWAY_NAME": "bench",
    "GATEWAY_ORDERS_PATH": "/v1/{gatewayName}/engine/orders/sst",
    "GATEWAY_IDS_PARAMETER": "transactionId",
    "GATEWAY_IDS_PER_CALL": "1",
    "SERVICE_SCOPE": "securities-transactions:service",
    "CONFIRM": "final",
    "AUTH_ID_PATTERN": "[0-9a-f]{24}",
    "HISTORY_RETENTION_DAYS": "2922",
    "HISTORY_TABLE": "History",
    "WEBHOOK_RETENTION_DAYS": "90",
    "WEBHOOK_SEGMENTS": "none",
    "WEBHOOK_SOURCES": "",
    "API_SECRET": API_SECRET,
    "POWERTOOLS_SERVICE_NAME": "securities-transactions",
    "POWERTOOLS_METRICS_NAMESPACE": "securities-transactions",
}
CONTEXT = SimpleNamespace(
    function_name="bench",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:ap-south-1:123456789012:function:bench",
    aws_request_id="bench",
    get_remaining_time_in_millis=lambda: 25_000,
)
ANSWERS = {
    "GetSecretValue": {
        "Name": "s",
        "SecretString": json.dumps({"gatewaySecret": GATEWAY_SECRET, "apiSecret": API_SECRET}),
    },
    "UpdateItem": {},
    "PutItem": {},
}


def answer(request: botocore.awsrequest.AWSPreparedRequest, **_: Any) -> Any:
    """The response of the service: the operation's empty success."""
    target = request.headers["X-Amz-Target"]
    operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
    if operation in ("UpdateItem", "PutItem"):
        written[:] = [int(request.headers["Content-Length"])]
    body = json.dumps(ANSWERS[operation]).encode()
    raw = SimpleNamespace(stream=lambda **_: iter([body]), headers={}, close=lambda: None)
    return botocore.awsrequest.AWSResponse(request.url, 200, HTTPHeaders(), raw)


written: list[int] = []


def event(body: str) -> dict[str, Any]:
    """The webhook in API Gateway's form."""
    path = "/webhooks/orders"
    http = {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x"}
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": http, "stage": "$default", "requestId": "x"},
        "body": body,
        "isBase64Encoded": False,
    }


def main(module: str, orders: int, calls: int) -> None:
    """Call the handler of `module` with webhooks of `orders` orders and print the CPU milliseconds of one call."""
    os.environ.update(ENVIRONMENT)
    original = botocore.session.Session.create_client

    def create_client(self: botocore.session.Session, *args: Any, **kwargs: Any) -> Any:
        client = original(self, *args, **kwargs)
        client.meta.events.register("before-send", answer)
        return client

    botocore.session.Session.create_client = create_client  # type: ignore[method-assign]  # the seam at the wire
    bodies = [event(webhook(orders)) for _ in range(calls)]
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        handler = importlib.import_module(module).handler
        for each in bodies[: max(5, calls // 10)]:
            given = handler(each, CONTEXT)
            assert given["statusCode"] == 200, given  # noqa: S101  # a bench of failures would flatter
        log.truncate(0)
        log.seek(0)
        start = time.process_time()
        for each in bodies:
            handler(each, CONTEXT)
        spent = time.process_time() - start
    report = {"ms": spent / calls * 1000, "request_bytes": written[0], "log_bytes": len(log.getvalue()) / calls}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
