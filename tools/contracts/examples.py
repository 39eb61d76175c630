"""One example of each event, built by the code that builds the real ones, from a few example transactions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from securities_transactions.domain.books import BrokerBooks, Closing, Doubt, Phase, Run, Tally
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus, Status
from securities_transactions.domain.stored_webhook import StoredWebhook
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    EscalationReason,
    Failure,
    FailureReason,
    SdkError,
    Transaction,
)
from securities_transactions.domain.webhook_verification import webhook_id
from securities_transactions.events.builder import of_closing, of_transaction
from securities_transactions.events.publisher import entry
from securities_transactions.events.schemas import CATALOGUE, SOURCE
from securities_transactions.services.publish_updates import of_webhook

_ID = "TRX_0123456789abcdef0123456789abcdef"
_CREATED_AT = datetime(2026, 1, 15, 4, 29, 50, tzinfo=UTC)
_CONFIRMED_AT = datetime(2026, 1, 15, 4, 30, 21, 312000, tzinfo=UTC)
_CONFIRMED: Final[Mapping[str, Any]] = {"confirmation": Confirmation.CONFIRMED, "confirmed_at": _CONFIRMED_AT}
_AUTH_ID = "65a1b2c3d4e5f60718293a4b"
_SECURITIES = [{"ticker": "INFY", "type": "BUY", "quantity": 3}, {"ticker": "M&M", "type": "BUY", "quantity": 2}]


def examples() -> dict[str, dict[str, Any]]:
    """The example of each event as a consumer receives it, by detail-type, in the order of the catalogue."""
    by_type = {event["detail-type"]: event for event in _events()}
    return {model.detail_type: by_type[model.detail_type] for model in CATALOGUE}


def created() -> Transaction:
    """A new transaction: the starting point of the examples of the API and the events."""
    return Transaction(
        transaction_id=_ID,
        user_id="user-42",
        status=Status.CREATED,
        version=1,
        created_at=_CREATED_AT,
        expire_at=_CREATED_AT + timedelta(minutes=15),
        requested=Deferred.of({"orderConfig": {"type": "SECURITIES", "securities": _SECURITIES}}),
    )


def story() -> tuple[Transaction, Transaction, Transaction]:
    """The same transaction with its orders: placed, reported as complete, settled."""
    placed = _next(
        created(),
        _batch("PLACED"),
        confirmation=Confirmation.REPORTED,
        reported_at=_CREATED_AT + timedelta(seconds=22.42),
        broker="kite",
        smallcase_auth_id=_AUTH_ID,
    )
    reported_at = _CREATED_AT + timedelta(seconds=30.05)
    progressed = _next(placed, _batch("COMPLETE"), reported_at=reported_at, pull_requested_at=reported_at)
    settled = _next(progressed, _batch("COMPLETE"), **_CONFIRMED, settled_at=_CONFIRMED_AT, account=AccountLink.LINKED)
    return placed, progressed, settled


def lost() -> Transaction:
    """The same transaction, escalated: the Gateway cannot say what became of the order."""
    return _next(
        story()[0],
        _batch("ERROR"),
        **_CONFIRMED,
        escalated_at=_CONFIRMED_AT,
        escalation=EscalationReason.LOST_ORDER,
        gateway_status=GatewayStatus.COMPLETED,
    )


def _events() -> list[dict[str, Any]]:
    first = created()
    placed, progressed, settled = story()
    unknown = lost()
    retracted = replace(
        first, version=3, confirmation=Confirmation.CONFIRMED, confirmed_at=_CREATED_AT + timedelta(seconds=670)
    )
    failed = replace(
        first,
        version=2,
        status=Status.FAILED,
        failure=Failure(FailureReason.ERRORED, SdkError(1012, "user_cancelled")),
        confirmation=Confirmation.CONFIRMED,
        confirmed_at=_CREATED_AT + timedelta(seconds=72),
    )
    conflict = replace(first, version=2, account=AccountLink.CONFLICT, smallcase_auth_id=_AUTH_ID, broker="kite")
    changes = [(None, first), (first, placed), (placed, progressed), (progressed, settled)]
    changes += [(placed, unknown), (placed, retracted), (first, failed), (first, conflict)]
    events = [event for old, new in changes for event in of_transaction(old, new)]
    events += [*of_webhook(_webhook()).events, of_closing(_closing())]
    return [
        received(event.detail_type, loads(entry(event, "securities-transactions-dev")["Detail"])) for event in events
    ]


def _webhook() -> StoredWebhook:
    """A stored webhook that is not about an order."""
    body = (
        b'{"smallcaseAuthId":"65a1b2c3d4e5f60718293a4b","timestamp":"2026-01-15T04:35:00.000Z","checksum":"",'
        b'"securities":{"holdings":[{"ticker":"INFY","shares":3,"averagePrice":1498.2}]}}'
    )
    return StoredWebhook(
        webhook_id=webhook_id(body),
        received_at=datetime(2026, 1, 15, 4, 35, tzinfo=UTC),
        kind="HOLDINGS_IMPORT",
        transaction_id=None,
        smallcase_auth_id=_AUTH_ID,
        user_id="user-42",
        suspicion=None,
        body=body,
        whole=True,
    )


def _closing() -> Run:
    """The closing of a day on which two transactions were settled with one broker."""
    until = datetime(2026, 1, 15, 13, 0, tzinfo=UTC)
    kite = BrokerBooks(transactions=2, orders=3, buy_amount=Decimal("8989.20"), sell_amount=Decimal(0))
    return Run(
        closing=Closing(date(2026, 1, 15), until - timedelta(days=1), until),
        number=1,
        phase=Phase.PUBLISH,
        started_at=until + timedelta(minutes=2),
        scheduled_until=until + timedelta(minutes=2, seconds=0.3),
        scheduled=3,
        closed_at=until + timedelta(minutes=4),
        tally=Tally(
            failed=1,
            open=1,
            corrected=1,
            corrected_ids=(_ID,),
            brokers={"kite": kite},
            doubtful={Doubt.PRICE: 1},
            unresolved=(("TRX_fedcba9876543210fedcba9876543210", Doubt.PRICE),),
        ),
    )


def received(detail_type: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """An event as EventBridge delivers it."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": SOURCE,
        "detail-type": detail_type,
        "account": "123456789012",
        "region": "ap-south-1",
        "time": detail["occurredAt"][:19] + "Z",
        "resources": [],
        "detail": dict(detail),
    }


def _next(before: Transaction, batch: Batch, **changes: Any) -> Transaction:
    """`before` one version later, with this batch and these `changes`."""
    stated = datetime(2026, 1, 15, 4, 30, 12 + before.version, 345000, tzinfo=UTC)
    return replace(
        before,
        version=before.version + 1,
        status=batch.status_of_orders,
        orders=Deferred.of(batch),
        revision=Snapshot(batch, stated).revision,
        batch_id=batch.batchId,
        buy_amount=batch.buyAmount,
        sell_amount=batch.sellAmount,
        **changes,
    )


def _batch(status: str) -> Batch:
    """Both orders when the first has the status `status`. The second is rejected once that is not PLACED."""
    filled = status == "COMPLETE"
    first = {"tradingsymbol": "INFY", "transactionType": "BUY", "orderType": "MARKET", "quantity": 3, "status": status}
    first |= {"filledQuantity": 3, "averagePrice": Decimal("1498.2")} if filled else {"filledQuantity": 0}
    second = {"tradingsymbol": "M&M", "transactionType": "BUY", "orderType": "MARKET", "quantity": 2}
    over = status != "PLACED"
    second |= {"filledQuantity": 0, "status": "REJECTED" if over else "PLACED"}
    second |= {"errorCode": "marginsExceeded"} if over else {}
    said = {
        "batchId": "65b0000000000000000000a1",
        "variety": "regular",
        "status": "PARTIALLYFILLED" if filled else status,
    }
    amounts = {"buyAmount": Decimal("4494.6"), "sellAmount": Decimal(0)} if filled else {}
    return Batch.model_validate({**said, **amounts, "orders": [first, second]})
