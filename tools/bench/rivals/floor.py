"""The floor: only the standard library, with its own signer. It is not maintainable; it shows the limit."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import time
from urllib.parse import urlsplit

_ENDPOINT = urlsplit(os.environ["AWS_ENDPOINT_URL"])
_REGION = os.environ["AWS_DEFAULT_REGION"]
_KEY, _SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
_connections: dict[str, http.client.HTTPSConnection] = {}
_known: dict[str, str] = {}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _context():
    import ssl

    return ssl.create_default_context(cafile=os.environ["BENCH_CA"])


def aws(service: str, target: str, body: dict) -> dict:
    """One call, with signature version 4."""
    if service not in _connections:
        _connections[service] = http.client.HTTPSConnection(_ENDPOINT.hostname, _ENDPOINT.port, context=_context())
    content = json.dumps(body)
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/{_REGION}/{service}/aws4_request"
    host = f"{_ENDPOINT.hostname}:{_ENDPOINT.port}"
    canonical = (
        f"POST\n/\n\nhost:{host}\nx-amz-date:{now}\nx-amz-target:{target}\n\nhost;x-amz-date;x-amz-target\n"
        + hashlib.sha256(content.encode()).hexdigest()
    )
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _hmac(_hmac(_hmac(_hmac(b"AWS4" + _SECRET.encode(), now[:8]), _REGION), service), "aws4_request")
    signature = _hmac(key, to_sign).hex()
    headers = {
        "x-amz-date": now,
        "x-amz-target": target,
        "content-type": "application/x-amz-json-1.0",
        "authorization": f"AWS4-HMAC-SHA256 Credential={_KEY}/{scope}, "
        f"SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}",
    }
    _connections[service].request("POST", "/", content, headers)
    return json.loads(_connections[service].getresponse().read())


def webhook(event, context):
    body = json.loads(event["body"])
    if not _known:
        found = aws("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": os.environ["GATEWAY_SECRET_ARN"]})
        _known.update(json.loads(found["SecretString"]))
    message = (body["timestamp"] + body["smallcaseAuthId"]).encode()
    expected = hmac.new(_known["apiSecret"].encode(), message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, body["checksum"]):
        return {"statusCode": 401}
    item = {"transactionId": {"S": body["transactionId"]}, "orders": {"S": json.dumps(body["orders"])}}
    aws("dynamodb", "DynamoDB_20120810.PutItem", {"TableName": os.environ["TRANSACTIONS_TABLE"], "Item": item})
    print(json.dumps({"level": "INFO", "message": "webhook", "transactionId": body["transactionId"]}))
    return {"statusCode": 200, "body": '{"status": "ok"}'}


def read(event, context):
    key = {"transactionId": {"S": event["pathParameters"]["transactionId"]}}
    table = os.environ["TRANSACTIONS_TABLE"]
    found = aws("dynamodb", "DynamoDB_20120810.GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
    return {"statusCode": 200, "body": json.dumps(found["Item"]["status"]["S"])}


def create(event, context):
    if not _known:
        found = aws("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": os.environ["GATEWAY_SECRET_ARN"]})
        _known.update(json.loads(found["SecretString"]))
    gateway = urlsplit(os.environ["GATEWAY_URL"])
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=")
    claims = base64.urlsafe_b64encode(b'{"guest":true}').rstrip(b"=")
    signed = hmac.new(_known["gatewaySecret"].encode(), head + b"." + claims, hashlib.sha256).digest()
    token = (head + b"." + claims + b"." + base64.urlsafe_b64encode(signed).rstrip(b"=")).decode()
    if "gateway" not in _connections:
        _connections["gateway"] = http.client.HTTPSConnection(gateway.hostname, gateway.port, context=_context())
    path = f"/gateway/{os.environ['GATEWAY_NAME']}/transaction"
    headers = {"x-gateway-authtoken": token, "x-gateway-secret": _known["apiSecret"]}
    _connections["gateway"].request("POST", path, event["body"], headers)
    created = json.loads(_connections["gateway"].getresponse().read())["data"]
    item = {"transactionId": {"S": created["transactionId"]}, "request": {"S": event["body"]}}
    aws("dynamodb", "DynamoDB_20120810.PutItem", {"TableName": os.environ["TRANSACTIONS_TABLE"], "Item": item})
    return {"statusCode": 201, "body": json.dumps({"transactionId": created["transactionId"], "sdkToken": token})}


def publish(event, context):
    entries = [
        {
            "Source": "orders",
            "DetailType": "OrdersChanged",
            "Detail": json.dumps(record["dynamodb"]["NewImage"]),
            "EventBusName": os.environ["EVENT_BUS"],
        }
        for record in event["Records"]
    ]
    for start in range(0, len(entries), 10):
        aws("events", "AWSEvents.PutEvents", {"Entries": entries[start : start + 10]})
    print(json.dumps({"level": "INFO", "message": "published", "records": len(entries)}))
