"""The console as a Starlette app: the page, its live feed, and its proxy to the API and the simulator."""

import asyncio
import contextlib
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tools.console import bus
from tools.console.booked import follow_positions, rows_of
from tools.console.feed import dumps, feed, follow_bus, follow_gateway, steps
from tools.console.proxy import call_api, call_history, call_simulator, call_state, told
from tools.gateway_simulator.journal import Journal
from tools.local_stack.process_supervisor import Failed
from tools.local_stack.product import GATEWAY_NAME, Product

_PAGE: Final = Path(__file__).parent / "page"
_METHODS: Final = ["GET", "POST", "PUT", "DELETE"]


def create_app(product: Product) -> Starlette:
    """The console of a running product. Its lifespan must run, because it reads the feed's sources."""
    updates = bus.subscribe(product)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        journal = app.state.journal = Journal()
        app.state.product, app.state.run = product, uuid.uuid4().hex
        settled: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        # The other side may close an idle connection just as it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as app.state.http:
            sources = [
                asyncio.create_task(follow_gateway(journal, product.gateway_url)),
                asyncio.create_task(follow_bus(journal, updates, settled.put_nowait)),
                asyncio.create_task(follow_positions(journal, product, settled)),
            ]
            try:
                yield
            finally:
                journal.close()
                for source in sources:
                    source.cancel()
                await asyncio.gather(*sources, return_exceptions=True)

    routes = [
        Route("/health", _health),
        Route("/settings", _settings),
        Route("/feed", feed),
        Route("/positions", _positions),
        Route("/history/{id}", told(call_history)),
        Route("/state/{id}", told(call_state)),
        Route("/steps/{id}", steps),
        Route("/api/{path:path}", told(call_api), methods=_METHODS),
        Route("/sim/{path:path}", told(call_simulator), methods=_METHODS),
        Mount("/", _Page(directory=_PAGE, html=True)),
    ]
    # Only pages of this machine may act as its users.
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return Starlette(routes=routes, middleware=[hosts], lifespan=lifespan)


class _Page(StaticFiles):
    """The page's files, revalidated each time: parts of two versions must not mix."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Starlette's response, marked for revalidation."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


async def _settings(request: Request) -> Response:
    product: Product = request.app.state.product
    return JSONResponse({"gateway": GATEWAY_NAME, "gatewayUrl": product.gateway_url, "apiUrl": product.api_url})


async def _health(request: Request) -> Response:
    """200 once a request gets through the product: its API answers one without a token with 401."""
    product: Product = request.app.state.product
    try:
        answer = await request.app.state.http.get(f"{product.api_url}/orders")
        simulator = await request.app.state.http.get(f"{product.gateway_url}/_sim/clock")
    except httpx.HTTPError as error:
        return JSONResponse({"status": "down", "reason": type(error).__name__}, 503)
    is_up = answer.status_code == 401 and simulator.status_code == 200
    return JSONResponse({"status": "up" if is_up else "down"}, 200 if is_up else 503)


async def _positions(request: Request) -> Response:
    """The positions of the example consumer for `?user=`, as the feed sends them after each change."""
    items = await run_in_threadpool(rows_of, request.app.state.product, request.query_params.get("user", ""))
    return Response(dumps({"items": items}), media_type="application/json")


class _Server(uvicorn.Server):
    """A server that ends the feed before it waits for open requests: a page listens as long as the feed lasts."""

    def __init__(self, app: Starlette, port: int) -> None:
        super().__init__(
            uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
        )
        self.app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End all; called by uvicorn."""
        self.app.state.journal.close()
        await super().shutdown(sockets)


@contextlib.contextmanager
def serving(product: Product, port: int = 0) -> Iterator[str]:
    """Serve the console on 127.0.0.1 while the context lasts. Yields its URL. Port 0 takes any free port.

    Raises `Failed` if it does not start.
    """
    server = _Server(create_app(product), port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise Failed("the console did not start")
            thread.join(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(2)
