"""One user of the product, and one Gateway that returns the responses of a case.

A case has the inputs (requests, webhooks, time), the responses of the API and the Gateway, the events on the bus, and
the output of the example consumers. Signatures, tokens and times are computed here without the product's code.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx
import jwt

from tests.field.deployment import Deployment, Event, HttpResponse, SetupError
from tests.field.documents import Document

USER: Final = "user-42"
AUTH_ID: Final = "65a1b2c3d4e5f60718293a4b"
GATEWAY_SECRET: Final = "gateway_secret_of_the_field_tests_not_real"
API_SECRET: Final = "api_secret_of_the_field_tests_not_real"
_SCHEDULE: Final = timedelta(minutes=1)


def timestamp_of(moment: datetime) -> str:
    """A time as the Gateway's documented sample spells it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Gateway:
    """The Gateway's API: the state of each transaction, and responses that a case sets in its place."""

    def __init__(self) -> None:
        self.transactions: dict[str, Document] = {}
        self.order_rows: dict[str, list[Document]] = {}
        # The expiry of a new transaction: what a case sets, or else the usual one.
        self.expire_at: Any = None
        self.usual_expiry = ""
        # In the place of every response, and of the responses about one transaction.
        self.response: httpx.Response | None = None
        self.responses: dict[str, httpx.Response] = {}
        self.reads: dict[str, int] = {}
        self._created = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The response to a request of the product."""
        if self.response is not None:
            return self.response
        if request.method == "POST":
            self._created += 1
            return _success({"transactionId": f"TRX_{self._created}", "expireAt": self.expire_at or self.usual_expiry})
        transaction_id = request.url.params["transactionId"]
        self.reads[transaction_id] = self.reads.get(transaction_id, 0) + 1
        if transaction_id in self.responses:
            return self.responses[transaction_id]
        if request.url.path.endswith("/engine/orders/sst"):
            return _success({"orders": self.order_rows.get(transaction_id, [])})
        if transaction_id not in self.transactions:
            error = {"success": False, "errors": ["unknown transaction"], "data": None}
            return httpx.Response(400, json=error)
        return _success({"transactionDetails": self.transactions[transaction_id]})

    def holds(self, transaction_id: str, status: str, batch: Document | None = None) -> None:
        """From now on the Gateway's details of the transaction are these."""
        details: Document = {
            "transactionId": transaction_id,
            "status": status,
            "expired": False,
            "authId": AUTH_ID,
            "flags": {"isOrderRequested": batch is not None},
            "error": {"value": False, "message": None, "code": None},
        }
        if batch is not None:
            details["success"] = {"broker": "kite", "notes": USER, "data": {"batches": [batch]}}
        self.transactions[transaction_id] = details


def _success(data: Document) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "errors": None, "data": data})


class Field:
    """The actions of a case, and its view of the product."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        secret = {"gatewaySecret": GATEWAY_SECRET, "apiSecret": API_SECRET}
        self._deployment = Deployment(secret, self.gateway)

    # --- what a case does

    def now(self) -> datetime:
        """The present, aware UTC."""
        return self._deployment.now()

    def later(self, **span: float) -> None:
        """Let a `timedelta(**span)` pass; the schedule runs in every minute of it."""
        end = self.now() + timedelta(**span)
        while (left := end - self.now()) > timedelta(0):
            self._deployment.advance(min(left, _SCHEDULE))
            self._deployment.run_schedule()

    def create(self, ticker: str = "INFY", quantity: int = 10) -> str:
        """The id of a new transaction of the user."""
        response = self.post_transaction(ticker, quantity)
        _expect(response, 201, "POST /transactions")
        return str(response.body["transactionId"])

    def post_transaction(self, ticker: str = "INFY", quantity: int = 10) -> HttpResponse:
        """The response to the user's request for a new transaction."""
        self.gateway.usual_expiry = timestamp_of(self.now() + timedelta(minutes=45))
        body = {"securities": [{"ticker": ticker, "type": "BUY", "quantity": quantity}]}
        return self._deployment.request("POST /transactions", json.dumps(body), user=USER)

    def webhook_body(self, transaction_id: str, batch: Document, timestamp: str | None = None, **more: Any) -> Document:
        """A genuinely signed webhook body."""
        timestamp = timestamp_of(self.now()) if timestamp is None else timestamp
        signed = hmac.new(API_SECRET.encode(), (timestamp + AUTH_ID).encode(), hashlib.sha256).hexdigest()
        ids = {"transactionId": transaction_id, "broker": "kite", "notes": USER, "smallcaseAuthId": AUTH_ID}
        return {**batch, **ids, "timestamp": timestamp, "checksum": signed, **more}

    def post_webhook(self, body: str, *, base64_encoded: bool = False) -> HttpResponse:
        """The response to a webhook request with `body` as API Gateway passes it on."""
        return self._deployment.request("POST /webhooks/orders", body, base64_encoded=base64_encoded)

    def webhook(self, transaction_id: str, batch: Document, timestamp: str | None = None, **more: Any) -> HttpResponse:
        """The response to a genuine webhook that the product has to accept."""
        body = self.webhook_body(transaction_id, batch, timestamp, **more)
        response = self.post_webhook(json.dumps(body))
        _expect(response, 200, "POST /webhooks/orders")
        return response

    def report(self, transaction_id: str, batch: Document, status: str = "COMPLETED") -> HttpResponse:
        """The response to a webhook with the state that the Gateway's API has from now on."""
        self.gateway.holds(transaction_id, status, batch)
        return self.webhook(transaction_id, batch)

    def post_sdk_response(self, transaction_id: str, body: Mapping[str, Any]) -> HttpResponse:
        """The response to an SDK response that the user's app posts."""
        route, path = "POST /transactions/{transactionId}/sdk-response", {"transactionId": transaction_id}
        return self._deployment.request(route, json.dumps(body), user=USER, path=path)

    def token(self, **claims: Any) -> str:
        """A smallcaseAuthToken that the Gateway signed."""
        now = int(self.now().timestamp())
        claims = {"smallcaseAuthId": AUTH_ID, "iat": now, "exp": now + 3600, **claims}
        return jwt.encode(claims, GATEWAY_SECRET, algorithm="HS256")

    # --- what a case sees

    def orders(self, transaction_id: str, *, refresh: bool = False) -> dict[str, Any]:
        """The transaction's orders in the API."""
        return self._get("GET /transactions/{transactionId}/orders", transaction_id, refresh)

    def transaction(self, transaction_id: str) -> dict[str, Any]:
        """The transaction in the API."""
        return self._get("GET /transactions/{transactionId}", transaction_id, False)

    def knows(self, transaction_id: str) -> bool:
        """Return True if the API shows the transaction."""
        route = "GET /transactions/{transactionId}"
        return self._deployment.request(route, user=USER, path={"transactionId": transaction_id}).status == 200

    def is_escalated(self, transaction_id: str) -> bool:
        """Return True if the API states that an operator must look at the transaction."""
        return bool(self.transaction(transaction_id)["needsPerson"])

    @property
    def events(self) -> list[Event]:
        """The events on the bus."""
        return self._deployment.events

    @property
    def event_types(self) -> list[str]:
        """The types of the events on the bus."""
        return [event.type for event in self.events]

    @property
    def booked(self) -> dict[str, tuple[int, Decimal]]:
        """The bookings of the positions consumer for the user: shares and rupees spent by ticker."""
        return self._deployment.positions(USER)

    @property
    def unbooked(self) -> list[Event]:
        """The events that the positions consumer returned to its queue, for an operator in the end."""
        return self._deployment.unbooked

    @property
    def messages(self) -> list[str]:
        """The lines that the notifier has written for the user."""
        return self._deployment.messages(USER)

    def _get(self, route: str, transaction_id: str, refresh: bool) -> dict[str, Any]:
        query = {"refresh": "true"} if refresh else None
        response = self._deployment.request(route, user=USER, path={"transactionId": transaction_id}, query=query)
        _expect(response, 200, route)
        return response.body


def rupees(shares: int, amount: str, ticker: str = "INFY") -> dict[str, tuple[int, Decimal]]:
    """A booked position: shares of `ticker` for `amount`."""
    return {ticker: (shares, Decimal(amount))}


def assert_shown(field: Field, batch: Document, booked: Mapping[str, tuple[int, Decimal]]) -> None:
    """A batch that the Gateway reports as final is settled in the API and booked within three hours."""
    transaction_id = field.create()
    response = field.report(transaction_id, batch)
    field.later(hours=3)
    shown = field.orders(transaction_id)
    assert shown["settled"], (
        f"the webhook was answered {response.text}; three hours later the API shows status {shown['status']} with "
        f"{len(shown['orders'])} orders; events: {field.event_types}"
    )
    assert field.booked == booked


def _expect(response: HttpResponse, status: int, what: str) -> None:
    if response.status != status:
        raise SetupError(f"{what} answered {response.status}: {response.text}")
