"""Items of the Webhooks table."""

import zlib
from typing import Any


def webhook(webhook_id: str, *, body: bytes = b"{}", **more: Any) -> dict[str, Any]:
    """A stored webhook of another kind, or a suspicious one."""
    return {
        "webhookId": webhook_id,
        "receivedAt": "2026-01-15T00:00:00.000Z",
        "expiresAt": 1_800_000_000,
        "kind": "SECURITIES" if "suspicion" in more else "HOLDINGS_IMPORT",
        "body": zlib.compress(body),
        **more,
    }
