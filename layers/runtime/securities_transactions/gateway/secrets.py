"""The Gateway's two secrets, which must not be taken for one another (docs/gateway.md §4.2, §5, §10).

The *gateway secret* signs the JWTs. The *API secret* is the `x-gateway-secret` header and the key of the webhook
checksum. Swapping them breaks only one direction and silently, so they are different types here.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from securities_transactions.domain.decimal_json import loads

_LEAST_CHARACTERS: Final = 8


class SecretsError(Exception):
    """The stored secret is not usable; the message names the member at fault, never its value."""


@dataclass(frozen=True)
class _Secret:
    value: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__


class GatewaySecret(_Secret):
    """Signs and verifies the Gateway's JWTs (HS256)."""


class ApiSecret(_Secret):
    """Authenticates our calls to the Gateway and its webhooks to us."""


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
