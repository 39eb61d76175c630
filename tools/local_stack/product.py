"""The complete product on this machine: engine, Gateway simulator, token issuer and the deployed stack.

`make run`, `make demo` and the integration tests all start it through `running`.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tools.local_stack import stack
from tools.local_stack.engine import engine, environment, free_port
from tools.local_stack.issuer import AUDIENCE
from tools.local_stack.process_supervisor import Started, let_go, started, swept

GATEWAY_NAME = "demo-gw"
# Shared by the simulator and the product only.
GATEWAY_SECRET = "local-gateway-secret-that-signs-tokens"
API_SECRET = "local-api-secret-that-signs-webhooks"
_SERVICES = {"issuer": "tools.local_stack.issuer", "gateway": "tools.gateway_simulator"}
_READY_SECONDS = 120  # a busy machine takes tens of seconds to start Python


@dataclass(frozen=True)
class Ports:
    """The ports on 127.0.0.1. 0 takes any free port."""

    engine: int = 0
    gateway: int = 0
    issuer: int = 0


@dataclass(frozen=True)
class Product:
    """A running product, deployed from the template at `template_url` with `parameters`.

    `outputs` are those of the stack; `outputs["ApiUrl"]` is the base URL of the API.
    """

    aws: stack.Aws
    template_url: str
    parameters: dict[str, str]
    outputs: dict[str, str]
    gateway_url: str
    issuer_url: str
    logs: dict[str, Started]

    @property
    def api_url(self) -> str:
        return self.outputs["ApiUrl"]

    def let_go(self) -> None:
        """Have all processes end, at the same time and without waiting for them."""
        for process in self.logs.values():
            let_go(process.keeper)

    def token(self, user: str, scope: str | None = None, seconds: int = 3600) -> str:
        """An access token of `user`, as the team's identity provider would issue it."""
        asked = {"sub": user, "expires_in": seconds} | ({"scope": scope} if scope else {})
        answer = httpx.post(f"{self.issuer_url}/token", json=asked, trust_env=False)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def api(self, user: str | None, scope: str | None = None) -> httpx.Client:
        """An API client with a token of `user`, or without one."""
        headers = {"authorization": f"Bearer {self.token(user, scope)}"} if user else {}
        # The first call of a function starts a process and imports its modules. The engine closes connections that were
        # idle for 5 s, so older ones must not be reused.
        limits = httpx.Limits(keepalive_expiry=1)
        return httpx.Client(base_url=self.api_url, headers=headers, timeout=60, limits=limits, trust_env=False)


def _quiet(_: str, __: float) -> None:
    pass


@contextlib.contextmanager
def running(
    ports: Ports | None = None, progress: Callable[[str, float], None] = _quiet, state: Path | None = None
) -> Iterator[Product]:
    """The product while the context lasts. Calls `progress` after each step with its name and seconds.

    The engine saves its state in `state` when it ends, for another engine to load.
    """
    swept()
    ports = ports or Ports()
    engine_port = ports.engine or free_port()
    webhook_url = stack.api_url(f"http://127.0.0.1:{engine_port}") + "/webhooks/orders"
    with contextlib.ExitStack() as up:
        clock = _Clock(progress)
        our_turn = up.enter_context(contextlib.ExitStack())
        built = our_turn.enter_context(stack.building())
        running_engine = up.enter_context(engine(engine_port, state))
        issuer = up.enter_context(_service("issuer", ports.issuer, []))
        gateway = up.enter_context(_service("gateway", ports.gateway, _gateway_options(webhook_url)))
        issuer_url, gateway_url = (
            process.wait_for_line(r"http://127\.0\.0\.1:\d+", _READY_SECONDS)[0] for process in (issuer, gateway)
        )
        clock.done("engine, Gateway simulator and token issuer started")
        template = built()
        clock.done("layer and functions built")
        aws = up.enter_context(contextlib.closing(stack.Aws(running_engine.url)))
        template_url = stack.package(aws, template, running_engine.process.directory)
        our_turn.close()  # the build is in the engine now, so the next one may start
        clock.done("packaged")
        parameters = stack.local_parameters() | {
            "GatewayUrl": gateway_url,
            "GatewayName": GATEWAY_NAME,
            "TokenIssuer": issuer_url,
            "TokenAudience": AUDIENCE,
        }
        outputs = stack.deploy(aws, template_url, parameters)
        stack.put_secret(aws, outputs["GatewaySecretArn"], GATEWAY_SECRET, API_SECRET)
        clock.done("deployed")
        logs = {process.name: process for process in (running_engine.process, gateway, issuer)}
        product = Product(aws, template_url, parameters, outputs, gateway_url, issuer_url, logs)
        up.callback(product.let_go)
        yield product


@contextlib.contextmanager
def gateway(webhook_url: str) -> Iterator[tuple[str, Started]]:
    """Another Gateway simulator while the context lasts: its URL and its process."""
    with _service("gateway", 0, _gateway_options(webhook_url)) as process:
        yield process.wait_for_line(r"http://127\.0\.0\.1:\d+", _READY_SECONDS)[0], process


def _service(name: str, port: int, options: list[str]) -> contextlib.AbstractContextManager[Started]:
    command = [sys.executable, "-m", _SERVICES[name], "--port", str(port), *options]
    return started(name, command, environment())


def _gateway_options(webhook_url: str) -> list[str]:
    options = {
        "--webhook-url": webhook_url,
        "--gateway-name": GATEWAY_NAME,
        "--gateway-secret": GATEWAY_SECRET,
        "--api-secret": API_SECRET,
        # On a busy machine, a function's first call takes long, and the Gateway retries only after 15 minutes.
        "--set": "webhookTimeoutSeconds=60",
    }
    return [word for pair in options.items() for word in pair]


class _Clock:
    """Reports the duration of each step."""

    def __init__(self, progress: Callable[[str, float], None]) -> None:
        self._progress = progress
        self._since = time.monotonic()

    def done(self, what: str) -> None:
        now = time.monotonic()
        self._progress(what, now - self._since)
        self._since = now
