"""Clients of AWS services, from botocore alone.

boto3 adds resources and S3 transfers, which nothing here uses and every cold start would pay for.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

# botocore's own retries stay on: every write here is safe to repeat. Our requests are built by tested code: checking
# their shape again at every call would be a fifth of its time.
CONFIG: Final = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3}, parameter_validation=False
)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
def client(service: str) -> Any:
    """A client of `service` with short deadlines and bounded retries; all share one session."""
    return _session().create_client(service, config=CONFIG)
