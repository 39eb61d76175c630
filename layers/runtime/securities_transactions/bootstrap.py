"""From a function's environment to the parts it works with. Only `app.py` reads the environment and the clock."""

import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from securities_transactions import aws
from securities_transactions.domain import reconciliation, webhook_verification
from securities_transactions.gateway import secrets
from securities_transactions.storage.transactions import Transactions
from securities_transactions.storage.users import Notes
from securities_transactions.storage.webhooks import Webhooks

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from securities_transactions.gateway.client import Gateway
    from securities_transactions.services.reconcile import Puller

Env = Mapping[str, str]
Clock = Callable[[], datetime]

# How long a secret is used before it is read again, and how soon a wrong checksum may make us look again.
SECRET_AGE = timedelta(minutes=5)
SECRET_RECHECK = timedelta(seconds=30)


def utc_now() -> datetime:
    """The clock that functions run by: aware UTC."""
    return datetime.now(UTC)


def dynamodb() -> "DynamoDBClient":
    """The client that all tables of a function share."""
    return aws.client("dynamodb")


def transactions(env: Env, client: "DynamoDBClient") -> Transactions:
    """The Transactions table."""
    return Transactions(client, env["TRANSACTIONS_TABLE"])


def notes(env: Env, client: "DynamoDBClient") -> Notes:
    """The Notes table, beside the Transactions table."""
    return Notes(client, env["NOTES_TABLE"], transactions(env, client))


def webhooks(env: Env, client: "DynamoDBClient") -> Webhooks:
    """The Webhooks table."""
    return Webhooks(client, env["WEBHOOKS_TABLE"], timedelta(days=int(env["WEBHOOK_RETENTION_DAYS"])))


def webhook_policy(env: Env) -> webhook_verification.Policy:
    """How strictly webhooks are read."""
    return webhook_verification.Policy(auth_id=re.compile(env["AUTH_ID_PATTERN"], re.ASCII))


def read_secrets(env: Env, clock: Clock) -> secrets.ReadSecrets:
    """A reader of the Gateway's secrets: cached for a while, and read again at once when asked, within reason.

    It raises `SecretsError`, which names what is missing, and botocore's errors where Secrets Manager does not answer.
    """
    client = aws.client("secretsmanager")
    cached: dict[str, tuple[datetime, secrets.GatewaySecrets]] = {}

    def read(*, fresh: bool = False) -> secrets.GatewaySecrets:
        now = clock()
        if "read" in cached:
            at, known = cached["read"]
            if now - at < (SECRET_RECHECK if fresh else SECRET_AGE):
                return known
        answer = client.get_secret_value(SecretId=env["GATEWAY_SECRET_ARN"])
        cached["read"] = now, secrets.parse(answer["SecretString"])
        return cached["read"][1]

    return read


def gateway(env: Env, read: secrets.ReadSecrets) -> "Gateway":
    """The Gateway's API. httpx is loaded here and not above: half of the functions never call it.

    Raises `GatewayMisconfigured` for a GatewayOrdersPath that is not valid.
    """
    from securities_transactions.gateway.client import Gateway, client

    return Gateway(client(env["GATEWAY_URL"]), env["GATEWAY_NAME"], read, env["GATEWAY_ORDERS_PATH"])


def puller(env: Env, clock: Clock) -> "Puller":
    """What pulls the truth of a transaction and writes what it changes."""
    from securities_transactions.services.reconcile import Puller

    client = dynamodb()
    users = notes(env, client)
    return Puller(
        gateway=gateway(env, read_secrets(env, clock)),
        transactions=users.transactions,
        notes=users,
        policy=reconciliation.Policy(confirm=env["CONFIRM"]),
        clock=clock,
        jitter=random.random,
        adoption_lease=_lease(env, client),
    )


def _lease(env: Env, client: "DynamoDBClient") -> Callable[[str, datetime, timedelta], bool]:
    """A lease by key in the Idempotency table: granted once until it is over, then gone by TTL."""

    def lease(key: str, now: datetime, interval: timedelta) -> bool:
        start, end = int(now.timestamp()), int((now + interval).timestamp())
        try:
            client.put_item(
                TableName=env["IDEMPOTENCY_TABLE"],
                Item={"id": {"S": f"adoption#{key}"}, "expiration": {"N": str(end)}},
                ConditionExpression="attribute_not_exists(id) OR expiration <= :start",
                ExpressionAttributeValues={":start": {"N": str(start)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    return lease
