"""The same routes in FastAPI behind Mangum, with boto3, httpx and jwt."""

import hashlib
import hmac
import json
import os
import time
from decimal import Decimal

import boto3
import httpx
import jwt
from fastapi import FastAPI, HTTPException, Request
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()
dynamodb = boto3.resource("dynamodb")
secretsmanager = boto3.client("secretsmanager")
table = dynamodb.Table(os.environ["TRANSACTIONS_TABLE"])
users = dynamodb.Table(os.environ["USERS_TABLE"])
http = httpx.Client(base_url=os.environ["GATEWAY_URL"], timeout=10)
known: dict[str, str] = {}


def secrets() -> dict[str, str]:
    if not known:
        found = secretsmanager.get_secret_value(SecretId=os.environ["GATEWAY_SECRET_ARN"])
        known.update(json.loads(found["SecretString"]))
    return known


class Order(BaseModel):
    tradingsymbol: str
    transactionType: str
    status: str
    quantity: int
    filledQuantity: int
    averagePrice: float | None = None


class Webhook(BaseModel):
    transactionId: str
    smallcaseAuthId: str
    timestamp: str
    checksum: str
    status: str
    orders: list[Order]


class Transaction(BaseModel):
    transactionId: str
    status: str
    orders: list[Order] = []


class Security(BaseModel):
    ticker: str
    type: str
    quantity: int


class New(BaseModel):
    securities: list[Security]


@app.post("/webhooks/orders")
async def webhook(body: Webhook, request: Request) -> dict[str, str]:
    message = (body.timestamp + body.smallcaseAuthId).encode()
    if not hmac.compare_digest(
        hmac.new(secrets()["apiSecret"].encode(), message, hashlib.sha256).hexdigest(), body.checksum
    ):
        raise HTTPException(401)
    table.put_item(Item=json.loads(await request.body(), parse_float=Decimal))
    return {"status": "ok"}


@app.get("/transactions/{transaction_id}")
def transaction(transaction_id: str) -> Transaction:
    found = table.get_item(Key={"transactionId": transaction_id}, ConsistentRead=True)
    if "Item" not in found:
        raise HTTPException(404)
    return Transaction(**found["Item"])


@app.post("/transactions", status_code=201)
def create(body: New) -> dict[str, str]:
    now = int(time.time())
    token = jwt.encode({"guest": True, "iat": now, "exp": now + 3600}, secrets()["gatewaySecret"], algorithm="HS256")
    answer = http.post(
        f"/gateway/{os.environ['GATEWAY_NAME']}/transaction",
        json={"intent": "TRANSACTION", "orderConfig": body.model_dump()},
        headers={"x-gateway-secret": secrets()["apiSecret"], "x-gateway-authtoken": token},
    )
    created = answer.raise_for_status().json()["data"]
    table.put_item(Item={"transactionId": created["transactionId"], "status": "CREATED", **body.model_dump()})
    users.put_item(Item={"notes": "user", "entry": f"transaction#{created['transactionId']}"})
    return {"transactionId": created["transactionId"], "sdkToken": token}


handler = Mangum(app, lifespan="off")
