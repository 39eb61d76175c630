"""The Gateway's JWTs (docs/reference/gateway.md §5): HS256 with the gateway secret, for a guest or a broker account.

Their times are wall-clock time, because the partner that mints and verifies them has no other clock.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

_ALGORITHM = "HS256"
# Times are checked against the simulator's wall clock, which a test may set.
_OURSELVES: Any = {"verify_exp": False, "verify_iat": False}
_SKEW_SECONDS = 1


class BadToken(Exception):
    """Not signed with the gateway secret, expired, or malformed."""


@dataclass(frozen=True)
class Identity:
    """The identity in a token: the broker account `auth_id`, or a guest if it is `None`."""

    auth_id: str | None


def verify(token: str, now: datetime, *secrets: str) -> Identity:
    """Whom `token`, signed with any of `secrets`, stands for at `now`; `BadToken` where it does not count."""
    try:
        claims = _claims(token, secrets)
    except jwt.PyJWTError as error:
        raise BadToken(str(error)) from None
    expires, issued = claims.get("exp"), claims.get("iat")
    if expires is not None and not (_is_time(expires) and now.timestamp() < expires):
        raise BadToken("the token has expired")
    if issued is not None and not (_is_time(issued) and issued <= now.timestamp() + _SKEW_SECONDS):
        raise BadToken("the token is from the future")
    auth_id = claims.get("smallcaseAuthId")
    if isinstance(auth_id, str) and auth_id and "guest" not in claims:
        return Identity(auth_id)
    if claims.get("guest") is True and auth_id is None:
        return Identity(None)
    raise BadToken("the token is neither a guest's nor a connected user's")


def _claims(token: str, secrets: tuple[str, ...]) -> dict[str, Any]:
    *others, last = secrets
    for secret in others:
        with contextlib.suppress(jwt.InvalidSignatureError):
            return dict(jwt.decode(token, secret, algorithms=[_ALGORITHM], options=_OURSELVES))
    return dict(jwt.decode(token, last, algorithms=[_ALGORITHM], options=_OURSELVES))


def connected(auth_id: str, secret: str, now: datetime, lifetime_seconds: int) -> str:
    """The smallcaseAuthToken that the SDK returns once the user has logged in."""
    times = {"iat": int(now.timestamp()), "exp": int((now + timedelta(seconds=lifetime_seconds)).timestamp())}
    return jwt.encode({"smallcaseAuthId": auth_id, **times}, secret, algorithm=_ALGORITHM)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
