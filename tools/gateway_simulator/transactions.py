"""A transaction: its request, the user's progress, the planned steps, and the history that the APIs show."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tools.gateway_simulator.orders import Batch
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.steps import Step
from tools.gateway_simulator.tokens import Identity

CODES = {
    1001: "user_mismatch",
    1003: "consent_denied",
    1005: "transaction_expired",
    1006: "no_broker",
    1007: "no_broker",
    1008: "no_broker",
    1010: "user_cancelled",
    1011: "user_cancelled",
    1012: "user_cancelled",
    2000: "internal_error",
    3000: "intent_not_enabled_for_broker",
    3001: "transaction_expired",
    4003: "timed_out",
    4004: "market_closed",
    4006: "order_pending",
}


class Conflict(Exception):
    """The transaction is not in a state for this.

    `code` is the SDK's, if it has one (docs/reference/gateway.md §6.2).
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class View:
    """A transaction as its details (without the token) and its order row were at `at` of the simulator's clock."""

    at: datetime
    status: str
    details: dict[str, Any]
    row: dict[str, Any] | None


@dataclass
class Transaction:
    """One transactionId. `expires_at` is on the simulator's clock, `created_at` and `expire_at` are wire time."""

    id: str
    request: dict[str, Any]
    owner: Identity
    created_at: datetime
    expire_at: datetime
    expires_at: datetime
    status: str = "INITIALIZED"
    expired: bool = False
    order_requested: bool = False
    chosen_broker: str | None = None
    broker: str | None = None
    auth_id: str | None = None
    signup: bool = False
    error: int | None = None
    error_message: str | None = None
    batch: Batch | None = None
    amo: bool = False
    paused: bool = False
    lapses_at: datetime | None = None
    steps: deque[Step] = field(default_factory=deque)
    fault_patch: dict[str, Any] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)

    @property
    def intent(self) -> str:
        return str(self.request["intent"])

    @property
    def notes(self) -> str | None:
        return self.request.get("notes")

    @property
    def is_over(self) -> bool:
        """True if nothing can change any more, except its orders."""
        return self.status in {"ERRORED", "COMPLETED", "CANCELLED", "EXPIRED"}

    @property
    def placed(self) -> Batch | None:
        """The batch, once its orders were tried at the broker."""
        return self.batch if self.batch is not None and (self.batch.orders or self.batch.unplaced) else None

    def fail(self, code: int, message: str | None = None) -> None:
        """End the flow with one of the SDK's errors."""
        self.status, self.error, self.error_message = "ERRORED", code, message or CODES.get(code, "internal_error")

    def follow_batch(self) -> None:
        """Take the status that follows from the batch: final or still open (§2.2)."""
        if self.placed is not None:
            self.status = "COMPLETED" if self.placed.is_final else "PROCESSING"

    def row(self, settings: Settings) -> dict[str, Any] | None:
        """The batch with transactionId, broker and notes (§3), once there is one."""
        if self.placed is None:
            return None
        batch = self.placed.as_json(complete_only=settings.average_price == "complete_only")
        row = {**batch, "transactionId": self.id, "broker": self.broker}
        return row if self.notes is None else {**row, "notes": self.notes}

    def shown_at(self, moment: datetime) -> View:
        """The newest view at `moment`, or the first."""
        return next((view for view in reversed(self.views) if view.at <= moment), self.views[0])
