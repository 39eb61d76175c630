"""Token and SDK-response functions as Powertools' docs teach them: resolver with validation, jwt, a boto3 resource."""

import os
import time

import boto3
import jwt
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from boto3.dynamodb.conditions import Key
from pydantic import BaseModel

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["TRANSACTIONS_TABLE"])
users = dynamodb.Table(os.environ["USERS_TABLE"])


class Wanted(BaseModel):
    connect: str = "auto"


class Token(BaseModel):
    sdkToken: str


class SdkResponse(BaseModel):
    smallcaseAuthToken: str | None = None


class Accepted(BaseModel):
    status: str


def _secret() -> str:
    found = parameters.get_secret(os.environ["GATEWAY_SECRET_ARN"], transform="json", max_age=300)
    return str(found["gatewaySecret"])


@app.post("/sdk-tokens")
@tracer.capture_method
def sdk_token(wanted: Wanted) -> Token:
    user = app.current_event.request_context.authorizer.jwt_claim["sub"]
    linked = users.query(KeyConditionExpression=Key("notes").eq(user) & Key("entry").begins_with("account#"))["Items"]
    now = int(time.time())
    claims = {"smallcaseAuthId": linked[0]["entry"].partition("#")[2]} if linked else {"guest": True}
    metrics.add_metric(name="Tokens", unit=MetricUnit.Count, value=1)
    return Token(sdkToken=jwt.encode({**claims, "iat": now, "exp": now + 3600}, _secret(), algorithm="HS256"))


@app.post("/transactions/<transaction_id>/sdk-response")
@tracer.capture_method
def sdk_response(transaction_id: str, body: SdkResponse) -> Accepted:
    found = table.get_item(Key={"transactionId": transaction_id}, ConsistentRead=True)["Item"]
    if body.smallcaseAuthToken:
        claims = jwt.decode(body.smallcaseAuthToken, _secret(), algorithms=["HS256"], options={"verify_exp": False})
        found["smallcaseAuthId"] = claims["smallcaseAuthId"]
    table.update_item(
        Key={"transactionId": transaction_id},
        UpdateExpression="SET sdkRespondedAt = :now",
        ExpressionAttributeValues={":now": int(time.time())},
    )
    metrics.add_metric(name="SdkResponses", unit=MetricUnit.Count, value=1)
    return Accepted(status=found["status"])


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
