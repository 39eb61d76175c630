"""The webhook checksum: hex of HMAC-SHA256(API secret, timestamp + subject) (docs/reference/gateway.md §4.2).

No separator is signed between the two parts, so the form of one part must fix the boundary. Otherwise characters could
move across it and the checksum would still match. If the smallcaseAuthId has its fixed form, the timestamp may have any
spelling. The HMAC covers the characters as received. It does not cover the body: a genuine checksum only proves that
the sender once saw this pair signed.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

from securities_transactions.domain.secrets import ApiSecret

_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)
_CHECKSUM: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


def sign(secret: ApiSecret, timestamp: str, subject: str) -> str:
    """The checksum of `timestamp` and `subject`, both verbatim.

    `subject` is a smallcaseAuthId, or a mutual fund's transactionId.
    """
    return hmac.new(secret.value.encode(), (timestamp + subject).encode(), hashlib.sha256).hexdigest()


def signer(secrets: Sequence[ApiSecret], timestamp: str, subject: str, checksum: str) -> ApiSecret | None:
    """The one of `secrets` that made `checksum`, or `None`. Compares in constant time.

    The caller must check first that the form of `timestamp` or of `subject` fixes the boundary between them.
    """
    if not _CHECKSUM.fullmatch(checksum):
        return None
    found = None
    for secret in secrets:
        if hmac.compare_digest(sign(secret, timestamp, subject), checksum.lower()):
            found = secret
    return found


def has_documented_form(timestamp: str) -> bool:
    """True if `timestamp` has the form 2026-01-15T04:30:12.345Z, whose fixed length fixes the boundary."""
    return _TIMESTAMP.fullmatch(timestamp) is not None
