"""Every value of every unknown: what the vendor does not publish, or was inferred (docs/reference/gateway.md, A and ?).

Not here, since no handler can see them: source addresses, mutual TLS and headers of webhooks, and the staging host.
How several ids in one call are spelled and taken has cells of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from tests.matrix.cell import GATEWAY_SECRET, NEVER, NEW, OLD, Cell, End


def _values(unknown: str, setting: str, values: Mapping[str, Any]) -> Iterator[Cell]:
    for value, given in values.items():
        yield Cell(unknown, value, gateway={setting: given})


_PATH: Final = "GatewayOrdersPath"
_ELSEWHERE: Final = {"orders_path": "/v2/{gatewayName}/stock-orders"}

# What the pull APIs answer: tried with webhooks, and with the pull APIs alone.
_OF_PULLS: Final = [
    Cell("orders API path", "/engine/orders/sst"),
    Cell(
        "orders API path", "elsewhere, and the setting says where", _ELSEWHERE,
        product={"GATEWAY_ORDERS_PATH": "/v2/{gatewayName}/stock-orders"},
    ),
    Cell("orders API path", "absent (404)", _ELSEWHERE, wrong=_PATH),
    Cell(
        "orders API path", "the setting names the sibling /engine/orders",
        product={"GATEWAY_ORDERS_PATH": "/v1/{gatewayName}/engine/orders"}, wrong=_PATH,
    ),
    *_values("nesting of details", "details_nesting", {"transactionDetails": "transactionDetails", "data": "data"}),
    *_values(
        "batches of details in", "details_batches_in",
        {"success.data": "success.data", "success": "success", "beside status": "details"},
    ),
    *_values("batches of details hold", "details_batches", {"ids": "ids", "whole batches": "full"}),
    *_values(
        "key of the auth id", "details_auth_id",
        {"authId": "authId", "smallcaseAuthId": "smallcaseAuthId", "only in a token": "token"},
    ),
    *_values("stored orderConfig", "details_order_config", {"securities[]": "securities", "orders[]": "orders"}),
    *_values("rows of the orders API", "orders_key", {key: key for key in ("orders", "orderBatches", "data")}),
    *_values("success of details", "details_success", {"an object": "nested", "flat, with authToken": "flat"}),
    Cell(
        "success of details", "flat, the auth id only in authToken",
        {"details_success": "flat", "details_auth_id": "token"},
    ),
    *_values("transactionId with batchId", "orders_refuse_both_ids", {"taken": False, "refused": True}),
    *_values("orders of open transactions", "orders_of_open_transactions", {"withheld": False, "shown": True}),
    *_values("averagePrice of PARTIAL", "average_price", {"shown": "executed", "withheld": "complete_only"}),
    *(
        Cell(
            "lag", f"{name} {seconds} s", faults={f"{name}LagSeconds": seconds},
            # Longer than the product waits for the API to show what a webhook reported: it follows the API, twice.
            besides=frozenset({"OrdersRetracted"} if (name, seconds) == ("details", 900) else ()),
        )
        for name in ("details", "orders")
        for seconds in (5, 90, 900)
    ),
]  # fmt: skip

_EXPIRY: Final = {
    "ISO text": "iso", "epoch seconds": "epoch_seconds", "epoch milliseconds": "epoch_ms", "absent": "absent",
    "implausible": "implausible",
}  # fmt: skip
_SPELLINGS: Final = {
    "milliseconds": "ms", "no milliseconds": "seconds", "offset": "offset", "epoch seconds": "epoch_seconds",
    "epoch milliseconds": "epoch_ms", "epoch text": "epoch_text",
}  # fmt: skip

_BY_OLD: Final = {"api_secret": OLD, "other_api_secrets": [NEW]}
_BY_NEW: Final = {"api_secret": NEW, "other_api_secrets": [OLD]}
_ROTATED: Final = {"apiSecret": NEW, "previousApiSecret": OLD}
_CREDENTIALS: Final = [
    Cell("API secret", "new accepted, product has new", {"api_secret": NEW}, secret={"apiSecret": NEW}),
    Cell("API secret", "both accepted, webhooks by old", _BY_OLD, secret=_ROTATED),
    Cell("API secret", "both accepted, webhooks by new", _BY_NEW, secret=_ROTATED),
    Cell(
        "API secret", "both accepted, webhooks by old, product has old", _BY_OLD,
        secret={"apiSecret": OLD},
    ),
    Cell(
        "API secret", "both accepted, webhooks by new rejected, product has old", _BY_NEW, secret={"apiSecret": OLD},
        wrong="apiSecret", has_webhooks=False,
    ),
    Cell("API secret", "only old accepted, product has both", {"api_secret": OLD}, secret=_ROTATED, wrong="apiSecret"),
    Cell(
        "API secret", "only new accepted, product has old", {"api_secret": NEW}, secret={"apiSecret": OLD},
        wrong="apiSecret",
    ),
    *(
        Cell(
            f"refused {what}", str(status), {"refusals": {setting: status}, **given}, secret=secret, product=product,
            wrong=wrong,
        )
        for status in (400, 401, 403, 404)
        for what, setting, given, secret, product, wrong in (
            ("x-gateway-secret", "bad_secret", {"api_secret": NEW}, {"apiSecret": OLD}, {}, "apiSecret"),
            ("gateway name", "unknown_gateway", {}, {}, {"GATEWAY_NAME": "another"}, "GatewayName"),
            ("JWT", "bad_token", {"gateway_secret": f"{GATEWAY_SECRET}_other"}, {}, {}, "gatewaySecret"),
        )
        if what != "x-gateway-secret" or status in (401, 403)  # no text for it is known
    ),
]  # fmt: skip

# §1.2, §1.4: what the Gateway may not want in a request, and how it says so.
_BASKET: Final = {"config": {"orderName": "Demo basket", "orderLogo": "https://cdn.example.test/basket.png"}}
_LIMIT: Final = {"ticker": "INFY", "type": "BUY", "quantity": 10, "orderType": "LIMIT", "price": 1500}
_UNTRADABLE: Final = ({"ticker": "FOOBAR", "type": "BUY", "quantity": 1},)
_REQUESTS: Final = [
    Cell("name and logo of a basket", "at the root, in config", request=_BASKET),
    Cell("name and logo of a basket", "ignored", {"unknown_members": ["config"], "unknown_members_are": "ignored"},
         request=_BASKET),
    Cell("name and logo of a basket", "refused", {"unknown_members": ["config"]}, request=_BASKET,
         end=End.REFUSED, reason="config is not allowed"),
    Cell("limit details in a request", "taken", securities=(_LIMIT,)),
    Cell("limit details in a request", "ignored: a market order",
         {"unknown_members": ["orderType", "price", "triggerPrice"], "unknown_members_are": "ignored"},
         securities=(_LIMIT,)),
    Cell("limit details in a request", "refused", {"unknown_members": ["orderType", "price"]}, securities=(_LIMIT,),
         end=End.REFUSED, reason="orderType is not allowed"),
    Cell("largest basket", "as many as asked", {"max_securities": 2}),
    Cell("largest basket", "fewer than asked", {"max_securities": 1}, end=End.REFUSED,
         reason="at most 1 securities are allowed"),
    *(
        Cell("untradable ticker refused with", f"{status}, {form}",
             {"refusals": {"invalid": status}, "error_body": form}, securities=_UNTRADABLE,
             end=End.REFUSED, reason="" if form == "error_type" else "ticker FOOBAR")
        for status in (400, 404, 409, 422)
        for form in ("errors", "text", "message", "error_type")
    ),
    Cell("tickers", "with & and -", securities=(
        {"ticker": "M&M", "type": "BUY", "quantity": 2}, {"ticker": "BAJAJ-AUTO", "type": "BUY", "quantity": 1},
    )),
]  # fmt: skip

# §1.4, §9: what a call may meet; the app repeats its request with its key.
_FAILURES: Final[Mapping[str, Mapping[str, Any]]] = {
    "429 with Retry-After": {"status": 429, "retryAfter": 7, "times": 2},
    "429 without": {"status": 429, "times": 2},
    **{str(status): {"status": status, "times": 2} for status in (408, 500, 502, 503, 504)},
    "HTML": {"kind": "garbage", "times": 2},
    "the answer is lost": {"kind": "lost", "times": 1},
}
_CALLS: Final = [
    Cell(f"{endpoint} meets", name, faults={endpoint: fault})
    for endpoint in ("create", "details", "orders")
    for name, fault in _FAILURES.items()
]

# §2.1, §2.2, §6: how an order that is never placed looks.
_EXPIRED: Final = timedelta(minutes=20)
_LIFETIMES: Final = [
    *_values("lifetime of an id", "expiry_seconds", {"5 minutes": 300, "15 minutes": 900, "45 minutes": 2700}),
    Cell("never opened", "INITIALIZED and expired", logs_in=False, idles=_EXPIRED, end=End.FAILED),
    Cell("never opened", "EXPIRED", {"end_of_day_seconds": 60}, logs_in=False, idles=_EXPIRED, end=End.FAILED),
    Cell("never confirmed", "USED and expired", confirms=False, idles=_EXPIRED, end=End.FAILED),
    Cell("never confirmed", "EXPIRED", {"end_of_day_seconds": 60}, confirms=False, idles=_EXPIRED, end=End.FAILED),
    Cell("never confirmed", "ERRORED, user_cancelled", confirms=False, closes=True, end=End.FAILED),
]

# §4.3: the shapes of batches that are documented by their statuses alone.
_UNKNOWN_FIRST: Final = frozenset({"OrdersUnknown"})
_SHAPES: Final = [
    *(
        Cell("order", name.replace("_", " "), confirm={"scenario": name})
        for name in (
            "amo", "amo_cancelled", "limit_cancelled", "partial", "unplaced", "partly_placed", "rejected",
            "one_rejected", "unfilled", "slow",
        )
    ),
    *(
        Cell("order", name.replace("_", " "), confirm={"scenario": name}, besides=_UNKNOWN_FIRST)
        for name in ("unknown_reconciled", "marked_complete")
    ),
    Cell("order", "unknown", confirm={"scenario": "unknown"}, end=End.UNKNOWN, patience=timedelta(days=3)),
    *(
        Cell(f"orderType {kind}", "as the user chose",
             confirm={"securities": [{**_LIMIT, "orderType": kind, **prices}]})
        for kind, prices in (
            ("LIMIT", {}), ("SL", {"triggerPrice": 1490}), ("SLM", {"price": 0, "triggerPrice": 1490}),
        )
    ),
    Cell("orderType GTT", "in webhooks and orders", faults={"wire": {"orderType": "GTT"}}),
    Cell("CANCELLED AMO", "with a space", confirm={"scenario": "amo_cancelled"}),
    Cell("CANCELLED AMO", "with an underscore", faults={"wire": {"cancelledUnderscore": True}},
         confirm={"scenario": "amo_cancelled"}),
    *(
        Cell("errorCode", code, faults={"wire": {"errorCode": code}}, confirm={"scenario": "one_rejected"})
        for code in ("circuitLimitExceeded", "marginExceeded", "INSUFFICIENT_FUNDS", "somethingNew")
    ),
    Cell("amounts", "with the noise of binary numbers", faults={"wire": {"floatArtefacts": True}}),
    Cell("fields", "that no page names",
         faults={"wire": {"extraFields": {"userMessage": "x", "label": {"dummy": True}}}}),
]  # fmt: skip

# §4.1: how webhooks are delivered.
_TWO_DAYS: Final = timedelta(hours=50)
_DELIVERY: Final = [
    *(
        Cell("retried webhooks", name, {"restamp_retries": restamped}, {"webhooks": {"finalFirst": True}})
        for name, restamped in (("keep their stamp", False), ("are stamped anew", True))
    ),
    *(
        Cell("retries", f"{order}, {stamp}", {"retries_cumulative": cumulative, "restamp_retries": restamped},
             outage=3, has_webhooks=False, afterwards=_TWO_DAYS)
        for order, cumulative in (("each delay after the one before", True), ("all from the first", False))
        for stamp, restamped in (("old stamp", False), ("new stamp", True))
    ),
    Cell("delivery", "each twice", faults={"webhooks": {"duplicated": 1}}),
    Cell("delivery", "two minutes late", faults={"webhooks": {"delaySeconds": 120}}),
    Cell("delivery", "in no order", faults={"webhooks": {"jitterSeconds": 60}}),
    Cell("delivery", "the first is lost", faults={"webhooks": {"loseNext": 1}}),
    Cell("delivery", "the placed ones are lost", faults={"webhooks": {"loseNext": 4}}),
    Cell("timestamps of one batch", "all the same", faults={"webhooks": {"sameTimestamp": True}}),
    *_values(
        "webhooks between PLACED and final", "fill_webhooks",
        {"never": "never", "of open orders": "open", "always": "always"},
    ),
    *(
        Cell("webhook of another kind", kind, other_kind=kind, besides=frozenset({"WebhookReceived"}))
        for kind in ("holdings_import", "holdings_import_v2", "mf_holdings_import", "pending_action", "unknown")
    ),
]  # fmt: skip

# §6.2: what the app posts of the SDK decides nothing.
_SDK: Final = [
    Cell("the SDK rejects after the order", f"{message} ({code})",
         sdk_response={"rejected": {"message": message, "errorCode": code}})
    for message, code in (
        ("order_pending", 4006), ("internal_error", 2000), ("timed_out", 4003), ("user_cancelled", 1012),
        ("transaction_expired", 1005),
    )
]  # fmt: skip

CELLS: Final[tuple[Cell, ...]] = (
    *_OF_PULLS,
    *(
        replace(cell, value=f"{cell.value}, webhooks never", faults={**cell.faults, **NEVER}, has_webhooks=False)
        for cell in _OF_PULLS
    ),
    *_REQUESTS,
    *_CALLS,
    *_LIFETIMES,
    *_SHAPES,
    *_values("expireAt", "expire_at_format", _EXPIRY),
    *_values("timestamp of webhooks", "webhook_timestamp", _SPELLINGS),
    *_values("checksum of webhooks", "webhook_checksum", {"lower-case hex": "lower", "upper-case hex": "upper"}),
    *_values("byte order mark", "webhook_bom", {"none": False, "before webhooks": True}),
    *_DELIVERY,
    *(
        Cell(f"body of errors, details fail with {status}", form, {"error_body": form},
             {"details": {"status": status, "times": 3}})
        for status in (400, 500)
        for form in ("errors", "text", "message", "error_type")
    ),
    *_SDK,
    *_CREDENTIALS,
)  # fmt: skip
