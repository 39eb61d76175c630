"""A genuine webhook that changed nothing, as it is kept."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KeptWebhook:
    """A webhook as kept. `body` is verbatim; `received_at` UTC, ISO 8601. `doubt` says why it was not believed."""

    webhook_id: str
    received_at: str
    kind: str
    transaction_id: str | None
    smallcase_auth_id: str | None
    notes: str | None
    doubt: str | None
    body: bytes
    whole: bool

    @classmethod
    def of_item(cls, item: Mapping[str, Any]) -> "KeptWebhook":
        """The webhook in a stored item."""
        return cls(
            webhook_id=item["webhookId"],
            received_at=item["receivedAt"],
            kind=item["kind"],
            transaction_id=item.get("transactionId"),
            smallcase_auth_id=item.get("smallcaseAuthId"),
            notes=item.get("notes"),
            doubt=item.get("doubt"),
            body=zlib.decompressobj().decompress(item["body"]),
            whole="bytes" not in item,
        )
