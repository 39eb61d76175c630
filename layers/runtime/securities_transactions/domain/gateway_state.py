"""What the Gateway itself says of a transaction, pulled over our own credentials (docs/gateway.md §2.3, §3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from securities_transactions.domain.orders import Batch, batch_of
from securities_transactions.domain.sdk_errors import error_code
from securities_transactions.domain.times import parse_time

INITIALIZED: Final = "INITIALIZED"
USED: Final = "USED"
PROCESSING: Final = "PROCESSING"
ACTION_REQUIRED: Final = "ACTION_REQUIRED"
ERRORED: Final = "ERRORED"
COMPLETED: Final = "COMPLETED"
CANCELLED: Final = "CANCELLED"
EXPIRED: Final = "EXPIRED"

# An order may exist: the user confirmed, or the Gateway is working on it.
WITH_ORDERS: Final = frozenset({PROCESSING, ACTION_REQUIRED, COMPLETED})
# No order exists as long as none was requested. Only these words can fail a transaction: the set of words is open.
WITHOUT_ORDERS: Final = frozenset({INITIALIZED, USED, ERRORED, CANCELLED, EXPIRED})


class UnreadableTruth(Exception):
    """The Gateway's answer does not have the shape that docs/gateway.md §2.3 describes."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A transaction as the Gateway knows it; times are aware UTC.

    `batch_id` names its batch, also where the orders are not told. `error` has `code` (int or None) and `message`.
    """

    transaction_id: str
    status: str
    pulled_at: datetime
    expired: bool = False
    order_requested: bool = False
    batch: Batch | None = None
    batch_id: str | None = None
    error: Mapping[str, Any] | None = None
    smallcase_auth_id: str | None = None
    broker: str | None = None
    notes: str | None = None
    expire_at: datetime | None = None
    created_at: datetime | None = None
    request: Mapping[str, Any] | None = None

    @property
    def may_have_orders(self) -> bool:
        """Whether the Gateway's own status leaves it possible that orders exist: an unknown one does."""
        return self.status not in WITHOUT_ORDERS or self.order_requested

    @property
    def has_unknown_status(self) -> bool:
        """Whether the Gateway's status is a word that this version does not know."""
        return self.status not in WITH_ORDERS | WITHOUT_ORDERS


def canonical(status: str) -> str:
    """A transaction's status in the documented spelling; a word that is not known as it came."""
    word = "_".join(status.upper().replace("-", " ").replace("_", " ").split())
    return word if word in WITH_ORDERS | WITHOUT_ORDERS else status


def truth_of(data: Mapping[str, Any], pulled_at: datetime, auth_id_in_token: Callable[[str], str | None]) -> Truth:
    """The truth in the `data` of transaction details, at either nesting (docs/gateway.md §2.3).

    `auth_id_in_token` verifies a smallcaseAuthToken and gives its smallcaseAuthId. `UnreadableTruth` where the answer
    has no status.
    """
    nested = data.get("transactionDetails")
    details: Mapping[str, Any] = nested if isinstance(nested, Mapping) else data
    status = _text(details, "status")
    if status is None:
        raise UnreadableTruth("transaction details without a status")
    success = _mapping(details, "success")
    flags = _mapping(details, "flags")
    rows = [*_rows(_mapping(success, "data")), *_rows(success), *_rows(details)]
    return Truth(
        transaction_id=_text(details, "transactionId") or _text(success, "transactionId") or "",
        status=canonical(status),
        pulled_at=pulled_at,
        expired=details.get("expired") is True,
        order_requested=flags.get("isOrderRequested") is True,
        batch=_first_batch(rows),
        batch_id=next((batch_id for row in rows if (batch_id := _text(row, "batchId"))), None),
        error=_error(_mapping(details, "error")),
        smallcase_auth_id=_auth_id([details, success], auth_id_in_token),
        broker=_text(details, "broker") or _text(success, "broker"),
        notes=_text(details, "notes") or _text(success, "notes"),
        expire_at=parse_time(details.get("expireAt")),
        created_at=parse_time(details.get("createdAt")),
        request={key: details[key] for key in ("orderConfig", "config") if isinstance(details.get(key), Mapping)},
    )


def with_orders(truth: Truth, rows: Sequence[Mapping[str, Any]]) -> Truth:
    """`truth` completed by rows of the orders API: each a batch with transactionId, broker and notes beside it.

    A row that does not say whose it is is nobody's: the batchId that was asked for may come from a forged webhook.
    """
    mine = [row for row in rows if row.get("transactionId") == truth.transaction_id]
    batch = _first_batch(mine)
    if batch is None:
        return truth
    row = next(row for row in mine if row.get("batchId") == batch.batchId)
    return replace(
        truth,
        batch=batch,
        broker=truth.broker or _text(row, "broker"),
        notes=truth.notes or _text(row, "notes"),
        smallcase_auth_id=truth.smallcase_auth_id or _text(row, "smallcaseAuthId"),
    )


def _rows(holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for key in ("orderBatches", "batches"):
        value = holder.get(key)
        if isinstance(value, list):
            return [row for row in value if isinstance(row, Mapping)]
    return []


def _first_batch(rows: Sequence[Mapping[str, Any]]) -> Batch | None:
    """The first row that is a batch with orders: details may name a batch without saying anything of its orders."""
    for row in rows:
        try:
            batch = batch_of(dict(row))
        except ValidationError:
            continue
        if batch.orders or batch.unplaced:
            return batch
    return None


def _error(error: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error of an errored transaction; `value: false` beside empty members means that there is none."""
    if error.get("value") is False or (error.get("message") is None and error.get("code") is None):
        return None
    return {"code": error_code(error.get("code")), "message": _text(error, "message")}


def _auth_id(holders: Sequence[Mapping[str, Any]], auth_id_in_token: Callable[[str], str | None]) -> str | None:
    for key in ("smallcaseAuthId", "authId"):
        for holder in holders:
            if (plain := _text(holder, key)) is not None:
                return plain
    for key in ("smallcaseAuthToken", "authToken"):
        for holder in holders:
            if (token := _text(holder, key)) and (auth_id := auth_id_in_token(token)):
                return auth_id
    return None


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(holder: Mapping[str, Any], key: str) -> str | None:
    value = holder.get(key)
    return value if isinstance(value, str) and value else None
