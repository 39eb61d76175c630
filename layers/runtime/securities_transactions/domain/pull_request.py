"""A request to pull a transaction from the Gateway, and its outcome."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from securities_transactions.domain.cause import Cause


@dataclass(frozen=True)
class PullRequest:
    """The reason to pull a transaction.

    `due_at` (UTC) names the check that was due, `suspicious` says that a webhook about it was, and `smallcase_auth_id`
    is the account of the webhook that requests the pull, where one does. `final` where a final state was reported: the
    user waits for it, and `reported_at` (UTC) is since when. `cause` is written with what the pull changes.
    """

    transaction_id: str
    smallcase_auth_id: str | None = None
    due_at: datetime | None = None
    suspicious: bool = False
    final: bool = False
    reported_at: datetime | None = None
    cause: Cause | None = field(default=None, compare=False)


class PullOutcome(StrEnum):
    """The outcome of a request to pull."""

    PULLED = "pulled"
    BUSY = "busy"
    """Another pull was made a moment ago; a check is scheduled and requested for when its lease ends."""
    DONE = "done"
    """The scheduled check has already been made."""
    ADOPTED = "adopted"
    DEFERRED = "deferred"
    """Nothing is stored that could be due: the requester has to ask again."""
    POSTPONED = "postponed"
    """The Gateway takes no more calls now: the request was sent again, to come later."""
    UNKNOWN = "unknown"
    """The transaction is not stored, and the Gateway does not know it or it must not be adopted."""
