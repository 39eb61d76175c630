"""Transaction details as the pull API and the SDK return them, and the SDK's decision.

docs/reference/gateway.md §2.3 and §6.3 describe both.
"""

from datetime import datetime
from typing import Any, Literal

from tools.gateway_simulator import tokens
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.transactions import CODES, Transaction
from tools.gateway_simulator.wire import stamp


def expire_at(transaction: Transaction, settings: Settings) -> dict[str, str | int]:
    """Return the time at which the id stops working as the member `expireAt`, in the encoding that is set (§1.3)."""
    seconds = transaction.expire_at.timestamp()
    match settings.expire_at_format:
        case "iso":
            return {"expireAt": stamp(transaction.expire_at)}
        case "epoch_seconds":
            return {"expireAt": int(seconds)}
        case "epoch_ms":
            return {"expireAt": int(seconds * 1000)}
        case "implausible":
            return {"expireAt": "9999-12-31T23:59:59.999Z"}
        case "absent":
            return {}


def render(transaction: Transaction, settings: Settings, now: datetime) -> dict[str, Any]:
    """The details at `now` (wire time), without the smallcaseAuthToken, which is minted when they are read."""
    request, success, batches = transaction.request, dict[str, Any](), list[dict[str, Any]]()
    if transaction.broker is not None:
        success = {"broker": transaction.broker, "signup": transaction.signup, "transactionId": transaction.id}
        if transaction.notes is not None:
            success["notes"] = transaction.notes
        row = transaction.row(settings)
        if row is not None:
            full = transaction.batch.as_json() if transaction.batch else {}
            short = {"batchId": row["batchId"], "status": row["status"]}
            batches = [full if settings.details_batches == "full" else short]
            if settings.details_batches_in == "success.data":
                success["data"] = {"batches": batches}
            elif settings.details_batches_in == "success":
                success["batches"] = batches
    details: dict[str, Any] = {
        "transactionId": transaction.id,
        "gateway": settings.gateway_name,
        "intent": transaction.intent,
        "status": transaction.status,
        "expired": transaction.expired,
        **expire_at(transaction, settings),
        "createdAt": stamp(transaction.created_at),
        "updatedAt": stamp(now),
        **{key: request[key] for key in ("orderConfig", "config") if key in request},
        "flags": {"isOrderRequested": transaction.order_requested},
        "success": success or None,
        "error": {
            "value": transaction.error is not None,
            "message": transaction.error_message,
            "code": transaction.error,
        },
    }
    if settings.details_success == "flat":
        details |= {**success, "success": None}
    if batches and settings.details_batches_in == "details":
        details["batches"] = batches
    if settings.details_order_config == "orders" and isinstance(request.get("orderConfig"), dict):
        details["orderConfig"] = _stored_order_config(request["orderConfig"])
    if transaction.auth_id is not None and settings.details_auth_id != "token":
        details[settings.details_auth_id] = transaction.auth_id
    return details


def _stored_order_config(config: dict[str, Any]) -> dict[str, Any]:
    """An orderConfig in the shape that the vendor's SDKs have for a stored transaction (§2.3)."""
    orders = [
        {"sid": each["ticker"], "sidInfo": {"ticker": each["ticker"]}, "orderType": "MARKET", "validity": "DAY"}
        | {key: each[key] for key in ("quantity", "type") if key in each}
        for each in config.get("securities", [])
    ]
    return {key: value for key, value in config.items() if key != "securities"} | {"orders": orders}


def with_token(details: dict[str, Any], auth_id: str | None, settings: Settings, now: datetime) -> dict[str, Any]:
    """`details` with the connected token of the logged-in user. `now` is wall-clock time."""
    is_flat = settings.details_success == "flat"
    if auth_id is None or not (details.get("broker") if is_flat else details["success"]):
        return details
    token = tokens.connected(auth_id, settings.gateway_secret, now, settings.token_lifetime_seconds)
    if is_flat:
        return {**details, "authToken": token}
    return {**details, "success": {"smallcaseAuthToken": token, **details["success"]}}


Settling = Literal["resolve", "reject", "poll"]


def sdk_decides(transaction: Transaction, *, polled_out: bool = False) -> tuple[Settling, int | None]:
    """The SDK's decision about the current transaction, and the code that it rejects with (§6.3).

    "poll" means another look, up to 15 times, 2 seconds apart. `polled_out` gives the decision after that.
    """
    if transaction.expired and not transaction.order_requested:
        return "reject", 1005
    if transaction.error is not None:
        return "reject", transaction.error
    if transaction.status in {"COMPLETED", "ACTION_REQUIRED"}:
        return "resolve", None
    if transaction.status == "PROCESSING":
        if transaction.intent == "TRANSACTION":
            return "resolve", None
        return ("reject", 4003) if polled_out else ("poll", None)
    if transaction.status == "USED":
        if not transaction.order_requested:
            return "reject", 1012
        return ("reject", 4006) if polled_out else ("poll", None)
    return "reject", 1011


def sdk_value(transaction: Transaction, code: int | None, settings: Settings, now: datetime) -> dict[str, Any]:
    """The value that the SDK's promise resolves to (`code` None) or rejects with (§8). `now` is wall-clock time."""
    known: dict[str, Any] = {"transactionId": transaction.id}
    if transaction.auth_id is not None:
        known["smallcaseAuthToken"] = tokens.connected(
            transaction.auth_id, settings.gateway_secret, now, settings.token_lifetime_seconds
        )
        known["broker"] = transaction.broker
        known["signup"] = transaction.signup
    if transaction.notes is not None:
        known["notes"] = transaction.notes
    if code is not None:
        message = CODES.get(code, transaction.error_message or "internal_error")
        return {"success": False, "message": message, "code": code, "errorCode": code, "data": known}
    row = transaction.row(settings)
    if row is not None:
        known["orderBatches"] = [
            {key: value for key, value in row.items() if key not in {"transactionId", "broker", "notes"}}
        ]
    return {"success": True, **known}
