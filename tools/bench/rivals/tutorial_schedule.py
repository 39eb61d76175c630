"""A scheduled function as Powertools' docs teach it: query due items, send them to a queue."""

import json
import os
from datetime import UTC, datetime

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from boto3.dynamodb.conditions import Key

logger = Logger()
tracer = Tracer()
metrics = Metrics()
table = boto3.resource("dynamodb").Table(os.environ["TRANSACTIONS_TABLE"])
sqs = boto3.client("sqs")


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    now = datetime.now(UTC).isoformat()
    due = []
    for shard in range(4):
        condition = Key("checkShard").eq(str(shard)) & Key("nextCheckAt").lte(now)
        due += table.query(IndexName="due", KeyConditionExpression=condition)["Items"]
    for start in range(0, len(due), 10):
        sqs.send_message_batch(
            QueueUrl=os.environ["PULL_QUEUE_URL"],
            Entries=[
                {"Id": str(n), "MessageBody": json.dumps({"transactionId": each["transactionId"]})}
                for n, each in enumerate(due[start : start + 10])
            ],
        )
    metrics.add_metric(name="Due", unit=MetricUnit.Count, value=len(due))
    logger.info("checks requested", extra={"due": len(due)})
