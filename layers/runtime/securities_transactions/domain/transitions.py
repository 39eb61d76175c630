"""What a decision changes about a transaction: values, which storage writes and nothing else interprets."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from securities_transactions.domain.cause import Cause
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.transaction import (
    AccountLink,
    ConfirmPolicy,
    EscalationReason,
    Failure,
    SdkError,
    Source,
)


@dataclass(frozen=True, kw_only=True)
class ShownAccount:
    """The account and the broker that the Gateway shows with the orders.

    `keeps_account`: a pull or a verified token has shown an account before. Without it, what the Gateway does not name
    was only reported, goes, and is not confirmed along with the orders.
    """

    smallcase_auth_id: str | None = None
    broker: str | None = None
    keeps_account: bool = False


@dataclass(frozen=True)
class Confirm:
    """The Gateway shows these orders, and some of them are open."""

    snapshot: Snapshot
    at: datetime
    shown: ShownAccount = ShownAccount()
    escalate: bool = False
    reason: EscalationReason | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Settle:
    """The Gateway shows these orders, and every one is final."""

    snapshot: Snapshot
    at: datetime
    shown: ShownAccount = ShownAccount()


@dataclass(frozen=True)
class Retract:
    """The Gateway knows of no orders: what was reported goes, and the account unless a token or a pull has shown it."""

    at: datetime
    keeps_account: bool


@dataclass(frozen=True)
class Fail:
    """No order will come of the transaction; `retract` where orders were reported."""

    at: datetime
    failure: Failure
    retract: Retract | None = None


@dataclass(frozen=True)
class Escalate:
    """A person has to find out what became of the orders."""

    at: datetime
    reason: EscalationReason | None = field(default=None, compare=False)


Outcome = Confirm | Settle | Retract | Fail | Escalate


@dataclass(frozen=True)
class ScheduleCheck:
    """The next check is due at `at`; `checks` were made in vain by then, which sets the backoff."""

    at: datetime
    checks: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """A snapshot that a webhook or the SDK states: written if it is newer than what is stored and fits it.

    `requests_pull`: the Gateway is to be asked at once; `requests_first_pull`: if nothing has requested a pull before.
    `settles`: the report itself is trusted to be the last word.
    """

    transaction_id: str
    snapshot: Snapshot
    smallcase_auth_id: str
    broker: str | None
    user_id: str | None
    source: Source
    at: datetime
    requests_pull: bool
    requests_first_pull: bool = False
    settles: bool = False
    cause: Cause | None = None

    @classmethod
    def under(cls, policy: ConfirmPolicy, snapshot: Snapshot, **stated: Any) -> "Report":
        """The report of `snapshot` under a Confirm policy.

        A batch that stands at ERROR or has an unknown word counts as final here: only the Gateway can say more. The
        first open state is pulled too: it shows the account, and that the webhooks are the Gateway's.
        """
        final = snapshot.batch.is_final
        unclear = snapshot.batch.is_unclear or snapshot.batch.status_of_orders == Status.ERROR
        outcome = final or unclear
        pulls = policy is ConfirmPolicy.EVERY or (policy is ConfirmPolicy.FINAL and outcome)
        return cls(
            snapshot=snapshot,
            requests_pull=pulls,
            requests_first_pull=policy is not ConfirmPolicy.NONE,
            settles=policy is ConfirmPolicy.NONE and final and not unclear,
            **stated,
        )


class _EndChecks(Enum):
    END = "end"


END_CHECKS: Final = _EndChecks.END
"""No further check is due, and nothing is suspected."""


@dataclass(frozen=True)
class ClaimAccount:
    """The transaction was made with this broker account, as a pull or a verified token shows, and what that amounts
    to for its user."""

    smallcase_auth_id: str
    link: AccountLink
    broker: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transition:
    """Everything that one decision changes; what is `None` stays as it is.

    `ends_suspicion`: nothing is suspected from now on. `cause` changes nothing by itself.
    """

    outcome: Outcome | None = None
    check: ScheduleCheck | Literal[_EndChecks.END] | None = None
    suspected_at: datetime | None = None
    ends_suspicion: bool = False
    gateway_status: GatewayStatus | None = None
    account: ClaimAccount | None = None
    pull_requested_at: datetime | None = None
    sdk_error: SdkError | None = None
    cause: Cause | None = field(default=None, compare=False)

    @property
    def bumps_version(self) -> bool:
        """Whether the state changes: each version has one event about the state. An account has events of its own."""
        return self.outcome is not None

    @property
    def has_history(self) -> bool:
        """Whether the transaction's history has it: a check that is scheduled or a suspicion is not in it."""
        told = (self.outcome, self.account, self.gateway_status, self.sdk_error)
        return any(each is not None for each in told)

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to write."""
        return self == Transition()
