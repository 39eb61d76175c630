"""The Gateway's secrets as they are stored and read (docs/reference/gateway.md §4.2, §5, §10)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway.errors import SecretsError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

_LEAST_CHARACTERS: Final = 8


@dataclass(frozen=True)
class GatewaySecrets:
    """Both secrets, and the API secret that was valid before a rotation, if one is under way."""

    gateway: GatewaySecret
    api: ApiSecret
    previous_api: ApiSecret | None = None

    @property
    def webhook_keys(self) -> tuple[ApiSecret, ...]:
        """The API secrets that a genuine webhook may be signed with: current first."""
        return (self.api,) if self.previous_api is None else (self.api, self.previous_api)


def parse(text: str) -> GatewaySecrets:
    """The secrets in `text`, the JSON kept in Secrets Manager; `SecretsError` says which member is wrong."""
    try:
        members = loads(text)
    except ValueError:
        raise SecretsError("the secret is not JSON; store gatewaySecret and apiSecret as one JSON object") from None
    if not isinstance(members, dict):
        raise SecretsError("the secret is not a JSON object with gatewaySecret and apiSecret")
    gateway, api = _member(members, "gatewaySecret"), _member(members, "apiSecret")
    if gateway == api:
        raise SecretsError("gatewaySecret and apiSecret are the same; the vendor issues two different ones")
    previous = _member(members, "previousApiSecret") if members.get("previousApiSecret") else None
    if previous == gateway:
        raise SecretsError("previousApiSecret equals gatewaySecret; it must be the API secret used before")
    return GatewaySecrets(GatewaySecret(gateway), ApiSecret(api), None if previous is None else ApiSecret(previous))


def _member(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise SecretsError(f"{name} is missing from the Gateway's secret; put it in Secrets Manager")
    if value != value.strip() or len(value) < _LEAST_CHARACTERS:
        raise SecretsError(f"{name} has blanks around it or is shorter than {_LEAST_CHARACTERS} characters")
    return value


class ReadSecrets(Protocol):
    """How a function gets at the secrets."""

    def __call__(self, *, fresh: bool = False) -> GatewaySecrets:
        """The secrets, read a while ago at most; `fresh` reads them again now, within reason."""


class SecretReader:
    """Reads the secrets from the secret `arn`: kept for `age`, read again when `fresh` ones are wanted after `recheck`.

    Raises `SecretsError`, which names what is missing, and botocore's errors where Secrets Manager does not respond.
    """

    def __init__(
        self,
        client: "SecretsManagerClient",
        arn: str,
        clock: Callable[[], datetime],
        age: timedelta,
        recheck: timedelta,
    ) -> None:
        self._client = client
        self._arn = arn
        self._clock = clock
        self._age = age
        self._recheck = recheck
        self._read: tuple[datetime, GatewaySecrets] | None = None

    def __call__(self, *, fresh: bool = False) -> GatewaySecrets:
        """The secrets, read a while ago at most; `fresh` reads them again now, within reason."""
        now = self._clock()
        if self._read is not None:
            at, known = self._read
            if now - at < (self._recheck if fresh else self._age):
                return known
        response = self._client.get_secret_value(SecretId=self._arn)
        known = parse(response["SecretString"])
        self._read = now, known
        return known
