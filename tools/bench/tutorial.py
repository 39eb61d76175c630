"""The handler to compare with, as tutorials teach it: a resolver, a boto3 resource, the body stored as a nested map.

It trusts the body, overwrites the stored item, and needs a read to detect the change. It is here for its cost only.
"""

import hashlib
import hmac
import json
import os
from decimal import Decimal
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from botocore.config import Config
from pydantic import BaseModel

logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb", config=Config()).Table(os.environ["TRANSACTIONS_TABLE"])


class Order(BaseModel):
    tradingsymbol: str
    transactionType: str
    status: str
    quantity: int
    filledQuantity: int
    averagePrice: float | None


class Webhook(BaseModel):
    transactionId: str
    smallcaseAuthId: str
    timestamp: str
    checksum: str
    status: str
    orders: list[Order]


class Accepted(BaseModel):
    status: str


@app.post("/webhooks/orders")
def webhook(body: Webhook) -> Accepted:
    message = (body.timestamp + body.smallcaseAuthId).encode()
    if not hmac.compare_digest(
        hmac.new(os.environ["API_SECRET"].encode(), message, hashlib.sha256).hexdigest(), body.checksum
    ):
        raise UnauthorizedError("checksum")
    item = json.loads(app.current_event.body or "", parse_float=Decimal)
    table.put_item(Item=item)
    logger.info("stored", extra={"transactionId": body.transactionId, "status": body.status})
    return Accepted(status="ok")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
