"""The Gateway's state of a transaction: when orders may exist (docs/reference/gateway.md §2.2)."""

from datetime import UTC, datetime
from typing import Final

import pytest

from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.statuses import GatewayStatus

NOW: Final = datetime(2026, 1, 15, 4, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "order_requested", "may"),
    [
        ("INITIALIZED", False, False),
        ("USED", False, False),
        ("USED", True, True),
        ("PROCESSING", False, True),
        ("ACTION_REQUIRED", False, True),
        ("COMPLETED", False, True),
        ("ERRORED", False, False),
        ("ERRORED", True, True),
        ("CANCELLED", False, False),
        ("EXPIRED", False, False),
        ("errored", False, False),
        ("Action Required", False, True),
        ("NEW_STATUS", False, True),
        ("QUEUED", False, True),
    ],
)
def test_transaction_may_have_orders_unless_its_status_rules_them_out(
    status: str, order_requested: bool, may: bool
) -> None:
    """Once the user has confirmed, once the Gateway is working on it, and under every unknown status."""
    state = GatewayTransaction(
        transaction_id="TRX_1", status=GatewayStatus(status), pulled_at=NOW, order_requested=order_requested
    )
    assert state.may_have_orders is may
