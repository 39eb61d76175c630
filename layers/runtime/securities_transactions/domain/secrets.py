"""Secrets as types that cannot be printed or confused (docs/reference/gateway.md §4.2, §5, §10).

The *gateway secret* signs the JWTs. The *API secret* is the `x-gateway-secret` header and the key of the webhook
checksum. If they are swapped, only one direction fails, and silently. So they are different types.
"""

from dataclasses import dataclass


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
