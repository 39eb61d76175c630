"""A transaction: its latest snapshot, and a version that counts accepted changes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from securities_transactions.domain.cases import CaseWork, Resolution
from securities_transactions.domain.cause import Cause
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Revision
from securities_transactions.domain.statuses import GatewayStatus, Status

TRANSACTION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
"""What a transaction's id may look like."""


class Confirmation(StrEnum):
    """The certainty of the snapshot: only reported, or pulled from the Gateway with our credentials."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"


class Source(StrEnum):
    """The source of the snapshot."""

    WEBHOOK = "webhook"
    SDK = "sdk"
    PULL = "pull"
    PERSON = "person"


class AccountLink(StrEnum):
    """The result of a user's claim to a broker account.

    Newly linked, linked before, linked to another user, or a test account, which is never linked.
    """

    LINKED = "linked"
    KNOWN = "known"
    CONFLICT = "conflict"
    TEST = "test"


class FailureReason(StrEnum):
    """The reason why no orders follow: errored, expired unused, or used and abandoned."""

    ERRORED = "errored"
    EXPIRED = "expired"
    ABANDONED = "abandoned"


class EscalationReason(StrEnum):
    """The reason for which a person has to find out what became of the orders."""

    LOST_ORDER = "lost order"
    UNCLEAR_ORDER = "unclear order"
    SEVERAL_BATCHES = "several batches"
    UNKNOWN_STATUS = "unknown status"
    ORDERS_GONE = "orders gone"
    OPEN_TOO_LONG = "open too long"
    NO_PRICE = "no price"
    RECORDS_DIFFER = "records differ"


class ConfirmPolicy(StrEnum):
    """The reported states that are pulled at once before they count as confirmed."""

    EVERY = "every"
    FINAL = "final"
    NONE = "none"


TEST_BROKER_SUFFIX: Final = "-leprechaun"
"""The suffix of a test account's broker (docs/reference/gateway.md §9)."""


def is_test_broker(broker: str | None) -> bool:
    """True if `broker` is the broker of a test account."""
    return broker is not None and broker.casefold().endswith(TEST_BROKER_SUFFIX)


@dataclass(frozen=True)
class SdkError:
    """An error of the Gateway's SDKs (docs/reference/gateway.md §6.2). `code` or `message` is set."""

    code: int | None = None
    message: str | None = None

    @property
    def given(self) -> dict[str, int | str]:
        """The one or both that the SDK gave, by name."""
        return {name: value for name, value in (("code", self.code), ("message", self.message)) if value is not None}


@dataclass(frozen=True)
class Failure:
    """The reason why a transaction failed, with the Gateway's error, if any."""

    reason: FailureReason
    error: SdkError = SdkError()


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """A transaction as stored. Times are aware UTC, amounts are rupees.

    `status` is derived (`domain.statuses`); `gateway_status` is the Gateway's word for the transaction
    (docs/reference/gateway.md §2.2). `reference` is the team's own name of it, unique for the user. `requested` has the
    `orderConfig` and `config` that were asked for. A transaction is *settled* once its final snapshot is confirmed.
    `booked_at` is when it was first over: settled, or failed. `cause` is that of its last change. `suspected_at` is
    when something last cast doubt on what is stored, `escalated_at` when it was last escalated to a person,
    `escalation` why. `case` is the work of people on it since; `resolution` is their statement of its orders, as long
    as that decides any of them.
    """

    transaction_id: str
    user_id: str
    status: Status
    version: int
    created_at: datetime
    expire_at: datetime
    requested: Deferred[Mapping[str, Any]]
    orders: Deferred[Batch] | None = None
    revision: Revision | None = None
    batch_id: str | None = None
    smallcase_auth_id: str | None = None
    broker: str | None = None
    buy_amount: Decimal | None = None
    sell_amount: Decimal | None = None
    confirmation: Confirmation | None = None
    source: Source | None = None
    reported_at: datetime | None = None
    confirmed_at: datetime | None = None
    settled_at: datetime | None = None
    booked_at: datetime | None = None
    gateway_status: GatewayStatus | None = None
    failure: Failure | None = None
    sdk_error: SdkError | None = None
    reference: str | None = None
    account: AccountLink | None = None
    adopted: bool = False
    escalated_at: datetime | None = None
    escalation: EscalationReason | None = None
    case: CaseWork | None = None
    resolution: Resolution | None = None
    suspected_at: datetime | None = None
    pulled_at: datetime | None = None
    final_pulled_at: datetime | None = None
    pull_requested_at: datetime | None = None
    next_check_at: datetime | None = None
    checks: int = 0
    cause: Cause | None = None

    @property
    def is_test(self) -> bool:
        """True if it uses a test account of the vendor: no shares and no money change hands."""
        return is_test_broker(self.broker)

    @property
    def is_settled(self) -> bool:
        """True if every order is final and the snapshot is confirmed."""
        return self.settled_at is not None

    @property
    def batch(self) -> Batch | None:
        """The latest batch, or `None` if no orders are known."""
        return None if self.orders is None else self.orders.value

    @property
    def has_unconfirmed_outcome(self) -> bool:
        """True if a final state is reported and not confirmed, and no pull was made for it."""
        reported = self.confirmation is Confirmation.REPORTED and self.final_pulled_at is None
        return reported and self.status.is_final

    @property
    def needs_person(self) -> bool:
        """True if it is escalated, and nothing has answered that since."""
        return self.is_unanswered and self.status != Status.FAILED

    @property
    def is_unanswered(self) -> bool:
        """True if it is escalated and was not settled since: what failed meanwhile may trade after all."""
        return self.escalated_at is not None and (self.settled_at is None or self.settled_at < self.escalated_at)

    @property
    def is_over(self) -> bool:
        """True if it is settled or failed."""
        return self.is_settled or self.status == Status.FAILED
