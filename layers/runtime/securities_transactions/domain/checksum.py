"""The webhook checksum: hex of HMAC-SHA256(API secret, timestamp + subject) (docs/reference/gateway.md §4.2).

The two parts are signed with nothing between them, so the form of one of them has to fix the boundary: otherwise
characters could be moved across it and the checksum would still match. A smallcaseAuthId has a fixed form, and then the
timestamp may be spelled in any way; the HMAC is over the characters received. The body is not covered: a genuine
checksum shows only that its sender once saw this pair signed.
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
    """The checksum for `timestamp` and `subject` (a smallcaseAuthId, for mutual funds a transactionId), verbatim."""
    return hmac.new(secret.value.encode(), (timestamp + subject).encode(), hashlib.sha256).hexdigest()


def signer(secrets: Sequence[ApiSecret], timestamp: str, subject: str, checksum: str) -> ApiSecret | None:
    """The one of `secrets` that `checksum` was made with, if any; takes the same time whichever it is.

    Callers check before that the form of `timestamp` or of `subject` fixes the boundary between them.
    """
    if not _CHECKSUM.fullmatch(checksum):
        return None
    found = None
    for secret in secrets:
        if hmac.compare_digest(sign(secret, timestamp, subject), checksum.lower()):
            found = secret
    return found


def has_documented_form(timestamp: str) -> bool:
    """Whether a timestamp has the form 2026-01-15T04:30:12.345Z, whose fixed length fixes the boundary."""
    return _TIMESTAMP.fullmatch(timestamp) is not None
