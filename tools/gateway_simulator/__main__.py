"""`python -m tools.gateway_simulator`: run the simulator on loopback.

It prints one line with its URL when it is ready.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import sys

import uvicorn
from pydantic import ValidationError

from tools.gateway_simulator.app import create_app
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.simulator import Simulator

HOST = "127.0.0.1"


def main(arguments: list[str] | None = None) -> int:
    """Run until interrupted. Returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = _settings(options)
    except (ValidationError, ValueError) as error:
        print(f"bad settings: {error}", file=sys.stderr)
        return 2
    # asyncio turns off Nagle's algorithm only if the protocol is named. With it on, each response takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, options.port))
    except OSError:
        print(f"port {options.port} is in use: choose another with --port, or 0 for any", file=sys.stderr)
        return 1
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings, listener))
    return 0


async def _serve(settings: Settings, listener: socket.socket) -> None:
    app = create_app(settings)
    config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1, lifespan="on")
    server = _Server(config, app.state.simulator)

    await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that prints when it is ready, and ends event streams before it waits for open requests."""

    def __init__(self, config: uvicorn.Config, simulator: Simulator) -> None:
        super().__init__(config)
        self._simulator = simulator

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            print(f"smallcase Gateway simulator: http://{HOST}:{sockets[0].getsockname()[1]}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._simulator.journal.close()
        await super().shutdown(sockets)


def _settings(options: argparse.Namespace) -> Settings:
    given = {
        name: value
        for name in ("webhook_url", "gateway_name", "gateway_secret", "api_secret", "expiry_seconds", "market", "seed")
        if (value := getattr(options, name)) is not None
    }
    pairs = [pair.partition("=")[::2] for pair in options.set]
    return Settings.model_validate({**given, **{name: _value(text) for name, text in pairs}})


def _value(text: str) -> object:
    """A setting's value: JSON if it parses, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.gateway_simulator", description="A simulator of the smallcase Gateway."
    )
    parser.add_argument("--port", type=int, default=8600, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--webhook-url", help="where order webhooks are posted")
    parser.add_argument("--gateway-name", help="the {gatewayName} in every path (default: demo-gw)")
    parser.add_argument("--gateway-secret", help="the secret that signs JWTs")
    parser.add_argument("--api-secret", help="the x-gateway-secret header and the webhook checksum's key")
    parser.add_argument("--expiry-seconds", type=float, help="lifetime of an order's transactionId (default: 900)")
    parser.add_argument("--market", choices=("open", "closed", "hours"), help="default: always open")
    parser.add_argument("--seed", type=int, help="makes prices, fills and ids repeatable")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting of settings.py, as JSON"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
