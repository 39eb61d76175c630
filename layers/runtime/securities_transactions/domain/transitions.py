"""The transitions of a transaction, as values. Only storage interprets them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from securities_transactions.domain.cases import CaseWork, Resolution
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

    `keeps_account`: a pull or a verified token has shown an account before. If not, an account that the Gateway does
    not name was only reported. It is removed, and is not confirmed together with the orders.
    """

    smallcase_auth_id: str | None = None
    broker: str | None = None
    keeps_account: bool = False


@dataclass(frozen=True)
class Confirm:
    """The Gateway shows these orders, and some are open."""

    snapshot: Snapshot
    at: datetime
    shown: ShownAccount = ShownAccount()
    escalate: bool = False
    reason: EscalationReason | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Settle:
    """All orders are final: as the Gateway shows them, and as `resolution` states them where the Gateway cannot."""

    snapshot: Snapshot
    at: datetime
    shown: ShownAccount = ShownAccount()
    resolution: Resolution | None = None


@dataclass(frozen=True)
class Retract:
    """The Gateway has no orders: remove the reported ones.

    The account is removed too, unless a token or a pull has shown it.
    """

    at: datetime
    keeps_account: bool


@dataclass(frozen=True)
class Fail:
    """No orders will follow. `retract` is set if orders were reported."""

    at: datetime
    failure: Failure
    retract: Retract | None = None


@dataclass(frozen=True)
class Escalate:
    """An operator must find out the outcome of the orders."""

    at: datetime
    reason: EscalationReason | None = field(default=None, compare=False)


Outcome = Confirm | Settle | Retract | Fail | Escalate


@dataclass(frozen=True)
class ScheduleCheck:
    """The next check is due at `at`. `checks` counts the checks without a result by then, which sets the backoff."""

    at: datetime
    checks: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """A snapshot from a webhook or the SDK. It is written if it is newer than the stored one and fits it.

    `requests_pull`: pull from the Gateway at once. `requests_first_pull`: pull if no pull has been requested before.
    `settles`: the report is trusted as final.
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

        A batch with the status ERROR or an unknown value counts as final here: only the Gateway has more information.
        The first open state is pulled too: it shows the account, and that the webhooks come from the Gateway.
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
"""No further check is due, and there is no open suspicion."""


@dataclass(frozen=True)
class ClaimAccount:
    """The broker account that a pull or a verified token shows, and the resulting link for the user."""

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
    case: CaseWork | None = None
    cause: Cause | None = field(default=None, compare=False)

    @property
    def bumps_version(self) -> bool:
        """True if the state changes. Each version has one event about the state; an account has its own events."""
        return self.outcome is not None

    @property
    def has_history(self) -> bool:
        """True if the transaction's history has it: a check that is scheduled or a suspicion is not in it."""
        told = (self.outcome, self.account, self.gateway_status, self.sdk_error, self.case)
        return any(each is not None for each in told)

    @property
    def changes_nothing(self) -> bool:
        """True if there is nothing to write."""
        return self == Transition()
