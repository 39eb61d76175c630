"""The Gateway's JWTs (docs/reference/gateway.md §5): HS256 with the gateway secret, for a guest or for one broker
account.

Their times are the wall's, not the simulator's: the partner that mints and verifies them has no other clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

_ALGORITHM = "HS256"


class BadToken(Exception):
    """Not signed with the gateway secret, expired or malformed."""


@dataclass(frozen=True)
class Identity:
    """Whom a token stands for: the broker account `auth_id`, or a guest where it is `None`."""

    auth_id: str | None


def verify(token: str, secret: str) -> Identity:
    """Whom `token` stands for; `BadToken` where it does not count."""
    try:
        claims: dict[str, Any] = jwt.decode(token, secret, algorithms=[_ALGORITHM])
    except jwt.PyJWTError as error:
        raise BadToken(str(error)) from None
    auth_id = claims.get("smallcaseAuthId")
    if isinstance(auth_id, str) and auth_id and "guest" not in claims:
        return Identity(auth_id)
    if claims.get("guest") is True and auth_id is None:
        return Identity(None)
    raise BadToken("the token is neither a guest's nor a connected user's")


def connected(auth_id: str, secret: str, now: datetime, lifetime_seconds: int) -> str:
    """The smallcaseAuthToken that the SDK hands out once the user has logged in."""
    times = {"iat": int(now.timestamp()), "exp": int((now + timedelta(seconds=lifetime_seconds)).timestamp())}
    return jwt.encode({"smallcaseAuthId": auth_id, **times}, secret, algorithm=_ALGORITHM)
