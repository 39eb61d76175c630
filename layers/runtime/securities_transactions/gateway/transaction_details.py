"""Parsing of the Gateway's transaction details and of rows of its orders API (docs/reference/gateway.md §2.3, §3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.order_reading import batch_of, pulled
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.sdk_errors import error_code
from securities_transactions.domain.statuses import GatewayStatus
from securities_transactions.domain.times import parse_time
from securities_transactions.domain.transaction import SdkError


class UnreadableDetails(Exception):
    """The Gateway's response does not have the shape that docs/reference/gateway.md §2.3 describes."""


def transaction_of(
    data: Mapping[str, Any], pulled_at: datetime, auth_id_in_token: Callable[[str], str | None]
) -> GatewayTransaction:
    """The transaction in the `data` of transaction details, at either nesting (docs/reference/gateway.md §2.3).

    `auth_id_in_token` verifies a smallcaseAuthToken and returns its smallcaseAuthId. Raises `UnreadableDetails` if the
    response has no status, or if it has orders and none of its batches can be read.
    """
    nested = data.get("transactionDetails")
    details: Mapping[str, Any] = nested if isinstance(nested, Mapping) else data
    status = _text(details, "status")
    if status is None:
        raise UnreadableDetails("transaction details without a status")
    success = _mapping(details, "success")
    flags = _mapping(details, "flags")
    rows = [*_rows(_mapping(success, "data")), *_rows(success), *_rows(details)]
    batch_ids = dict.fromkeys(batch_id for row in rows if (batch_id := _text(row, "batchId")))
    return GatewayTransaction(
        transaction_id=_text(details, "transactionId") or _text(success, "transactionId") or "",
        status=GatewayStatus(status),
        pulled_at=pulled_at,
        expired=details.get("expired") is True,
        order_requested=flags.get("isOrderRequested") is True,
        intent=_text(details, "intent"),
        batch=_first_batch(rows),
        batch_id=next(iter(batch_ids), None),
        has_several_batches=len(batch_ids) > 1,
        error=_error(_mapping(details, "error")),
        smallcase_auth_id=_auth_id([details, success], auth_id_in_token),
        broker=_text(details, "broker") or _text(success, "broker"),
        user_id=_text(details, "notes") or _text(success, "notes"),
        expire_at=parse_time(details.get("expireAt")),
        created_at=parse_time(details.get("createdAt")),
        requested=_requested(details),
    )


def with_orders(transaction: GatewayTransaction, rows: Sequence[Mapping[str, Any]]) -> GatewayTransaction:
    """`transaction` with the rows of the orders API: each is a batch with transactionId, broker and notes.

    Rows without this transactionId are ignored: the batchId of the request may come from a forged webhook. Raises
    `UnreadableDetails` if there are orders and none of the rows can be read.
    """
    own = [row for row in rows if row.get("transactionId") == transaction.transaction_id]
    batch = _first_batch(own)
    several = transaction.has_several_batches or len({row.get("batchId") for row in own}) > 1
    if batch is None:
        return replace(transaction, has_several_batches=several)
    row = next(row for row in own if row.get("batchId") == batch.batchId)
    return replace(
        transaction,
        batch=batch,
        has_several_batches=several,
        broker=transaction.broker or _text(row, "broker"),
        user_id=transaction.user_id or _text(row, "notes"),
        smallcase_auth_id=transaction.smallcase_auth_id or _text(row, "smallcaseAuthId"),
    )


def _rows(holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for key in ("orderBatches", "batches"):
        value = holder.get(key)
        if isinstance(value, list):
            return [row for row in value if isinstance(row, Mapping)]
    return []


def _first_batch(rows: Sequence[Mapping[str, Any]]) -> Batch | None:
    """The first row that is a batch with orders. Details may name a batch without its orders."""
    unreadable = False
    for row in rows:
        try:
            batch = pulled(batch_of(row))
        except ValidationError:
            unreadable = unreadable or bool(row.get("orders") or row.get("unplaced"))
            continue
        if batch.orders or batch.unplaced:
            return batch
    if unreadable:
        raise UnreadableDetails("orders in a batch without a batchId")
    return None


def _requested(details: Mapping[str, Any]) -> dict[str, Any]:
    """The requested orders, with `securities` in the shape of a create call even if the Gateway shows `orders`."""
    found = {key: dict(details[key]) for key in ("orderConfig", "config") if isinstance(details.get(key), Mapping)}
    config = found.get("orderConfig", {})
    orders = config.get("orders")
    if "securities" not in config and isinstance(orders, list):
        del config["orders"]
        config["securities"] = [_security(order) for order in orders if isinstance(order, Mapping)]
    return found


def _security(order: Mapping[str, Any]) -> dict[str, Any]:
    ticker = _text(_mapping(order, "sidInfo"), "ticker") or _text(order, "ticker") or _text(order, "sid")
    named = {name: order[name] for name in _SECURITY if order.get(name) is not None}
    return ({} if ticker is None else {"ticker": ticker}) | named


_SECURITY: Final = ("type", "quantity", "orderType", "price", "triggerPrice", "validity")


def _error(error: Mapping[str, Any]) -> SdkError | None:
    """The error of an errored transaction. `value: false` beside empty members means no error."""
    if error.get("value") is False or (error.get("message") is None and error.get("code") is None):
        return None
    return SdkError(error_code(error.get("code")), _text(error, "message"))


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
