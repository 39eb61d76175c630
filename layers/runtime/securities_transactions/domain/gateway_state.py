"""The Gateway's state of a transaction, pulled with our credentials (docs/reference/gateway.md §2.3, §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from securities_transactions.domain.orders import Batch
from securities_transactions.domain.statuses import GatewayStatus
from securities_transactions.domain.transaction import SdkError


@dataclass(frozen=True, kw_only=True)
class GatewayTransaction:
    """The Gateway's state of a transaction. Times are aware UTC.

    `batch_id` is set even if the orders are not shown. `requested` holds the `orderConfig` and `config`.
    """

    transaction_id: str
    status: GatewayStatus
    pulled_at: datetime
    expired: bool = False
    order_requested: bool = False
    batch: Batch | None = None
    batch_id: str | None = None
    intent: str | None = None
    has_several_batches: bool = False
    error: SdkError | None = None
    smallcase_auth_id: str | None = None
    broker: str | None = None
    user_id: str | None = None
    expire_at: datetime | None = None
    created_at: datetime | None = None
    requested: Mapping[str, Any] | None = None

    @property
    def is_of_securities(self) -> bool:
        """True if the Gateway does not state another intent or type: those share its API."""
        config = (self.requested or {}).get("orderConfig")
        kind = config.get("type") if isinstance(config, Mapping) else None
        return self.intent in (None, "TRANSACTION") and kind in (None, "SECURITIES")

    @property
    def may_have_orders(self) -> bool:
        """True if the Gateway's status allows orders to exist. An unknown status does."""
        return self.order_requested or not self.status.rules_out_orders
