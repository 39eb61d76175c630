"""A Gateway in this process with a stopped clock, and a partner that receives its webhooks."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from urllib.parse import quote

import httpx
import jwt

from tools.gateway_simulator.app import create_app
from tools.gateway_simulator.clock import utc_now
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.wire import dumps, loads

GATEWAY_SECRET = "gateway_secret_for_tests_that_is_not_real"
API_SECRET = "api_secret_for_tests_that_is_not_real"
BASKET = [{"ticker": "INFY", "quantity": 3, "type": "BUY"}, {"ticker": "M&M", "quantity": 5, "type": "SELL"}]

Answer = Callable[[dict[str, Any]], int]


def token(secret: str = GATEWAY_SECRET, **claims: Any) -> str:
    """A JWT with `claims`; a guest's where there are none."""
    return jwt.encode(claims or {"guest": True}, secret, algorithm="HS256")


class Rig:
    """Drives one Gateway synchronously. `received` are the webhook bodies that got through, in order."""

    def __init__(self, wall: Callable[[], datetime] = utc_now, **settings: Any) -> None:
        known = {
            "gateway_secret": GATEWAY_SECRET,
            "api_secret": API_SECRET,
            "seed": 7,
            "webhook_url": "http://partner/hook",
        }
        self.received: list[dict[str, Any]] = []
        self.answer: Answer = lambda _: 200
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        app = create_app(Settings.model_validate(known | settings), httpx.MockTransport(self._receive), wall)
        self._app = app
        transport = httpx.ASGITransport(app)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    def __enter__(self) -> Self:
        self._runner.run(self._stack.enter_async_context(self._app.router.lifespan_context(self._app)))
        self.sim("PUT", "/clock", {"speed": 0})
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        """One HTTP call; afterwards everything that is due has happened."""
        content = None if body is None else dumps(body)
        return self._runner.run(self._call(method, path, content, headers or {}))

    def raw(self, method: str, path: str, content: str, headers: dict[str, str]) -> httpx.Response:
        """One HTTP call with a body as it is."""
        return self._runner.run(self._call(method, path, content, headers))

    def server(self, method: str, path: str, body: Any = None, *, auth: str | None = None) -> httpx.Response:
        """A call of the server's plane with good headers, as a guest unless `auth` is another token."""
        headers = {"x-gateway-secret": API_SECRET, "x-gateway-authtoken": auth or token()}
        return self.call(method, path, body, headers)

    def sim(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the driver's plane that must succeed; its JSON, fractions exact."""
        answer = self.call(method, f"/_sim{path}", body)
        assert answer.is_success, answer.text
        return loads(answer.content)

    def create(self, securities: Any = None, *, auth: str | None = None, **more: Any) -> str:
        """The id of a new transaction, of a basket unless `securities` says otherwise."""
        answer = self.server("POST", "/gateway/demo-gw/transaction", order(securities, **more), auth=auth)
        assert answer.is_success, answer.text
        return str(answer.json()["data"]["transactionId"])

    def login(self, transaction_id: str, broker: str = "kite", **more: Any) -> Any:
        return self.sim("POST", f"/transactions/{transaction_id}/login", {"broker": broker, **more})

    def confirm(self, transaction_id: str, **how: Any) -> Any:
        return self.sim("POST", f"/transactions/{transaction_id}/confirm", how)

    def truth(self, transaction_id: str) -> Any:
        return self.sim("GET", f"/transactions/{transaction_id}")

    def trade(self, scenario: Any = None, *, securities: Any = None, broker: str = "kite", **how: Any) -> str:
        """A transaction whose order was confirmed and has run its course."""
        transaction_id = self.create(securities)
        self.login(transaction_id, broker)
        self.confirm(transaction_id, scenario=scenario, **how)
        self.advance(60)
        return transaction_id

    def advance(self, seconds: float) -> None:
        """Let `seconds` of the Gateway's time pass."""
        self.sim("PUT", "/clock", {"advanceSeconds": Decimal(str(seconds))})

    def details(self, transaction_id: str, *, auth: str | None = None) -> Any:
        """The data of transaction details."""
        path = f"/v1/demo-gw/engine/transactiondetails?transactionId={quote(transaction_id)}"
        answer = self.server("GET", path, auth=auth)
        assert answer.is_success, answer.text
        return loads(answer.content)["data"]

    def orders(self, query: str, *, auth: str | None = None) -> Any:
        """The rows of stocks order details."""
        answer = self.server("GET", f"/v1/demo-gw/engine/orders/sst?{query}", auth=auth)
        assert answer.is_success, answer.text
        return loads(answer.content)["data"]["orderBatches"]

    def sdk(self, transaction_id: str, **query: str) -> Any:
        """The SDK's result."""
        tail = "&".join(f"{name}={value}" for name, value in query.items())
        return self.sim("GET", f"/transactions/{transaction_id}/sdk-result?{tail}")

    def faults(self, **faults: Any) -> None:
        self.sim("PUT", "/faults", faults)

    def statuses(self) -> list[str]:
        """The batch status in each webhook received."""
        return [str(body["status"]) for body in self.received]

    async def _call(self, method: str, path: str, content: str | None, headers: dict[str, str]) -> httpx.Response:
        answer = await self._http.request(method, path, content=content, headers=headers)
        for _ in range(20):  # jobs that are due now finish, webhooks included: nothing here waits on a socket
            await asyncio.sleep(0)
        return answer

    def _receive(self, request: httpx.Request) -> httpx.Response:
        body = loads(request.content)
        status = self.answer(body)
        if 200 <= status < 300:
            self.received.append(body)
        return httpx.Response(status)


def order(securities: Any = None, **more: Any) -> dict[str, Any]:
    """The body of a create request for an order."""
    config = {"type": "SECURITIES", "securities": BASKET if securities is None else securities}
    return {"intent": "TRANSACTION", "orderConfig": config, "notes": "user=42", **more}
