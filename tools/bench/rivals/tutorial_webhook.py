"""A webhook function as Powertools' docs teach it: resolver with validation, Logger, Tracer, Metrics, a boto3 resource.

It trusts the body, overwrites the stored item, and needs a read to detect the change. It is here for its cost only.
"""

import hashlib
import hmac
import json
import os
from decimal import Decimal

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from pydantic import BaseModel

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TRANSACTIONS_TABLE"])


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
@tracer.capture_method
def webhook(body: Webhook) -> Accepted:
    secret = parameters.get_secret(os.environ["GATEWAY_SECRET_ARN"], transform="json", max_age=300)["apiSecret"]
    message = (body.timestamp + body.smallcaseAuthId).encode()
    if not hmac.compare_digest(hmac.new(secret.encode(), message, hashlib.sha256).hexdigest(), body.checksum):
        raise UnauthorizedError("checksum")
    item = json.loads(app.current_event.body or "", parse_float=Decimal)
    table.put_item(Item=item)
    metrics.add_metric(name="Webhooks", unit=MetricUnit.Count, value=1)
    logger.info("stored", extra={"transactionId": body.transactionId, "status": body.status})
    return Accepted(status="ok")


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
