"""A read function as Powertools' docs teach it: resolver with validation, a boto3 resource."""

import os
from decimal import Decimal

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from boto3.dynamodb.conditions import Key
from pydantic import BaseModel

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["TRANSACTIONS_TABLE"])
users = dynamodb.Table(os.environ["USERS_TABLE"])


class Order(BaseModel):
    tradingsymbol: str
    transactionType: str
    status: str
    quantity: int
    filledQuantity: int
    averagePrice: Decimal | None = None


class Transaction(BaseModel):
    transactionId: str
    status: str
    orders: list[Order] = []


class Page(BaseModel):
    transactions: list[Transaction]


class Account(BaseModel):
    smallcaseAuthId: str
    broker: str


@app.get("/transactions/<transaction_id>")
@app.get("/transactions/<transaction_id>/orders")
@tracer.capture_method
def transaction(transaction_id: str) -> Transaction:
    found = table.get_item(Key={"transactionId": transaction_id}, ConsistentRead=True)
    if "Item" not in found:
        raise NotFoundError("transaction")
    metrics.add_metric(name="Reads", unit=MetricUnit.Count, value=1)
    return Transaction(**found["Item"])


@app.get("/orders")
@tracer.capture_method
def orders(limit: int = 20) -> Page:
    user = app.current_event.request_context.authorizer.jwt_claim["sub"]
    pointers = users.query(
        KeyConditionExpression=Key("notes").eq(user) & Key("entry").begins_with("transaction#"), Limit=limit
    )["Items"]
    keys = [{"transactionId": each["transactionId"]} for each in pointers]
    found = dynamodb.batch_get_item(RequestItems={table.name: {"Keys": keys}})
    metrics.add_metric(name="Reads", unit=MetricUnit.Count, value=1)
    return Page(transactions=[Transaction(**item) for item in found["Responses"][table.name]])


@app.get("/accounts")
@tracer.capture_method
def accounts() -> list[Account]:
    user = app.current_event.request_context.authorizer.jwt_claim["sub"]
    found = users.query(KeyConditionExpression=Key("notes").eq(user) & Key("entry").begins_with("account#"))["Items"]
    metrics.add_metric(name="Reads", unit=MetricUnit.Count, value=1)
    return [Account(smallcaseAuthId=each["entry"].partition("#")[2], broker=each["broker"]) for each in found]


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
