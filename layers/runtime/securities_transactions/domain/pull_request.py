"""A request to pull a transaction from the Gateway, and its outcome."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from securities_transactions.domain.cause import Cause


@dataclass(frozen=True)
class PullRequest:
    """Why a transaction is to be pulled.

    `due_at` (UTC) names the check that was due, `suspicious` says that a webhook about it was, and `smallcase_auth_id`
    is the account of the webhook that requests the pull, where one does. `cause` is written with what the pull changes.
    """

    transaction_id: str
    smallcase_auth_id: str | None = None
    due_at: datetime | None = None
    suspicious: bool = False
    cause: Cause | None = field(default=None, compare=False)


class PullOutcome(StrEnum):
    """The outcome of a request to pull."""

    PULLED = "pulled"
    BUSY = "busy"
    """Another pull was made a moment ago. A check is scheduled so that the request is not lost."""
    DONE = "done"
    """The scheduled check has already been made."""
    ADOPTED = "adopted"
    DEFERRED = "deferred"
    """The transaction is not stored, so no check can be scheduled. The requester must retry."""
    UNKNOWN = "unknown"
    """The transaction is not stored, and the Gateway does not know it or it must not be adopted."""
