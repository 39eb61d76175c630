"""The Gateway's JWTs (docs/reference/gateway.md §5).

The product mints them for the SDK and for its own calls, and verifies those that apps post.
"""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt

from securities_transactions.domain.secrets import GatewaySecret

if TYPE_CHECKING:
    from jwt.types import Options

_ALGORITHM: Final = "HS256"
_UNCHECKED: Final = ("exp", "iat", "nbf", "aud", "iss", "sub", "jti")
_SKEW_SECONDS: Final = 60
LIFETIME: Final = timedelta(hours=1)


class TokenError(Exception):
    """A smallcaseAuthToken that is not genuine, has expired or is malformed. The message is safe to return."""


class NotSigned(TokenError):
    """The token is not signed with the secret that it was verified with."""


def mint_guest(secret: GatewaySecret, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """A token for a user without a known broker account, or without the use of one."""
    return _mint({"guest": True}, secret, now, lifetime)


def mint_connected(secret: GatewaySecret, smallcase_auth_id: str, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """A token that continues with the broker account of `smallcase_auth_id`."""
    return _mint({"smallcaseAuthId": smallcase_auth_id}, secret, now, lifetime)


def _mint(claims: Mapping[str, Any], secret: GatewaySecret, now: datetime, lifetime: timedelta) -> str:
    times = {"iat": int(now.timestamp()), "exp": int((now + lifetime).timestamp())}
    return jwt.encode({**claims, **times}, secret.value, algorithm=_ALGORITHM)


def verify(token: str, secret: GatewaySecret, now: datetime, *, allow_expired: bool = False) -> dict[str, Any]:
    """The claims of a token that was signed with our gateway secret. Raises `TokenError` for any other.

    `allow_expired` is for tokens that the Gateway itself sent over TLS: the account in them does not expire.
    """
    try:
        # The times are checked below, against the caller's clock instead of the machine's. The audience does not
        # matter: the Gateway signs with our secret, and only the smallcaseAuthId is used.
        options: Options = {f"verify_{claim}": False for claim in _UNCHECKED}  # type: ignore[assignment]  # a TypedDict of these names
        claims: dict[str, Any] = jwt.decode(token, secret.value, algorithms=[_ALGORITHM], options=options)
    except jwt.PyJWTError:
        raise NotSigned("smallcaseAuthToken is not signed by the Gateway") from None
    expiry = claims.get("exp")
    if expiry is not None and not isinstance(expiry, int | float):
        raise TokenError("smallcaseAuthToken has a malformed exp")
    if expiry is not None and expiry <= now.timestamp() and not allow_expired:
        raise TokenError("smallcaseAuthToken has expired")
    begin = claims.get("nbf")
    if begin is not None and not isinstance(begin, int | float):
        raise TokenError("smallcaseAuthToken has a malformed nbf")
    if begin is not None and begin > now.timestamp() + _SKEW_SECONDS and not allow_expired:
        raise TokenError("smallcaseAuthToken is not valid yet")
    return claims


def verify_with_any(
    token: str, secrets: Sequence[GatewaySecret], now: datetime, *, allow_expired: bool = False
) -> dict[str, Any]:
    """The claims of a token that was signed with any of `secrets`. Raises `TokenError` like `verify`."""
    for secret in secrets[:-1]:
        with contextlib.suppress(NotSigned):
            return verify(token, secret, now, allow_expired=allow_expired)
    return verify(token, secrets[-1], now, allow_expired=allow_expired)


def auth_id_of(claims: Mapping[str, Any]) -> str | None:
    """The smallcaseAuthId in verified claims, or `None` for a guest."""
    value = claims.get("smallcaseAuthId")
    return value if isinstance(value, str) and value else None
