"""Clients of AWS services, from botocore alone, and of the Gateway.

boto3 adds resources and S3 transfers, which nothing here uses and every cold start would pay for.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

# botocore's own retries stay on: every write here is safe to repeat. Our requests are built by tested code: checking
# their shape again at every call would be a fifth of its time.
CONFIG: Final = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3}, parameter_validation=False
)


class Clients:
    """Clients with short deadlines and bounded retries, each made at its first use; all share one session."""

    @cached_property
    def _session(self) -> botocore.session.Session:
        return botocore.session.get_session()

    def _client(self, service: str) -> Any:
        return self._session.create_client(service, config=CONFIG)

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

    def gateway(self, url: str) -> "httpx.Client":
        """The HTTP client for the Gateway. httpx is loaded here: half of the functions never call it."""
        from securities_transactions.gateway.client import client

        return client(url)
