"""A genuine webhook that changed nothing, as stored."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StoredWebhook:
    """A stored webhook. `body` is verbatim, `received_at` is aware UTC, `suspicion` is the reason why it was not
    applied.

    `whole` is False if the body was too large to store and `body` is only its start.
    """

    webhook_id: str
    received_at: datetime
    kind: str
    transaction_id: str | None
    smallcase_auth_id: str | None
    user_id: str | None
    suspicion: str | None
    body: bytes
    whole: bool


@dataclass(frozen=True)
class FoundWebhook:
    """The index's entry of a stored webhook; see `StoredWebhook`."""

    webhook_id: str
    received_at: datetime
    kind: str
    suspicion: str | None
