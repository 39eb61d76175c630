"""No secret and no personal data reaches a log: they are planted in all input, and searched for in all output.

Each scenario (tests/unit/functions/scenarios.py, scenarios_behind.py) drives a real handler with a logger that writes
everything.
"""

import json
import logging
import re
from pathlib import Path
from typing import Final

import pytest
from aws_lambda_powertools.logging.filters import SuppressFilter

from securities_transactions.domain import checksum
from securities_transactions.domain.secrets import ApiSecret
from securities_transactions.gateway.errors import GatewayRefused, GatewayUnavailable
from securities_transactions.http.handler import _logger
from tests.simulation.dynamodb import Table
from tests.strict_messaging import StrictBus, StrictQueue
from tests.unit.functions.harness import API_SECRET, GATEWAY_SECRET, Rig, throttled
from tests.unit.functions.scenarios import ASHA, HTTP, PLANTED, PREVIOUS, connected, webhook
from tests.unit.functions.scenarios_behind import BEHIND

ROOT: Final = Path(__file__).parents[2]
# Tokens are not known beforehand: any JWT is one.
JWT: Final = re.compile(r"eyJ[\w-]{8,}")
# A stored webhook is found by the hash of its body, which has the form of a checksum.
CHECKSUM: Final = re.compile(r'(?<!"webhook_id":")\b[0-9a-f]{64}\b')


class Recorder:
    """Everything that any logger wrote, as it wrote it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def found(self) -> list[str]:
        """The planted values in it, which must be absent."""
        text = "\n".join(self.lines)
        return [each for each in PLANTED if each in text] + JWT.findall(text) + CHECKSUM.findall(text)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Loggers write here: ours everything, others what Lambda would show and more."""
    recorder = Recorder()

    def emit(handler: logging.Handler, record: logging.LogRecord) -> None:
        if type(handler) is logging.StreamHandler:  # pytest's own handlers are none of the product's
            recorder.lines.append(handler.format(record))

    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    monkeypatch.setattr(logging.StreamHandler, "emit", emit)
    ours, root = logging.getLogger(_logger.service), logging.getLogger()
    shown = logging.StreamHandler()
    shown.addFilter(SuppressFilter(_logger.service))  # as Powertools does with Lambda's own handler
    monkeypatch.setattr(root, "handlers", [shown])
    monkeypatch.setattr(ours, "level", logging.DEBUG)
    monkeypatch.setattr(root, "level", logging.INFO)
    return recorder


@pytest.fixture
def rig() -> Rig:
    """The handlers, with what the functions behind the stream and the queues need as well."""
    rig = Rig()
    rig.secret = json.dumps({"gatewaySecret": GATEWAY_SECRET, "apiSecret": API_SECRET, "previousApiSecret": PREVIOUS})
    rig.tables |= {"Positions": Table(("holder", "security")), "Messages": Table(("notes", "message"))}
    rig.clients.events, rig.clients.sqs = StrictBus(), StrictQueue()
    return rig


@pytest.mark.parametrize("way", HTTP)
def test_no_request_leaves_anything_secret_or_personal_in_the_log(
    rig: Rig, recorder: Recorder, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    drive, status = HTTP[way]
    assert drive(rig) == status
    recorder.lines += capsys.readouterr()
    assert recorder.found() == []


@pytest.mark.parametrize("way", BEHIND)
def test_no_event_leaves_anything_secret_or_personal_in_the_log(
    rig: Rig, recorder: Recorder, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    BEHIND[way](rig)
    recorder.lines += capsys.readouterr()
    assert recorder.lines
    assert recorder.found() == []


def test_every_function_is_driven_here() -> None:
    """A new function is planted with secrets too, before it is deployed."""
    driven = {way.partition(",")[0] for way in BEHIND}
    created = ("create, guest", "sdk response", "webhook")
    for way in (*created, "read", "history", "orders", "service, cases", "forget", "token"):
        rig = Rig()
        HTTP[way][0](rig)
        driven |= rig.functions

    assert driven == {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}


@pytest.mark.parametrize("planted", [*PLANTED, "JWT", "checksum"])
def test_what_is_looked_for_would_be_found(rig: Rig, recorder: Recorder, planted: str) -> None:
    secret = {"JWT": connected(rig), "checksum": checksum.sign(ApiSecret(API_SECRET), "t", "a")}.get(planted, planted)
    _logger.debug("x", extra={"said": secret})
    assert recorder.found() != []


def line_of(recorder: Recorder, error: Exception) -> str:
    """The log line about an error."""
    recorder.lines.clear()
    try:
        raise error
    except Exception:
        _logger.exception("x")
    (line,) = recorder.lines
    assert "line_of" in line
    return line


def test_error_is_logged_by_type_and_place_without_a_librarys_message(recorder: Recorder) -> None:
    """Our own messages and AWS's codes are logged: they name the fault, never its value."""
    assert "GatewayUnavailable: the Gateway answered 503" in line_of(
        recorder, GatewayUnavailable("the Gateway answered 503")
    )
    assert "ClientError: ThrottlingException of PutItem" in line_of(recorder, throttled("PutItem"))
    because = KeyError("outer " + ASHA)
    because.__cause__ = ValueError(f"invalid literal: {ASHA}")
    line = line_of(recorder, because)
    assert "KeyError" in line
    assert "because of" in line
    assert "ValueError" in line
    assert recorder.found() == []


def test_refusal_texts_are_for_the_caller_and_not_logged() -> None:
    """It may repeat what it was sent."""
    refusal = GatewayRefused(400, (f"bad secret {API_SECRET}",), "InputException")
    assert str(refusal) == "the Gateway refused (400, InputException)"
    assert refusal.errors == (f"bad secret {API_SECRET}",)


def test_place_in_the_code_is_logged_with_problems_only() -> None:
    """Each webhook has a line of level INFO, and logs are charged by the byte."""
    lines = {
        level: json.loads(_logger.registered_formatter.format(logging.LogRecord("x", level, "a.py", 1, "y", (), None)))
        for level in (logging.INFO, logging.WARNING, logging.ERROR)
    }
    assert [{"location", "service"} <= line.keys() for line in lines.values()] == [False, True, True]
    assert not {"location", "service"} & lines[logging.INFO].keys()


def test_webhook_costs_at_most_450_logged_bytes(rig: Rig, recorder: Recorder) -> None:
    """Its one line is all that a successful invocation logs: Lambda's own lines are for problems only."""
    recorder.lines.clear()
    webhook()(rig)
    (line,) = (each for each in recorder.lines if '"message":"webhook"' in each)
    found = json.loads(line)
    # Lambda's longest name, its UUIDs, API Gateway's ids and the Gateway's, where this test has shorter ones.
    characters = {"function": 64, "invocation_id": 36, "request_id": 16, "transaction_id": 36}
    assert len(line) + sum(most - len(found[name]) for name, most in characters.items()) <= 450
    assert found["verification"] == "accepted"
