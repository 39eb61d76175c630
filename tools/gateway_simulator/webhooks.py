"""Webhook bodies of every kind, and their checksum (docs/reference/gateway.md §4.2–4.4)."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from tools.gateway_simulator.settings import TimestampSpelling

_INDIA = timezone(timedelta(hours=5, minutes=30))
Variant = Literal[
    "genuine", "reversed", "base64", "upper", "plain_sha256", "wrong_key", "gateway_secret", "missing", "truncated"
]
Kind = Literal["sst", "holdings_import", "holdings_import_v2", "mf_holdings_import", "pending_action", "unknown"]


def checksum(api_secret: str, timestamp: str, subject: str) -> str:
    """Lower-case hex of HMAC-SHA256 with the API secret over timestamp and subject, without a separator."""
    return _hmac(api_secret, timestamp + subject).hex()


def signed(
    body: dict[str, Any],
    subject: str,
    timestamp: str | int,
    *,
    api_secret: str,
    gateway_secret: str,
    variant: Variant = "genuine",
) -> dict[str, Any]:
    """`body` with timestamp and checksum. The receiver must reject every variant except "genuine"."""
    text = str(timestamp)
    good = checksum(api_secret, text, subject)
    value = {
        "genuine": good,
        "reversed": checksum(api_secret, subject, text),
        "base64": base64.b64encode(bytes.fromhex(good)).decode(),
        "upper": good.upper(),
        "plain_sha256": hashlib.sha256((text + subject + api_secret).encode()).hexdigest(),
        "wrong_key": checksum(api_secret + "x", text, subject),
        "gateway_secret": checksum(gateway_secret, text, subject),
        "truncated": good[:32],
        "missing": None,
    }[variant]
    sealed = {**body, "timestamp": timestamp}
    return sealed if value is None else {**sealed, "checksum": value}


def spelled(timestamp: str, spelling: TimestampSpelling) -> str | int:
    """An ISO 8601 `timestamp` as the member of a webhook's body; which spelling the vendor has is inferred (§4.2)."""
    moment = datetime.fromisoformat(timestamp)
    match spelling:
        case "ms":
            return timestamp
        case "seconds":
            return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
        case "offset":
            return moment.astimezone(_INDIA).isoformat(timespec="milliseconds")
        case "epoch_seconds":
            return int(moment.timestamp())
        case "epoch_ms":
            return int(moment.timestamp() * 1000)
        case "epoch_text":
            return str(int(moment.timestamp() * 1000))


def subject_of(body: dict[str, Any]) -> str:
    """The signed part besides the timestamp: the smallcaseAuthId, or the transactionId for mutual funds."""
    return str(body.get("smallcaseAuthId") or body.get("transactionId") or "")


def other_kind(kind: Kind, auth_id: str, transaction_id: str, broker: str, today: str) -> dict[str, Any]:
    """The unsigned body of a webhook that is not about a securities order (§4.4). `today` is ISO 8601 UTC."""
    identity = {"smallcaseAuthId": auth_id, "broker": broker, "transactionId": transaction_id}
    if kind == "holdings_import":
        holding = {"ticker": "INFY", "shares": 12, "averagePrice": 1412}
        smallcase = {"scid": "SCDEMO_0001", "name": "Demo basket", "stats": {"currentValue": 10_000}}
        return {
            **identity,
            "securities": {"holdings": [holding]},
            "smallcases": {"public": [smallcase], "private": {"stats": {}}},
            "snapshotDate": today,
            "lastUpdate": today,
            "updating": False,
        }
    if kind == "holdings_import_v2":
        held = {"quantity": 12, "averagePrice": 1412}
        security = {
            "nseTicker": "INFY",
            "isin": "INE009A01021",
            "holdings": held,
            "positions": {"nse": {"quantity": 0, "averagePrice": 0}},
        }
        return {**identity, "securities": [security], "snapshotDate": today, "lastUpdate": today, "updating": False}
    if kind == "mf_holdings_import":
        return {"transactionId": transaction_id, "intent": "MF_HOLDINGS_IMPORT", "snapshotDate": today}
    if kind == "pending_action":
        return {"smallcaseAuthId": auth_id, "iscid": "65d0000000000000000000c3", "scid": "SCDEMO_0001", "action": "FIX"}
    return {"smallcaseAuthId": auth_id, "somethingNew": {"value": 1}}


def _hmac(key: str, message: str) -> bytes:
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
