"""A genuine webhook that changed nothing, as it is stored."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StoredWebhook:
    """A webhook as stored. `body` is verbatim, `received_at` aware UTC. `suspicion` says why it was not believed.

    `whole` is False where the body was too large to be stored and `body` is its beginning.
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
    """What the index has of a stored webhook; see `StoredWebhook`."""

    webhook_id: str
    received_at: datetime
    kind: str
    suspicion: str | None
