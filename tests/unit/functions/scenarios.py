"""Paths through the HTTP API, successful or not, with secrets and personal data planted in all input.

Each drives a real handler and returns the status, which shows that the path was taken.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import httpx

from securities_transactions.domain import checksum
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway import tokens
from tests.unit.functions.harness import (
    API_SECRET,
    GATEWAY_SECRET,
    GROWW,
    INFY,
    KITE,
    OTHER,
    SERVICE,
    Rig,
    refused,
    throttled,
)

TRANSACTION: Final = "POST /transactions/{transactionId}/sdk-response"
PREVIOUS: Final = "previous_api_secret_of_the_unit_tests"
# A team that does what it should not: the user's id is personal data.
ASHA: Final = "asha.rao+9845012345@example.com"
ACCESS_TOKEN: Final = "access-token-that-an-app-signed-in-with"
KEY: Final = "idempotency-key-of-an-app"
SUPPORT: Final = "RMS: margin of client ZX1234 A RAO exceeded"
PLANTED: Final = (GATEWAY_SECRET, API_SECRET, PREVIOUS, ASHA, "9845012345", ACCESS_TOKEN, KEY, KITE, GROWW, "ZX1234")


def call(rig: Rig, route: str, body: Any = None, **more: Any) -> int:
    """The status of a request of the user's, with all that an app sends."""
    headers = {"authorization": f"Bearer {ACCESS_TOKEN}", "idempotency-key": KEY}
    return rig.call(route, body, user=more.pop("user", ASHA), headers=headers, **more).status


def new(rig: Rig, user: str = ASHA) -> str:
    return rig.transaction(user)


def connected(rig: Rig, auth_id: str = KITE, secret: str = GATEWAY_SECRET) -> str:
    return tokens.mint_connected(GatewaySecret(secret), auth_id, rig.world.clock())


def creating(rig: Rig, **more: Any) -> int:
    return call(rig, "POST /transactions", {"securities": [INFY], "notes": ASHA, **more})


def gateway_says(rig: Rig, answer: httpx.Response | Exception) -> None:
    rig.gateway.answer = lambda request: answer


def echo(rig: Rig, status: int) -> None:
    """A Gateway that repeats what it was sent in its errors."""

    def answer(request: httpx.Request) -> httpx.Response:
        sent = [request.headers["x-gateway-secret"], request.headers["x-gateway-authtoken"], request.content.decode()]
        return refused(status, *(f"bad: {each}" for each in sent), f"not of {KITE}", errorType="InputException")

    rig.gateway.answer = answer


def create_as_connected(rig: Rig) -> int:
    rig.link(user=ASHA)
    return creating(rig)


def create_twice(rig: Rig) -> int:
    creating(rig)
    return creating(rig, connect="guest")


def create_while_down(rig: Rig) -> int:
    gateway_says(rig, httpx.ConnectError(f"cannot send {API_SECRET}"))
    return creating(rig)


def create_refused(status: int) -> Callable[[Rig], int]:
    def drive(rig: Rig) -> int:
        rig.link(user=ASHA)
        echo(rig, status)
        return creating(rig)

    return drive


def create_while_tables_are_down(rig: Rig) -> int:
    rig.dynamodb.failing = {"TransactWriteItems": throttled("TransactWriteItems")}
    return creating(rig)


def create_with_swapped_secrets(rig: Rig) -> int:
    rig.secret = json.dumps({"gatewaySecret": API_SECRET, "apiSecret": API_SECRET})
    return creating(rig)


def create_with_a_secret_that_is_no_json(rig: Rig) -> int:
    rig.secret = GATEWAY_SECRET
    return creating(rig)


def create_of_a_broken_body(rig: Rig) -> int:
    return call(rig, "POST /transactions", {"securities": [{"ticker": 5, ASHA: KITE}], "smallcaseAuthId": [KITE]})


def respond(**said: Any) -> Callable[[Rig], int]:
    def drive(rig: Rig) -> int:
        transaction_id = new(rig)
        resolved = {"smallcaseAuthToken": connected(rig), "broker": "kite", **said}
        return call(rig, TRANSACTION, {"resolved": resolved}, path={"transactionId": transaction_id})

    return drive


def respond_with_anothers_account(rig: Rig) -> int:
    rig.link(user=OTHER)
    return respond()(rig)


def respond_with_a_forged_token(rig: Rig) -> int:
    return respond(smallcaseAuthToken=connected(rig, secret="somebody else's secret of forty letters."))(rig)


def respond_with_text(rig: Rig) -> int:
    posted = {"resolved": f"{{{connected(rig)} {ASHA}"}
    return call(rig, TRANSACTION, posted, path={"transactionId": new(rig)})


def respond_with_an_error(rig: Rig) -> int:
    posted = {"rejected": {"message": f"{SUPPORT} {ASHA}", "errorCode": 2000}}
    return call(rig, TRANSACTION, posted, path={"transactionId": new(rig)})


def read(route: str, **query: str) -> Callable[[Rig], int]:
    def drive(rig: Rig) -> int:
        rig.link(user=ASHA)
        (transaction_id,) = (key[0] for key in rig.tables["Transactions"].items)
        rig.gateway.details[transaction_id] = details(transaction_id)
        path = {"transactionId": transaction_id} if "{" in route else None
        return call(rig, route, path=path, query=query)

    return drive


def as_service(route: str, body: Any = None) -> Callable[[Rig], int]:
    """A service that acts for the user: its trace names it, and not the user."""

    def drive(rig: Rig) -> int:
        rig.link(user=ASHA)
        (transaction_id,) = (key[0] for key in rig.tables["Transactions"].items)
        ids = {"transactionId": transaction_id, "smallcaseAuthId": KITE}
        path = {name: value for name, value in ids.items() if name in route}
        query = None if path.keys() == {"transactionId"} or body is not None else {"notes": ASHA}
        return call(rig, route, body, path=path, query=query, user="orders-service", scope=SERVICE)

    return drive


def list_cases(rig: Rig) -> int:
    """Two that need a person, of which one cannot be read."""
    for more in ({}, {"account": {"S": f"{KITE} of {ASHA}"}}):
        open_ = {"openCase": {"S": "open"}, "escalatedAt": {"S": "2026-01-15T05:00:00.000Z"}, **more}
        rig.tables["Transactions"].items[(new(rig),)] |= open_
    return call(rig, "GET /cases", user="orders-service", scope=SERVICE)


def read_anothers(rig: Rig) -> int:
    return call(rig, "GET /transactions/{transactionId}", path={"transactionId": new(rig, OTHER)})


def refresh_refused(rig: Rig) -> int:
    transaction_id = new(rig)
    echo(rig, 401)
    path = {"transactionId": transaction_id}
    return call(rig, "GET /transactions/{transactionId}", path=path, query={"refresh": "true"})


def read_what_nobody_can_read(rig: Rig) -> int:
    """An item that a later version, or an operator, wrote: a bug's way to a stack trace."""
    transaction_id = new(rig)
    rig.tables["Transactions"].items[(transaction_id,)] |= {"account": {"S": f"{KITE} of {ASHA}"}}
    return call(rig, "GET /transactions/{transactionId}", path={"transactionId": transaction_id})


def forget(rig: Rig) -> int:
    rig.link(user=ASHA)
    return call(rig, "DELETE /accounts/{smallcaseAuthId}", path={"smallcaseAuthId": KITE})


def forget_anothers(rig: Rig) -> int:
    return call(rig, "DELETE /accounts/{smallcaseAuthId}", path={"smallcaseAuthId": KITE}, query={"notes": OTHER})


def token(**asked: Any) -> Callable[[Rig], int]:
    def drive(rig: Rig) -> int:
        rig.link(user=ASHA)
        return call(rig, "POST /sdk-tokens", asked)

    return drive


# --- the webhook


def order(**more: Any) -> dict[str, Any]:
    return {
        "tradingsymbol": "INFY",
        "transactionType": "BUY",
        "status": "COMPLETE",
        "quantity": 3,
        "filledQuantity": 3,
        "averagePrice": 100.05,
        "statusMessage": SUPPORT,
        **more,
    }


def batch(**more: Any) -> dict[str, Any]:
    return {"batchId": "b1", "status": "COMPLETED", "orders": [order()], "unplaced": [], "buyAmount": 300.15, **more}


def details(transaction_id: str) -> dict[str, Any]:
    success = {"broker": "kite", "notes": ASHA, "data": {"batches": [batch()]}}
    return {"transactionId": transaction_id, "status": "COMPLETED", "smallcaseAuthId": KITE, "success": success}


def hook(rig: Rig, body: dict[str, Any], key: str = API_SECRET, auth_id: str = KITE) -> Any:
    """A signed webhook body."""
    timestamp = rig.world.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    signed = checksum.sign(ApiSecret(key), timestamp, auth_id)
    return {**body, "smallcaseAuthId": auth_id, "timestamp": timestamp, "checksum": signed}


def hit(rig: Rig, body: Any) -> int:
    return call(rig, "POST /webhooks/orders", body)


def webhook(times: int = 1, key: str = API_SECRET, auth_id: str = KITE, **more: Any) -> Callable[[Rig], int]:
    def drive(rig: Rig) -> int:
        body = batch(transactionId=new(rig), broker="kite", notes=ASHA) | more
        return [hit(rig, hook(rig, body, key, auth_id)) for _ in range(times)][-1]

    return drive


def webhook_of_another_kind(rig: Rig) -> int:
    return hit(rig, hook(rig, {"securities": {"holdings": [ASHA]}, "snapshotDate": ASHA, "notes": ASHA}))


def webhook_of_anothers_account(rig: Rig) -> int:
    transaction_id = new(rig)
    rig.resolve(transaction_id, GROWW, ASHA)
    return hit(rig, hook(rig, batch(transactionId=transaction_id, broker="kite", notes=ASHA)))


def webhook_that_is_no_json(rig: Rig) -> int:
    return hit(rig, f"{{{KITE} {ASHA}")


def webhook_while_tables_are_down(rig: Rig) -> int:
    body = hook(rig, batch(transactionId=new(rig), broker="kite", notes=ASHA))
    rig.dynamodb.failing = {"UpdateItem": throttled("UpdateItem")}
    return hit(rig, body)


HTTP: Final[dict[str, tuple[Callable[[Rig], int], int]]] = {
    "create, guest": (creating, 201),
    "create, connected": (create_as_connected, 201),
    "create, key reused": (create_twice, 422),
    "create, broken body": (create_of_a_broken_body, 400),
    "create, Gateway down": (create_while_down, 503),
    "create, Gateway failing": (create_refused(500), 503),
    "create, Gateway refusing": (create_refused(400), 422),
    "create, Gateway rejecting us": (create_refused(401), 503),
    "create, tables down": (create_while_tables_are_down, 503),
    "create, secrets swapped": (create_with_swapped_secrets, 500),
    "create, secret no JSON": (create_with_a_secret_that_is_no_json, 500),
    "sdk response": (respond(orderBatches=[batch()]), 202),
    "sdk response, another's account": (respond_with_anothers_account, 202),
    "sdk response, another's transaction": (respond(transactionId=f"TRX_{KITE}"), 422),
    "sdk response, forged": (respond_with_a_forged_token, 422),
    "sdk response, broken text": (respond_with_text, 202),
    "sdk response, broken batch": (respond(orderBatches=[{"orders": [{KITE: ASHA}]}]), 202),
    "sdk response, rejected": (respond_with_an_error, 202),
    "read": (read("GET /transactions/{transactionId}"), 200),
    "read, refreshed": (read("GET /transactions/{transactionId}/orders", refresh="true"), 200),
    "read, refused": (refresh_refused, 503),
    "history": (read("GET /transactions/{transactionId}/history"), 200),
    "history, false cursor": (read("GET /transactions/{transactionId}/history", cursor=f"{ASHA}{KITE}"), 400),
    "service, create": (as_service("POST /transactions", {"securities": [INFY], "notes": ASHA}), 201),
    "service, token": (as_service("POST /sdk-tokens", {"notes": ASHA}), 201),
    "service, read": (as_service("GET /transactions/{transactionId}"), 200),
    "service, history": (as_service("GET /transactions/{transactionId}/history"), 200),
    "service, cases": (list_cases, 200),
    "service, orders": (as_service("GET /orders"), 200),
    "service, forget": (as_service("DELETE /accounts/{smallcaseAuthId}"), 204),
    "read, another's": (read_anothers, 404),
    "read, unreadable": (read_what_nobody_can_read, 500),
    "orders": (read("GET /orders"), 200),
    "orders, false cursor": (read("GET /orders", cursor=f"{ASHA}{KITE}"), 400),
    "orders, another's": (read("GET /orders", notes=OTHER), 403),
    "accounts": (read("GET /accounts"), 200),
    "forget": (forget, 204),
    "forget, another's": (forget_anothers, 403),
    "token": (token(), 201),
    "token, of an account": (token(smallcaseAuthId=KITE), 201),
    "token, not linked": (token(smallcaseAuthId=GROWW), 422),
    "token, broken": (token(smallcaseAuthId={KITE: ASHA}), 400),
    "webhook": (webhook(), 200),
    "webhook, twice": (webhook(times=2), 200),
    "webhook, previous secret": (webhook(key=PREVIOUS), 200),
    "webhook, forged": (webhook(key=GATEWAY_SECRET), 401),
    "webhook, no such transaction": (webhook(transactionId="TRX_0"), 200),
    "webhook, another's notes": (webhook(notes=f"{ASHA} and {OTHER}"), 200),
    "webhook, another's account": (webhook_of_anothers_account, 200),
    "webhook, broken batch": (webhook(orders=[order(quantity=ASHA, **{KITE: KITE})]), 200),
    "webhook, strange account": (webhook(auth_id=ASHA), 401),
    "webhook, another kind": (webhook_of_another_kind, 200),
    "webhook, no JSON": (webhook_that_is_no_json, 401),
    "webhook, tables down": (webhook_while_tables_are_down, 503),
}
