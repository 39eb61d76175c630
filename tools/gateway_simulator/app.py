"""The simulator as a Starlette app: `create_app(settings)`."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tools.gateway_simulator import admin, api, client_plane
from tools.gateway_simulator.clock import utc_now
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.simulator import Simulator

_SDK = Path(__file__).parent / "scdk"
_LOOPBACK = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


def create_app(
    settings: Settings | None = None,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
    wall: Callable[[], datetime] = utc_now,
) -> Starlette:
    """A Gateway with `settings`; for tests, `webhook_transport` replaces the network for webhooks, `wall` the clock.

    The app's lifespan must run: jobs wait on it. `app.state.simulator` is the `Simulator`.
    """
    settings = settings or Settings()
    # A webhook that meets a closing connection is retried only after 15 minutes, so each has its own connection.
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.AsyncClient(transport=webhook_transport, limits=limits, trust_env=False)
    simulator = Simulator(settings, client, wall)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        jobs = asyncio.create_task(simulator.agenda.run())
        try:
            yield
        finally:
            simulator.journal.close()
            jobs.cancel()
            await asyncio.gather(jobs, return_exceptions=True)
            await client.aclose()

    origins = (
        Middleware(CORSMiddleware, allow_origins=settings.origins, allow_methods=["*"], allow_headers=["*"])
        if settings.origins
        else Middleware(CORSMiddleware, allow_origin_regex=_LOOPBACK, allow_methods=["*"], allow_headers=["*"])
    )
    sdk = [Route("/scdk/2.0.0/scdk.js", _script), Mount("/scdk/2.0.0", StaticFiles(directory=_SDK))]
    routes = [*api.routes(settings.orders_path), *client_plane.routes(), *admin.routes(), *sdk]
    app = Starlette(routes=routes, middleware=[origins], lifespan=lifespan)
    app.state.simulator = simulator
    return app


async def _script(request: Request) -> Response:
    """The SDK, with the address that it was asked for at."""
    origin = json.dumps(f"{request.url.scheme}://{request.url.netloc}")
    text = (_SDK / "scdk.js").read_text().replace('"ORIGIN"', origin)
    return Response(text, media_type="text/javascript", headers={"cache-control": "no-cache"})
