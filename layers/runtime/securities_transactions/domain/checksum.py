"""The webhook checksum: lower-case hex of HMAC-SHA256(API secret, timestamp + subject) (docs/gateway.md §4.2).

The two parts are signed with nothing between them, so their exact grammar is checked first: otherwise characters could
be moved across the boundary and the checksum would still match. The timestamp's length is fixed, which fixes the
boundary. The body is not covered: a genuine checksum says only that its sender once saw this pair signed.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from securities_transactions.domain.secrets import ApiSecret

_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)
_CHECKSUM: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def sign(secret: ApiSecret, timestamp: str, subject: str) -> str:
    """The checksum for `timestamp` and `subject` (a smallcaseAuthId, for mutual funds a transactionId), verbatim."""
    return hmac.new(secret.value.encode(), (timestamp + subject).encode(), hashlib.sha256).hexdigest()


def is_genuine(secrets: Sequence[ApiSecret], timestamp: str, subject: str, checksum: str) -> bool:
    """Whether `checksum` was made with one of `secrets`; takes the same time whatever differs.

    Callers check the grammar of `timestamp` and `subject` before.
    """
    if not _CHECKSUM.fullmatch(checksum):
        return False
    matches = [hmac.compare_digest(sign(secret, timestamp, subject), checksum) for secret in secrets]
    return any(matches)


def parse_timestamp(text: str) -> datetime | None:
    """The moment (UTC) that a webhook's `timestamp` names, or `None` where it is not of the exact grammar."""
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
