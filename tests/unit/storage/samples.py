"""Stored transactions for the tests of the mapper: one with every field, and one with the minimum."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from securities_transactions.domain.cases import (
    CaseWork,
    Comment,
    Evidence,
    Proposal,
    Resolution,
    ResolvedOrder,
    Statement,
)
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus, OrderStatus, Side, Status
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    EscalationReason,
    Failure,
    FailureReason,
    SdkError,
    Source,
    Transaction,
)

NOW: Final = datetime(2026, 1, 15, 4, 30, 12, 345_000, UTC)
STAMP: Final = "2026-01-15T04:30:12.345Z"
ORDER: Final = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "COMPLETE", "quantity": 10}
BATCH: Final = Batch.model_validate({"batchId": "b1", "buyAmount": Decimal("15000.5"), "orders": [ORDER]})
SNAPSHOT: Final = Snapshot(BATCH, NOW)
RESOLUTION: Final = Resolution(
    orders=(
        ResolvedOrder(
            tradingsymbol="INFY",
            side=Side.BUY,
            status=OrderStatus.COMPLETE,
            quantity=10,
            filled_quantity=10,
            average_price=Decimal("1498.2"),
            exchange_order_id="E1",
            against=Statement(OrderStatus.ERROR, 0, Decimal(0)),
        ),
    ),
    why="The broker filled it.",
    evidence=Evidence.TRADEBOOK,
    reference="trade 25812345",
    subject="ann",
    at=NOW,
    approved_by="bob",
)
WORK: Final = CaseWork(
    changed_at=NOW,
    claimed_by="ann",
    claimed_at=NOW,
    comments=(Comment(NOW, "ann", "Asked the broker."),),
    proposal=Proposal(replace(RESOLUTION, approved_by=None), 7),
)
FULL: Final = Transaction(
    transaction_id="TRX_1",
    user_id="user=42",
    status=Status.COMPLETED,
    version=7,
    created_at=NOW,
    expire_at=NOW + timedelta(minutes=15),
    requested=Deferred.of({"orderConfig": {"type": "SECURITIES"}}),
    orders=Deferred.of(BATCH),
    revision=SNAPSHOT.revision,
    batch_id="b1",
    smallcase_auth_id="auth",
    broker="kite",
    buy_amount=Decimal("15000.5"),
    sell_amount=Decimal("0.05"),
    confirmation=Confirmation.CONFIRMED,
    source=Source.PULL,
    reported_at=NOW + timedelta(minutes=1),
    confirmed_at=NOW + timedelta(minutes=2),
    settled_at=NOW + timedelta(minutes=3),
    booked_at=NOW + timedelta(minutes=2),
    gateway_status=GatewayStatus.COMPLETED,
    failure=Failure(FailureReason.ERRORED, SdkError(1012, "user_cancelled")),
    sdk_error=SdkError(4006, "order_pending"),
    account=AccountLink.LINKED,
    adopted=True,
    reference="order-7",
    escalated_at=NOW + timedelta(minutes=4),
    escalation=EscalationReason.LOST_ORDER,
    case=WORK,
    resolution=RESOLUTION,
    suspected_at=NOW + timedelta(minutes=5),
    pulled_at=NOW + timedelta(minutes=6),
    final_pulled_at=NOW + timedelta(minutes=7),
    pull_requested_at=NOW + timedelta(minutes=8),
    next_check_at=NOW + timedelta(minutes=9),
    checks=3,
    cause=Cause(
        kind=CauseKind.WEBHOOK,
        request_id="5f0c2f1f-9b7e-4f7d-8a1b-2c3d4e5f6071",
        webhook_id="0c70bccea4c1496e" * 2,
    ),
)
LEAST: Final = Transaction(
    transaction_id="TRX_1",
    user_id="user=42",
    status=Status.CREATED,
    version=1,
    created_at=NOW,
    expire_at=NOW,
    requested=Deferred.of({}),
)
