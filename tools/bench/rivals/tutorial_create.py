"""A create function as Powertools' docs teach it: resolver with validation, idempotency, httpx, jwt."""

import os
import time
from typing import Any

import boto3
import httpx
import jwt
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from pydantic import BaseModel

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["TRANSACTIONS_TABLE"])
users = dynamodb.Table(os.environ["USERS_TABLE"])
http = httpx.Client(base_url=os.environ["GATEWAY_URL"], timeout=10)
store = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
config = IdempotencyConfig(event_key_jmespath='[headers."idempotency-key", body]')


class Security(BaseModel):
    ticker: str
    type: str
    quantity: int


class New(BaseModel):
    securities: list[Security]


class Created(BaseModel):
    transactionId: str
    sdkToken: str


class Token(BaseModel):
    sdkToken: str


def _token(secret: str) -> str:
    now = int(time.time())
    return jwt.encode({"guest": True, "iat": now, "exp": now + 3600}, secret, algorithm="HS256")


def _secrets() -> Any:
    return parameters.get_secret(os.environ["GATEWAY_SECRET_ARN"], transform="json", max_age=300)


@app.post("/transactions")
@tracer.capture_method
def create(body: New) -> Created:
    user = app.current_event.request_context.authorizer.jwt_claim["sub"]
    secrets = _secrets()
    token = _token(secrets["gatewaySecret"])
    answer = http.post(
        f"/gateway/{os.environ['GATEWAY_NAME']}/transaction",
        json={
            "intent": "TRANSACTION",
            "notes": user,
            "orderConfig": {"type": "SECURITIES", "securities": [each.model_dump() for each in body.securities]},
        },
        headers={"x-gateway-secret": secrets["apiSecret"], "x-gateway-authtoken": token},
    )
    answer.raise_for_status()
    created = answer.json()["data"]
    item = {"transactionId": created["transactionId"], "notes": user, "status": "CREATED", **body.model_dump()}
    table.put_item(Item=item)
    users.put_item(Item={"notes": user, "entry": f"transaction#{created['transactionId']}"})
    metrics.add_metric(name="Created", unit=MetricUnit.Count, value=1)
    logger.info("created", extra={"transactionId": created["transactionId"]})
    return Created(transactionId=created["transactionId"], sdkToken=token)


@app.post("/sdk-tokens")
@tracer.capture_method
def sdk_token() -> Token:
    return Token(sdkToken=_token(_secrets()["gatewaySecret"]))


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
@idempotent(config=config, persistence_store=store)
def handler(event, context):
    return app.resolve(event, context)
