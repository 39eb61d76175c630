"""One example of each event, made by the same code that makes the real ones from the story of a few transactions."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from securities_transactions.domain import statuses
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.stored_webhook import KeptWebhook
from securities_transactions.domain.transaction import Transaction, encode_request, snapshot_attributes
from securities_transactions.domain.webhook_verification import webhook_id
from securities_transactions.events.builder import of_transaction
from securities_transactions.events.publisher import entry
from securities_transactions.events.schemas import CATALOGUE, SOURCE
from securities_transactions.services.publish_updates import of_kept

_ID = "TRX_0123456789abcdef0123456789abcdef"
_CONFIRMED_AT = "2026-01-15T04:30:21.312Z"
_AUTH_ID = "65a1b2c3d4e5f60718293a4b"
_SECURITIES = [{"ticker": "INFY", "type": "BUY", "quantity": 3}, {"ticker": "M&M", "type": "BUY", "quantity": 2}]


def examples() -> dict[str, dict[str, Any]]:
    """The example of each event as a consumer receives it, by detail-type, in the order of the catalogue."""
    by_type = {event["detail-type"]: event for event in _events()}
    return {model.detail_type: by_type[model.detail_type] for model in CATALOGUE}


def created() -> Transaction:
    """A transaction that was just made: what the examples of the API and of the events start from."""
    return Transaction(
        transactionId=_ID,
        notes="user-42",
        status=statuses.CREATED,
        version=1,
        createdAt="2026-01-15T04:29:50.000Z",
        expireAt="2026-01-15T04:44:50.000Z",
        request=encode_request({"orderConfig": {"type": "SECURITIES", "securities": _SECURITIES}}),
    )


def story() -> tuple[Transaction, Transaction, Transaction]:
    """The same one with its orders: placed, reported as complete, settled."""
    reported = {"confirmation": "reported", "reportedAt": "2026-01-15T04:30:12.420Z", "broker": "kite"}
    placed = _next(created(), _batch("PLACED"), reported | {"smallcaseAuthId": _AUTH_ID})
    progressed = _next(
        placed, _batch("COMPLETE"), dict.fromkeys(["reportedAt", "pullRequestedAt"], "2026-01-15T04:30:20.050Z")
    )
    confirmed = {"confirmation": "confirmed", "confirmedAt": _CONFIRMED_AT}
    settled = _next(progressed, _batch("COMPLETE"), confirmed | {"settledAt": _CONFIRMED_AT, "account": "linked"})
    return placed, progressed, settled


def _events() -> list[dict[str, Any]]:
    first = created()
    placed, progressed, settled = story()
    confirmed = {"confirmation": "confirmed", "confirmedAt": _CONFIRMED_AT}
    asked = {"askedAt": _CONFIRMED_AT, "gatewayStatus": "COMPLETED"}
    unknown = _next(placed, _batch("ERROR"), confirmed | asked)
    retracted = replace(first, version=3, confirmation="confirmed", confirmedAt="2026-01-15T04:41:00.000Z")
    failed = replace(
        first,
        version=2,
        status=statuses.FAILED,
        error={"reason": "errored", "code": 1012, "message": "user_cancelled"},
        confirmation="confirmed",
        confirmedAt="2026-01-15T04:31:02.000Z",
    )
    conflict = replace(first, version=2, account="conflict", smallcaseAuthId=_AUTH_ID, broker="kite")
    body = (
        b'{"smallcaseAuthId":"65a1b2c3d4e5f60718293a4b","timestamp":"2026-01-15T04:35:00.000Z","checksum":"",'
        b'"securities":{"holdings":[{"ticker":"INFY","shares":3,"averagePrice":1498.2}]}}'
    )
    kept = KeptWebhook(
        webhook_id=webhook_id(body),
        received_at="2026-01-15T04:35:00.000Z",
        kind="HOLDINGS_IMPORT",
        transaction_id=None,
        smallcase_auth_id=_AUTH_ID,
        notes="user-42",
        doubt=None,
        body=body,
        whole=True,
    )
    changes = [(None, first), (first, placed), (placed, progressed), (progressed, settled)]
    changes += [(placed, unknown), (placed, retracted), (first, failed), (first, conflict)]
    events = [event for old, new in changes for event in of_transaction(old, new)] + of_kept(kept)
    return [
        received(event.detail_type, loads(entry(event, "securities-transactions-dev")["Detail"])) for event in events
    ]


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


def _next(before: Transaction, batch: Batch, said: Mapping[str, Any]) -> Transaction:
    attributes = snapshot_attributes(Snapshot(batch, f"2026-01-15T04:30:{12 + before.version:02}.345Z"))
    attributes["snapshot_bytes"] = attributes.pop("snapshot")
    return replace(before, version=before.version + 1, **attributes | dict(said))


def _batch(status: str) -> Batch:
    """Both orders as they stand when the first is at `status`; the second is rejected once that is not PLACED."""
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
