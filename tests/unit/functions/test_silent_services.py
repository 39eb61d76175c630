"""Services that accept a connection and do not respond, or only partly: the function responds before Lambda ends it.

The sockets are real, and so are botocore, httpx and their timeouts. Only the clock is not: each attempt counts for its
longest duration under the product's own limits, and then waits only for a moment. So no test depends on its speed.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import botocore.session
import httpx
import pytest
from botocore.exceptions import BotoCoreError

from securities_transactions import aws
from securities_transactions.bootstrap import build
from securities_transactions.deadline import RESPONSE_SECONDS, Deadline
from securities_transactions.gateway.exchange import DEADLINE, BoundedClient
from securities_transactions.settings import Settings
from tests.application import ENVIRONMENT, handler, in_turn
from tests.simulation.messaging import resources, template
from tests.unit.functions import scenarios
from tests.unit.functions.harness import GATEWAY_SECRET, KITE, USER, Rig
from tests.unit.functions.test_publish_updates import Bus, Queue

pytestmark = pytest.mark.long

ROOT: Final = Path(__file__).parents[3]
# How long an attempt really waits.
MOMENT: Final = 0.02
HTTP: Final = ("accept_sdk_response", "broker_accounts", "cases", "create_transaction", "fetch_history", "fetch_orders",
               "fetch_transaction",
               "ingest_webhook", "issue_sdk_token")  # fmt: skip
# What each function calls, and therefore what may be silent.
CALLS: Final = {
    "accept_sdk_response": ("dynamodb", "secretsmanager"),
    "broker_accounts": ("dynamodb",),
    "cases": ("dynamodb",),
    "check_due": ("dynamodb", "sqs"),
    "close_books": ("dynamodb", "events"),
    "create_transaction": ("dynamodb", "secretsmanager", "gateway"),
    "fetch_history": ("dynamodb",),
    "fetch_orders": ("dynamodb",),
    "fetch_transaction": ("dynamodb", "secretsmanager", "gateway"),
    "ingest_webhook": ("dynamodb", "secretsmanager"),
    "issue_sdk_token": ("dynamodb", "secretsmanager"),
    "notifier": ("dynamodb",),
    "positions": ("dynamodb",),
    "publish_updates": ("events", "sqs"),
    "reconcile": ("dynamodb", "secretsmanager", "gateway"),
    "record_history": ("dynamodb",),
}
CASES: Final = [
    (function, silent)
    for function, called in CALLS.items()
    for silent in [(each,) for each in called] + ([called] if len(called) > 1 else [])
]


@dataclass
class Clock:
    """Seconds, which only attempts and pauses use up. `attempts` says what each was for."""

    now: float = 1000.0
    attempts: int = 0

    def __call__(self) -> float:
        return self.now

    def attempt(self, seconds: float) -> None:
        self.attempts += 1
        self.now += seconds

    def pass_(self, seconds: float) -> None:
        self.now += seconds


class Invocation:
    """Lambda's context of an invocation of `seconds`."""

    function_name = aws_request_id = ""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.end = clock.now + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self.end - self.clock.now) * 1000)


class Shortened(httpx.HTTPTransport):
    """A transport whose requests count as long as they may take, and take a moment."""

    def __init__(self, clock: Clock, reads: int) -> None:
        super().__init__()
        self.clock = clock
        self.reads = reads

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        steps = request.extensions["timeout"]
        self.clock.attempt(2 * steps["connect"] + steps["write"] + self.reads * steps["read"])
        request.extensions = {**request.extensions, "timeout": dict.fromkeys(steps, MOMENT)}
        return super().handle_request(request)


@dataclass
class Clients:
    """Clients of the services, of which some are `silent`. The others are the harness's."""

    rig: Rig
    silent: tuple[str, ...]
    real: aws.Clients
    clock: Clock
    server: "Server"

    def __getattr__(self, service: str) -> Any:
        return getattr(self.real if service in self.silent else self.rig.clients, service)

    def gateway(self, url: str) -> BoundedClient:
        if "gateway" not in self.silent:
            return BoundedClient(httpx.Client(base_url=url, transport=httpx.MockTransport(self.rig.gateway)))
        return BoundedClient(
            httpx.Client(base_url=self.server.url, transport=Shortened(self.clock, self.server.reads), timeout=DEADLINE)
        )


@dataclass(frozen=True)
class Server:
    """A server and how often a client of it waits for something to read, until it is silent."""

    url: str
    reads: int


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that accepts connections (its kernel does) and never answers. AWS's services are there."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}", 1)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@pytest.fixture
def half_silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that sends the head of a response and never its body. AWS's services are there."""
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        with contextlib.ExitStack() as taken:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    connection = taken.enter_context(listening.accept()[0])
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}", 2)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        listening.settimeout(0.05)
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield server
        over.set()
        thread.join()


def session(clock: Clock, reads: int) -> botocore.session.Session:
    """A session whose clients' attempts count as long as they may take, with the pause after it, and take a moment."""
    made = botocore.session.Session()
    made.set_credentials("none", "none")
    made.set_config_variable("region", "ap-south-1")

    def attempt(request: Any, **_: Any) -> None:
        read = request.context.get("read_timeout", aws.CONFIG.read_timeout)  # type: ignore[attr-defined]  # not in the stubs
        clock.attempt(2 * aws.CONFIG.connect_timeout + reads * read + aws.PAUSE_AFTER_SILENCE_SECONDS)  # type: ignore[attr-defined]  # as above
        request.context["read_timeout"] = MOMENT

    made.get_component("event_emitter").register_last("before-send", attempt)
    return made


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation: its response, or its error, how much time it had left, the attempts it made, and how
    many messages it sent."""

    response: Any
    error: Exception | None
    seconds_left: float
    attempts: int
    sent: int


def event_of(function: str, rig: Rig) -> dict[str, Any]:
    """An event that makes the function call everything that it can, about a transaction of the harness."""
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{function}.json").read_text())
    rig.link()
    transaction_id = rig.transaction()
    match function:
        case "ingest_webhook":
            body = scenarios.batch(transactionId=transaction_id, broker="kite", notes=USER)
            event |= {"body": json.dumps(scenarios.hook(rig, body)), "isBase64Encoded": False}
        case "accept_sdk_response":
            token = scenarios.connected(rig, KITE, GATEWAY_SECRET)
            event["body"] = json.dumps({"resolved": {"smallcaseAuthToken": token, "broker": "kite"}})
        case "reconcile":
            (record,) = event["Records"]
            ids = [rig.transaction() for _ in range(3)]
            event["Records"] = [
                {**record, "messageId": f"m{n}", "body": json.dumps({"transactionId": id_})}
                for n, id_ in enumerate(ids)
            ]
        case "notifier" | "positions":
            (record,) = event["Records"]
            event["Records"] = [{**record, "messageId": f"m{n}"} for n in range(10)]
        case "publish_updates":
            event["Records"] *= 40
        case "check_due":
            rig.pass_time(3600)
        case "close_books":
            rig.pass_time(10 * 3600)
    if "pathParameters" in event and "transactionId" in event["pathParameters"]:
        event["pathParameters"]["transactionId"] = transaction_id
    if function == "fetch_transaction":
        event["queryStringParameters"] = {"refresh": "true"}
    return event


def invoke(function: str, services: tuple[str, ...], server: Server, seconds: float) -> Outcome:
    """Invoke a function that has `seconds`, while `services` are at `server`."""
    rig, clock = Rig(), Clock()
    rig.clients.events, rig.clients.sqs = Bus(), Queue()
    event = event_of(function, rig)
    rig.pass_time(60)
    deadline = Deadline(clock)
    clients = Clients(rig, services, aws.Clients(deadline, session(clock, server.reads)), clock, server)
    application = build(Settings(ENVIRONMENT), clients, rig.world.clock, lambda: 0.5, clock.pass_, deadline, in_turn)
    context = Invocation(clock, seconds)
    response, error = None, None
    try:
        response = handler(function, application)(event, context)
    except Exception as raised:
        error = raised
    sent = len(rig.clients.sqs.requests)
    return Outcome(response, error, context.get_remaining_time_in_millis() / 1000, clock.attempts, sent)


def timeout_of(function: str) -> float:
    """A function's timeout in the template."""
    (found,) = (
        each["Properties"]
        for each in resources().values()
        if each["Type"] == "AWS::Serverless::Function" and Path(each["Properties"]["CodeUri"]).name == function
    )
    return float(found.get("Timeout", template()["Globals"]["Function"]["Timeout"]))


def returned(outcome: Outcome) -> None:
    """An HTTP response that says when to come again."""
    assert outcome.error is None
    problem = json.loads(outcome.response["body"])
    assert outcome.response["statusCode"] == 503
    assert problem["type"].rpartition(":")[2] in ("unavailable", "gateway-unavailable")
    assert int(outcome.response["headers"]["retry-after"]) > 0


def failed_its_messages(outcome: Outcome) -> None:
    """Each message comes again, or was sent again for want of time."""
    assert outcome.error is None
    assert outcome.response["batchItemFailures"]
    assert len(outcome.response["batchItemFailures"]) + outcome.sent in (3, 10)


def failed(outcome: Outcome) -> None:
    """The stream delivers the records again; the schedule does the next run."""
    assert isinstance(outcome.error, BotoCoreError)


def scheduled_its_checks(outcome: Outcome) -> None:
    """A silent Gateway is not a failure of the message: the next check of the transaction is in the table."""
    assert (outcome.error, outcome.response) == (None, {"batchItemFailures": []})


def expected(function: str, services: tuple[str, ...]) -> Callable[[Outcome], None]:
    if function in HTTP:
        return returned
    if function in ("notifier", "positions", "reconcile"):
        return scheduled_its_checks if services == ("gateway",) else failed_its_messages
    return failed


def test_every_function_is_tried_here() -> None:
    assert set(CALLS) == {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}


cases = pytest.mark.parametrize(
    ("function", "services"), CASES, ids=[f"{function}-{'+'.join(services)}" for function, services in CASES]
)


@cases
def test_function_with_a_silent_service_responds_before_lambda_ends_it(
    silent: Server, function: str, services: tuple[str, ...]
) -> None:
    outcome = invoke(function, services, silent, timeout_of(function))
    expected(function, services)(outcome)
    assert outcome.attempts > 0
    assert outcome.seconds_left > 0


@cases
def test_function_with_a_service_that_sends_half_a_response_responds_before_lambda_ends_it(
    half_silent: Server, function: str, services: tuple[str, ...]
) -> None:
    outcome = invoke(function, services, half_silent, timeout_of(function))
    expected(function, services)(outcome)
    assert outcome.seconds_left > 0


@pytest.mark.parametrize("seconds", [7, 3.5])
@cases
def test_function_with_less_time_left_responds_earlier(
    silent: Server, function: str, services: tuple[str, ...], seconds: float
) -> None:
    """Its earlier calls may have been slow: what counts is the time that remains."""
    outcome = invoke(function, services, silent, seconds)
    assert outcome.seconds_left > 0
    if function in HTTP:
        returned(outcome)


@pytest.mark.parametrize("seconds", [25, 18, 12.5])
@pytest.mark.parametrize("function", [function for function, called in CALLS.items() if "gateway" in called])
def test_silent_gateway_leaves_time_to_save_what_follows(silent: Server, function: str, seconds: float) -> None:
    """The next check of a transaction, for one: an attempt at DynamoDB, and the response after it."""
    outcome = invoke(function, ("gateway",), silent, seconds)
    assert outcome.attempts > 0
    assert outcome.seconds_left >= aws.ATTEMPT_SECONDS + RESPONSE_SECONDS - 0.01


def test_silent_service_is_tried_again_while_there_is_time(silent: Server) -> None:
    """Another of its machines may answer."""
    attempts = {
        seconds: invoke("ingest_webhook", ("dynamodb",), silent, seconds).attempts
        for seconds in (60, timeout_of("ingest_webhook"), 6, 3)
    }
    assert attempts == {60: 3, 10: 2, 6: 1, 3: 0}
