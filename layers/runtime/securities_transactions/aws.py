"""Clients of AWS services, built on botocore alone, and of the Gateway.

boto3 adds resources and S3 transfers, which this product does not use and every cold start would pay for.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from securities_transactions.deadline import Deadline

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

    from securities_transactions.gateway.exchange import BoundedClient

# Within a Region a connection takes milliseconds, and no call of this product takes a second. If a machine of a service
# does not respond, another attempt may reach another machine.
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0
# The roots of AWS's certificates (https://www.amazontrust.com/repository/). botocore parses its file of authorities for
# each connection, and the file of all authorities takes most of the instructions of a first call.
AMAZON_TRUST: Final = str(Path(__file__).parent / "amazon_trust.pem")
# In other partitions (China, the isolated ones), AWS's certificates are of other authorities.
_AMAZON_TRUST_PARTITIONS: Final = frozenset({"aws", "aws-us-gov"})
# An attempt does not begin with less time than this for each read.
LEAST_READ_SECONDS: Final = 0.5
# Each step has its own timeout. In the worst case, an attempt connects twice (TCP and TLS) and reads twice: the head of
# the response may arrive just in time, and its body never.
_CONNECTS: Final = 2
_READS: Final = 2
ATTEMPT_SECONDS: Final = _CONNECTS * CONNECT_SECONDS + _READS * READ_SECONDS
_LEAST_ATTEMPT_SECONDS: Final = _CONNECTS * CONNECT_SECONDS + _READS * LEAST_READ_SECONDS
# The longest pauses before another attempt, of three: after a timeout, and after a throttling response.
PAUSE_AFTER_SILENCE_SECONDS: Final = 0.1
PAUSE_AFTER_RESPONSE_SECONDS: Final = 7.0

# botocore's own retries stay on: every write here is safe to repeat. Parameter validation is off, because tested code
# builds the requests and validation would take a fifth of the time.
CONFIG: Final = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
    # botocore would build its own name twice for each request.
    user_agent=f"securities-transactions botocore/{botocore.__version__}",
)


class OutOfTime(BotoCoreError):
    """The invocation has too little time left for a call."""

    fmt = "the invocation has too little time left for this call"


class Clients:
    """Clients with bounded retries that respect `deadline`. Each is built on first use; all share one session."""

    def __init__(self, deadline: Deadline, session: botocore.session.Session | None = None) -> None:
        self._deadline = deadline
        self._given_session = session

    @cached_property
    def _session(self) -> botocore.session.Session:
        return self._given_session or botocore.session.get_session()

    @cached_property
    def _authorities(self) -> str | bool:
        """The file of the authorities to trust: AWS_CA_BUNDLE if it is set, `True` for botocore's own.

        It is never empty: botocore rejects an empty name.
        """
        configured: str | None = self._session.get_config_variable("ca_bundle")
        if configured:
            return configured
        region = self._session.get_config_variable("region")
        return AMAZON_TRUST if self._session.get_partition_for_region(region) in _AMAZON_TRUST_PARTITIONS else True

    def _client(self, service: str) -> Any:
        client = self._session.create_client(service, config=CONFIG, verify=self._authorities)
        client.meta.events.register("before-send", self._limit)
        client.meta.events.register_first(f"needs-retry.{client.meta.service_model.service_id.hyphenize()}", self._veto)  # type: ignore[arg-type]  # the stubs have no answers of handlers
        return client

    def _limit(self, request: "AWSPreparedRequest", **_: Any) -> None:
        """Called by botocore before each attempt: limit its timeouts to the time left. Raises `OutOfTime`."""
        seconds = self._deadline.seconds_left
        if seconds < _LEAST_ATTEMPT_SECONDS:
            raise OutOfTime
        reading = (seconds - _CONNECTS * CONNECT_SECONDS) / _READS
        request.context["read_timeout"] = min(READ_SECONDS, reading)  # type: ignore[attr-defined]  # nor what is new in 1.44

    def _veto(self, caught_exception: Exception | None = None, **_: Any) -> bool | None:
        """Called by botocore after each attempt: return `False` if no time is left for another, so that its error is
        raised.

        Otherwise botocore's own rules decide.
        """
        pause = PAUSE_AFTER_RESPONSE_SECONDS if caught_exception is None else PAUSE_AFTER_SILENCE_SECONDS
        enough = self._deadline.seconds_left >= pause + _LEAST_ATTEMPT_SECONDS
        return None if enough else False

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @cached_property
    def events(self) -> "EventBridgeClient":
        """EventBridge."""
        client: EventBridgeClient = self._client("events")
        return client

    @cached_property
    def secretsmanager(self) -> "SecretsManagerClient":
        """Secrets Manager."""
        client: SecretsManagerClient = self._client("secretsmanager")
        return client

    @cached_property
    def sqs(self) -> "SQSClient":
        """SQS."""
        client: SQSClient = self._client("sqs")
        return client

    def gateway(self, url: str) -> "BoundedClient":
        """The HTTP client for the Gateway. httpx is imported here, because half of the functions never call it."""
        from securities_transactions.gateway.exchange import client

        return client(url)
