"""A queue consumer as Powertools' docs teach it: batch processor, pydantic, a boto3 resource."""

import os
from decimal import Decimal
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel

logger = Logger()
tracer = Tracer()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["POSITIONS_TABLE"])


class Order(BaseModel):
    tradingsymbol: str
    transactionType: str
    filledQuantity: int
    averagePrice: Decimal | None = None


class OrdersSettled(BaseModel):
    eventId: str
    notes: str
    orders: list[Order]


@tracer.capture_method
def book(record: SQSRecord) -> None:
    settled = OrdersSettled(**record.json_body["detail"])
    for order in settled.orders:
        table.update_item(
            Key={"notes": settled.notes, "ticker": order.tradingsymbol},
            UpdateExpression="ADD shares :shares",
            ExpressionAttributeValues={":shares": order.filledQuantity},
        )
    metrics.add_metric(name="Booked", unit=MetricUnit.Count, value=1)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    return process_partial_response(event=event, record_handler=book, processor=processor, context=context)
