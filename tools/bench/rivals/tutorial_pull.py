"""A pull function as Powertools' docs teach it: batch processor, httpx, jwt, a boto3 resource."""

import os
import time
from decimal import Decimal

import boto3
import httpx
import jwt
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel

logger = Logger()
tracer = Tracer()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["TRANSACTIONS_TABLE"])
http = httpx.Client(base_url=os.environ["GATEWAY_URL"], timeout=10)


class Details(BaseModel):
    transactionId: str
    status: str


@tracer.capture_method
def pull(record: SQSRecord) -> None:
    transaction_id = record.json_body["transactionId"]
    secrets = parameters.get_secret(os.environ["GATEWAY_SECRET_ARN"], transform="json", max_age=300)
    now = int(time.time())
    token = jwt.encode({"guest": True, "iat": now, "exp": now + 3600}, secrets["gatewaySecret"], algorithm="HS256")
    headers = {"x-gateway-secret": secrets["apiSecret"], "x-gateway-authtoken": token}
    name = os.environ["GATEWAY_NAME"]
    answer = http.get(
        f"/v1/{name}/engine/transactiondetails", params={"transactionId": transaction_id}, headers=headers
    )
    answer.raise_for_status()
    details = Details(**answer.json()["data"]["transactionDetails"])
    found = http.get(f"/v1/{name}/engine/orders/sst", params={"transactionId": transaction_id}, headers=headers)
    orders = found.raise_for_status().json()["data"]["orders"]
    table.update_item(
        Key={"transactionId": details.transactionId},
        UpdateExpression="SET #s = :s, orders = :o",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": details.status, ":o": _exact(orders)},
    )
    metrics.add_metric(name="Pulled", unit=MetricUnit.Count, value=1)
    logger.info("pulled", extra={"transactionId": transaction_id})


def _exact(value):
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_exact(each) for each in value]
    return Decimal(str(value)) if isinstance(value, float) else value


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return process_partial_response(event=event, record_handler=pull, processor=processor, context=context)
