"""The local engine: MiniStack, an AWS emulator that runs the functions as processes of its own Python.

It listens on 127.0.0.1 only and keeps everything in memory and in its own directory. That directory is removed with it,
unless a state directory is given.
"""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operations.stage import REGION as REGION
from tools.local_stack.process_supervisor import ROOT, Started, started

PYTHON: Final = ROOT / ".venv-engine" / "bin" / "python"
# Dummies: the engine accepts any.
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

# The seconds that it has to end: to save its state, or with nothing to save.
_SAVING_SECONDS: Final = 30.0
_ENDING_SECONDS: Final = 0.5
_SERVICES: Final = (
    "apigateway",
    "cloudformation",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
)


@dataclass(frozen=True)
class Engine:
    """A running engine; `url` is the endpoint of every AWS service."""

    url: str
    process: Started


def environment(**more: str) -> dict[str, str]:
    """The environment of tools and the engine, without the caller's AWS settings, proxies and Python settings."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "PATH") if name in os.environ}
    return {**kept, **CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "PYTHONUNBUFFERED": "1", **more}


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """True if nothing listens on `port` of 127.0.0.1 and it can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


@contextlib.contextmanager
def engine(port: int = 0, state: Path | None = None) -> Iterator[Engine]:
    """An engine on `port` (0: a free one) while the context lasts. Raises `process_supervisor.Failed` if it does not
    start.

    With the directory `state`, it loads the state of an earlier engine, and saves its own when it ends.
    """
    port = port or free_port()
    if state is not None:
        _forget_stream_positions(state)
    settings = environment(
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        MINISTACK_REGION=REGION,
        SERVICES=",".join(_SERVICES),
        # It neither listens elsewhere nor touches containers of the machine.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LAMBDA_EXECUTOR="local",
        DOCKER_HOST="unix:///nonexistent",
        # The functions use the engine's Python: packages that the user has installed must not leak in.
        PYTHONNOUSERSITE="1",
        # Processes that a burst has left end after so long.
        LAMBDA_WARM_TTL_SECONDS="60",
        **({} if state is None else {"PERSIST_STATE": "1", "STATE_DIR": str(state)}),
    )
    command = [str(PYTHON), "-m", "tools.local_stack.bounded_engine"]
    with started("engine", command, settings, _SAVING_SECONDS if state else _ENDING_SECONDS) as process:
        process.wait_for_line(r"Running on http://127\.0\.0\.1:\d+", timeout=120)
        yield Engine(f"http://127.0.0.1:{port}", process)


def _forget_stream_positions(state: Path) -> None:
    """Remove the positions of the mappings from the saved state: they count records that the engine does not save.

    Otherwise a mapping would pass over as many new records as there were old ones.
    """
    saved = state / "lambda.json"
    if not saved.exists():
        return
    document = json.loads(saved.read_text())
    document["payload"].pop("dynamodb_stream_positions")
    saved.write_text(json.dumps(document))
