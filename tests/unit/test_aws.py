"""AWS clients respect the invocation's deadline: the timeout of an attempt, and whether another follows."""

import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import certifi
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from securities_transactions import aws
from securities_transactions.deadline import RESPONSE_SECONDS, Deadline

THROTTLED = b'{"__type": "ThrottlingException", "message": "slow down"}'


class Body:
    """The body of a response, as urllib3 gives it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self) -> Iterator[bytes]:
        yield self.content


class Service:
    """AWS that answers with a status; `read_timeouts` are those of its attempts."""

    def __init__(self, status: int, content: bytes, **headers: str) -> None:
        self.status, self.content = status, content
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.read_timeouts: list[float] = []

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        self.read_timeouts.append(request.context["read_timeout"])
        return AWSResponse(request.url, self.status, self.headers, Body(self.content))  # type: ignore[arg-type]  # what botocore reads of it


def clients(service: Service, seconds_left: float) -> aws.Clients:
    """Clients of the service, with a deadline in so many seconds on a clock that stands still."""
    session = botocore.session.Session()
    session.set_credentials("none", "none")
    session.set_config_variable("region", "ap-south-1")
    session.get_component("event_emitter").register_last("before-send", service)
    deadline = Deadline(lambda: 1000.0)

    class Context:
        function_name = aws_request_id = ""

        def get_remaining_time_in_millis(self) -> int:
            return round((seconds_left + RESPONSE_SECONDS) * 1000)

    deadline.bounds(lambda event, context: None)({}, Context())
    return aws.Clients(deadline, session)


CALLS: dict[str, Callable[[aws.Clients], Any]] = {
    "dynamodb": lambda all_: all_.dynamodb.get_item(TableName="t", Key={"id": {"S": "1"}}),
    "events": lambda all_: all_.events.put_events(Entries=[]),
    "secretsmanager": lambda all_: all_.secretsmanager.get_secret_value(SecretId="s"),
    "sqs": lambda all_: all_.sqs.send_message(QueueUrl="https://sqs.ap-south-1.amazonaws.com/1/q", MessageBody="b"),
}
every_service = pytest.mark.parametrize("name", CALLS)


@every_service
@pytest.mark.parametrize(
    ("seconds_left", "read_timeout"), [(60, 3.0), (8, 3.0), (6, 2.0), (3, 0.5)], ids=["much", "enough", "less", "least"]
)
def test_attempt_waits_no_longer_than_the_time_left(name: str, seconds_left: float, read_timeout: float) -> None:
    """Connecting twice, and the two halves of a response, each take a timeout of their own."""
    service = Service(400, b'{"__type": "ValidationException"}')
    with pytest.raises(ClientError):
        CALLS[name](clients(service, seconds_left))
    assert service.read_timeouts == [pytest.approx(read_timeout)]
    connecting = 2 * aws.CONFIG.connect_timeout  # type: ignore[attr-defined]  # not in the stubs
    assert connecting + 2 * read_timeout <= seconds_left


@every_service
@pytest.mark.parametrize("seconds_left", [2.9, 0, -5])
def test_attempt_without_time_for_it_is_not_begun(name: str, seconds_left: float) -> None:
    service = Service(200, b"{}")
    with pytest.raises(aws.OutOfTime):
        CALLS[name](clients(service, seconds_left))
    assert service.read_timeouts == []


@every_service
def test_failed_attempt_is_repeated_while_there_is_time(name: str) -> None:
    service = Service(503, b"{}")
    with pytest.raises(ClientError):
        CALLS[name](clients(service, 60))
    assert len(service.read_timeouts) == 3


@every_service
def test_no_pause_begins_without_time_for_an_attempt_after_it(name: str) -> None:
    """The service asks for a pause of five seconds. Its own error is raised, at once."""
    service = Service(400, THROTTLED, x_amz_retry_after="5000")
    with pytest.raises(ClientError, match="ThrottlingException"):
        CALLS[name](clients(service, 9.9))
    assert len(service.read_timeouts) == 1


def test_next_invocation_has_its_own_time() -> None:
    now = [1000.0]
    deadline = Deadline(lambda: now[0])

    class Context:
        function_name = aws_request_id = ""

        def get_remaining_time_in_millis(self) -> int:
            return 10_000

    left = deadline.bounds(lambda event, context: (event, deadline.seconds_left))
    assert left("first", Context()) == ("first", 10 - RESPONSE_SECONDS)
    now[0] += 12
    assert deadline.seconds_left == -2 - RESPONSE_SECONDS
    assert left("second", Context()) == ("second", 10 - RESPONSE_SECONDS)


def test_time_is_unlimited_for_a_caller_that_is_not_lambda() -> None:
    deadline = Deadline(lambda: 1000.0)
    assert deadline.seconds_left == float("inf")
    assert deadline.bounds(lambda event, context: deadline.seconds_left)({}, None) == float("inf")


def authorities(region: str, bundle: str = "") -> Any:
    """The file of the authorities that a client in `region` trusts, `True` for botocore's own."""
    session = botocore.session.Session()
    session.set_credentials("none", "none")
    session.set_config_variable("region", region)
    session.set_config_variable("ca_bundle", bundle)
    client = aws.Clients(Deadline(), session).dynamodb
    return client._endpoint.http_session._verify  # type: ignore[attr-defined]  # botocore shows it nowhere else


def test_roots_of_amazon_are_trusted_where_amazon_issues_the_certificates() -> None:
    assert authorities("ap-south-1") == authorities("us-gov-west-1") == aws.AMAZON_TRUST
    assert authorities("cn-north-1") is True


def test_configured_bundle_is_trusted_instead(tmp_path: Path) -> None:
    """AWS_CA_BUNDLE makes an inspecting proxy trusted."""
    bundle = tmp_path / "own.pem"
    bundle.touch()
    assert authorities("ap-south-1", str(bundle)) == str(bundle)
    assert authorities("cn-north-1", str(bundle)) == str(bundle)


def test_roots_are_all_those_of_amazon_that_mozilla_trusts() -> None:
    """On the day that AWS uses a root that is not in the file, every call fails. The witness is Mozilla's list."""
    own = set(certificates(Path(aws.AMAZON_TRUST).read_text()))
    trusted = Path(certifi.where()).read_text()
    named = re.findall(
        r'# Label: "(?:Amazon Root|Starfield Services Root)[^"]*".*?-----END CERTIFICATE-----', trusted, re.DOTALL
    )
    assert len(named) >= 5
    assert {each for text in named for each in certificates(text)} == own


def certificates(text: str) -> list[bytes]:
    """The certificates in `text`, as DER."""
    found = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)
    return [ssl.PEM_cert_to_DER_cert(each) for each in found]
