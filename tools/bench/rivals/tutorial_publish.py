"""A stream publisher as Powertools' docs teach it: data classes, a pydantic event, ten entries per call."""

import os

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from pydantic import BaseModel

logger = Logger()
tracer = Tracer()
metrics = Metrics()
events = boto3.client("events")


class Order(BaseModel):
    tradingsymbol: str
    transactionType: str
    orderType: str
    status: str
    quantity: int
    filledQuantity: int
    averagePrice: float | None = None
    exchangeOrderId: str | None = None


class OrdersChanged(BaseModel):
    transactionId: str
    notes: str
    status: str
    previousStatus: str | None
    buyAmount: float
    sellAmount: float
    orders: list[Order]


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
@event_source(data_class=DynamoDBStreamEvent)
def handler(event, context):
    entries = []
    for record in event.records:
        new, old = record.dynamodb.new_image, record.dynamodb.old_image
        changed = OrdersChanged(**{**new, "previousStatus": old.get("status") if old else None})
        entries.append(
            {
                "Source": "orders",
                "DetailType": "OrdersChanged",
                "Detail": changed.model_dump_json(),
                "EventBusName": os.environ["EVENT_BUS"],
            }
        )
    for start in range(0, len(entries), 10):
        answer = events.put_events(Entries=entries[start : start + 10])
        if answer["FailedEntryCount"]:
            raise RuntimeError("entries failed")
    metrics.add_metric(name="Published", unit=MetricUnit.Count, value=len(entries))
    logger.info("published", extra={"records": len(entries)})
