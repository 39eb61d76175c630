"""The simulator as a command: real HTTP in both directions, and the completeness of this suite."""

import ast
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, ClassVar, get_args

import httpx
import pytest

from tests.polling import PATIENCE
from tests.processes import process
from tests.simulator.harness import API_SECRET, GATEWAY_SECRET, order, token
from tools.gateway_simulator import admin, webhooks
from tools.gateway_simulator.faults import WebhookFaults, WireFaults
from tools.gateway_simulator.outcomes import SCENARIOS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SECTIONS = [
    "1.1",
    "1.2",
    "1.3",
    "1.4",
    "2.1",
    "2.2",
    "2.3",
    "3",
    "4.1",
    "4.2",
    "4.3",
    "4.4",
    "4.5",
    "5",
    "6.1",
    "6.2",
    "6.3",
    "7",
    "8",
    "9",
    "14",
]


def command(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return process([sys.executable, "-m", "tools.gateway_simulator", *arguments], ROOT)


class Partner(BaseHTTPRequestHandler):
    """Takes webhooks."""

    received: ClassVar[Queue[dict[str, Any]]] = Queue()

    def do_POST(self) -> None:
        self.received.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is the test's."""


@pytest.fixture
def webhook_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Partner) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


def test_one_command_runs_the_whole_gateway(webhook_url: str) -> None:
    """§4.1: an order over real HTTP, reported by webhooks over real HTTP and by events as they happen."""
    options = ["--webhook-url", webhook_url, "--gateway-name", "my-gw", "--set", "fill_seconds=0.01", "--seed", "1"]
    with command("--port", "0", "--gateway-secret", GATEWAY_SECRET, "--api-secret", API_SECRET, *options) as simulator:
        url = _url(simulator)
        headers = {"x-gateway-secret": API_SECRET, "x-gateway-authtoken": token()}
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
            created = http.post("/gateway/my-gw/transaction", json=order())
            transaction_id = created.json()["data"]["transactionId"]
            http.post(f"/_sim/transactions/{transaction_id}/login", json={"broker": "kite"}).raise_for_status()
            http.post(f"/_sim/transactions/{transaction_id}/confirm", json={}).raise_for_status()
            statuses = [Partner.received.get(timeout=PATIENCE)["status"]]
            while statuses[-1] != "COMPLETED":
                statuses.append(Partner.received.get(timeout=PATIENCE)["status"])
            assert statuses[0] == "PLACED"
            with http.stream("GET", "/_sim/events?after=0", timeout=PATIENCE) as events:
                lines = (line for line in events.iter_lines() if line.startswith("data: "))
                kinds = [
                    json.loads(line.removeprefix("data: "))["kind"] for _, line in zip(range(4), lines, strict=False)
                ]
        assert kinds == ["created", "logged in", "confirmed", "placed"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly_even_while_events_are_followed(sign: signal.Signals) -> None:
    """Ctrl-C and SIGTERM leave no traceback and nothing running."""
    with command("--port", "0") as simulator:
        url = _url(simulator)
        with httpx.stream("GET", f"{url}/_sim/events", timeout=PATIENCE, trust_env=False):
            simulator.send_signal(sign)
            _, errors = simulator.communicate(timeout=PATIENCE)
    assert errors == ""


def test_a_port_in_use_gives_one_clear_line() -> None:
    """The line has the action, without a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with command("--port", str(taken.getsockname()[1])) as simulator:
            _, errors = simulator.communicate(timeout=PATIENCE)
            assert simulator.returncode == 1
    assert re.fullmatch(r"port \d+ is in use: choose another with --port, or 0 for any\n", errors)


@pytest.mark.parametrize("pair", ["nonsense=1", "market=sometimes", "expiry_seconds=-1"])
def test_a_bad_setting_is_refused(pair: str) -> None:
    """A misspelt setting never passes for a default."""
    with command("--port", "0", "--set", pair) as simulator:
        _, errors = simulator.communicate(timeout=PATIENCE)
        assert simulator.returncode == 2
    assert errors.startswith("bad settings")


def test_every_section_of_the_contract_has_its_tests() -> None:
    """Each section of docs/reference/gateway.md that binds the Gateway is cited by a test here."""
    cited: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                cited |= set(re.findall(r"§(\d+(?:\.\d+)?)", ast.get_docstring(node) or ""))
    assert set(SECTIONS) - cited == set()


def _url(simulator: subprocess.Popen[str]) -> str:
    assert simulator.stdout is not None
    return simulator.stdout.readline().split()[-1]


def test_the_readme_names_every_call_scenario_and_fault() -> None:
    """tools/gateway_simulator/README.md lists everything in the driver's plane."""
    readme = (ROOT / "tools" / "gateway_simulator" / "README.md").read_text()
    paths = [route.path.rpartition("/")[2].strip("{}") for route in admin.routes()]
    names = [
        *SCENARIOS,
        *(str(field.alias) for model in (WebhookFaults, WireFaults) for field in model.model_fields.values()),
    ]
    missing = [word for word in [*paths, *names, *get_args(webhooks.Kind)[1:]] if word not in readme]
    assert missing == []
