"""The Gateway's secrets, as stored and as read (docs/reference/gateway.md §4.2, §5, §10).

During a rotation, the next and the previous secret are stored with the current one. Webhooks and tokens are verified
with all of them, and calls are made with one of them (`gateway.credentials`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from botocore.exceptions import ClientError

from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway.errors import SecretsError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

_LEAST_CHARACTERS: Final = 8
Role = Literal["current", "next", "previous"]


@dataclass(frozen=True)
class GatewaySecrets:
    """Both secrets, and the next and previous ones during a rotation."""

    gateway: GatewaySecret
    api: ApiSecret
    next_api: ApiSecret | None = None
    previous_api: ApiSecret | None = None
    next_gateway: GatewaySecret | None = None
    previous_gateway: GatewaySecret | None = None

    @property
    def api_keys(self) -> tuple[ApiSecret, ...]:
        """The API secrets that may sign a genuine webhook or be accepted in a call, current first."""
        return tuple(each for each in (self.api, self.next_api, self.previous_api) if each is not None)

    @property
    def gateway_keys(self) -> tuple[GatewaySecret, ...]:
        """The gateway secrets that may sign a genuine token, current first."""
        return tuple(each for each in (self.gateway, self.next_gateway, self.previous_gateway) if each is not None)

    def role(self, secret: ApiSecret | GatewaySecret | None) -> Role | None:
        """The role of `secret` among those of its kind, or `None` if it is not one of them."""
        kinds: tuple[tuple[Role, object, object], ...] = (
            ("current", self.api, self.gateway),
            ("next", self.next_api, self.next_gateway),
            ("previous", self.previous_api, self.previous_gateway),
        )
        return next((role for role, *known in kinds if secret is not None and secret in known), None)


def parse(text: str) -> GatewaySecrets:
    """Parse the secrets in `text`, the JSON in Secrets Manager.

    Raises `SecretsError`, which names the member at fault.
    """
    try:
        members = loads(text)
    except ValueError:
        raise SecretsError("the secret is not JSON; store gatewaySecret and apiSecret as one JSON object") from None
    if not isinstance(members, dict):
        raise SecretsError("the secret is not a JSON object with gatewaySecret and apiSecret")
    gateway, api = _required(members, "gatewaySecret"), _required(members, "apiSecret")
    apis = {"apiSecret": api} | _optional(members, "nextApiSecret", "previousApiSecret")
    gateways = {"gatewaySecret": gateway} | _optional(members, "nextGatewaySecret", "previousGatewaySecret")
    for signs, secret in gateways.items():
        for calls, other in apis.items():
            if secret == other:
                raise SecretsError(f"{signs} and {calls} are the same; the vendor issues two different ones")

    def api_of(name: str) -> ApiSecret | None:
        return ApiSecret(apis[name]) if name in apis else None

    def gateway_of(name: str) -> GatewaySecret | None:
        return GatewaySecret(gateways[name]) if name in gateways else None

    return GatewaySecrets(
        GatewaySecret(gateway),
        ApiSecret(api),
        api_of("nextApiSecret"),
        api_of("previousApiSecret"),
        gateway_of("nextGatewaySecret"),
        gateway_of("previousGatewaySecret"),
    )


def _required(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise SecretsError(f"{name} is missing from the Gateway's secret; put it in Secrets Manager")
    if value != value.strip() or len(value) < _LEAST_CHARACTERS:
        raise SecretsError(f"{name} has blanks around it or is shorter than {_LEAST_CHARACTERS} characters")
    return value


def _optional(members: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: _required(members, name) for name in names if members.get(name)}


class ReadSecrets(Protocol):
    """Read access to the secrets."""

    def __call__(self, *, fresh: bool = False) -> GatewaySecrets:
        """The secrets, cached for a while. `fresh` reads them again now, subject to a minimum interval."""


class SecretReader:
    """Reads the secrets from the secret `arn`. They are cached for `age`, or until `fresh` ones are requested.

    A wrong checksum or a rejected call may mean that the secret has just changed, and anyone can send a wrong checksum.
    So each process has a budget of fresh reads that is refilled by `rereads_per_second` and holds that many. At a lower
    rate of forged webhooks, every genuine one is compared with the current secret. At a higher rate, it is compared
    with one that was read at most `1 / rereads_per_second` seconds ago.

    Raises `SecretsError`, which names the missing member, and botocore's errors if Secrets Manager does not respond.
    """

    def __init__(
        self,
        client: "SecretsManagerClient",
        arn: str,
        clock: Callable[[], datetime],
        age: timedelta,
        rereads_per_second: float,
    ) -> None:
        self._client = client
        self._arn = arn
        self._clock = clock
        self._age = age
        self._rate = rereads_per_second
        self._budget = max(1.0, rereads_per_second)
        self._refilled: datetime | None = None
        self._read: tuple[datetime, GatewaySecrets] | None = None
        self._turn = Lock()

    def __call__(self, *, fresh: bool = False) -> GatewaySecrets:
        """The secrets, cached for a while. `fresh` reads them again now, within the budget."""
        now = self._clock()
        if self._read is not None:
            at, known = self._read
            if now - at < self._age and not (fresh and self._may_reread(now)):
                return known
        known = parse(self._stored())
        with self._turn:
            # Of two concurrent reads, the one that began later has the stored value.
            if self._read is None or self._read[0] <= now:
                self._read = now, known
        return known

    def _stored(self) -> str:
        try:
            return self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise SecretsError("the Gateway's secret has no value; put it in Secrets Manager") from error
            raise

    def _may_reread(self, now: datetime) -> bool:
        with self._turn:
            if self._refilled is not None:
                refill = max(0.0, (now - self._refilled).total_seconds()) * self._rate
                self._budget = min(max(1.0, self._rate), self._budget + refill)
            self._refilled = now
            if self._budget < 1:
                return False
            self._budget -= 1
            return True
