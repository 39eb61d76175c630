"""The known values of the open sets, with their meaning: one list for OpenAPI, the events' schemas and the docs.

docs/reference/values.md lists them. Every set is open: a reader treats an unlisted value as not final, and shows it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from securities_transactions.domain.order_errors import user_message
from securities_transactions.domain.sdk_errors import ERROR_CODES
from securities_transactions.domain.statuses import OrderStatus
from tools.contracts.store import ROOT

PAGE: Final = ROOT / "docs" / "reference" / "values.md"
MARKS: Final = ("<!-- values: made by `make contracts` -->", "<!-- end of the values -->")


@dataclass(frozen=True)
class Values:
    """A set of values: its subject, its fields, and the meaning of each known value."""

    title: str
    fields: str
    meanings: Mapping[Any, str]

    @property
    def schema(self) -> dict[str, Any]:
        """The additions to the schema of such a field."""
        return {"examples": list(self.meanings)}

    @property
    def text(self) -> str:
        """The values with their meanings, in one line."""
        return "; ".join(f"{value}: {meaning}" for value, meaning in self.meanings.items())


TRANSACTION: Final = Values(
    "Status of a transaction",
    "`status` of a transaction, of a page's item and of an event",
    {
        "CREATED": "created at the Gateway; no order is known",
        "FAILED": "ended without an order; `error` has the reason",
        "PLACED": "at least one order is open",
        "PARTIALLYPLACED": "at least one order is open, others could not be placed",
        "ERROR": "the outcome of an order is not known and no other is open; an operator must look",
        "COMPLETED": "every order is completely filled (final)",
        "PARTIALLYFILLED": "some shares are filled and others are not (final)",
        "UNFILLED": "no share is filled (final)",
        "UNPLACED": "no order reached the exchange (final)",
        "CANCELLED": "the user cancelled before a share was filled (final)",
        "MARKEDCOMPLETE": "closed by an administrator of the Gateway (final)",
        "UNREADABLE": "the stored item cannot be read; an operator must look (lists only)",
    },
)
ORDER: Final = Values(
    "Status of an order",
    "`status` of an order",
    {
        "PLACED": "at the exchange, open",
        "ERROR": "in `orders`: not known whether it was placed; in `unplaced`: certainly not placed",
        "COMPLETE": "completely filled (final)",
        "PARTIAL": "partly filled; the rest will not be filled (final)",
        "REJECTED": "rejected by the broker or the exchange (final)",
        "CANCELLED": "cancelled (final)",
        "CANCELLED_AMO": "cancelled before the market opened (final)",
        "UNREADABLE": "the Gateway's order cannot be read; an operator must look",
    },
)
SIDE: Final = Values("Side", "`transactionType` of an order", {"BUY": "the user buys", "SELL": "the user sells"})
ORDER_TYPE: Final = Values(
    "Type of an order",
    "`orderType` of an order",
    {
        "MARKET": "at the market's price",
        "LIMIT": "at `price` or better",
        "SL": "a limit order at `price` once `triggerPrice` is reached",
        "SLM": "a market order once `triggerPrice` is reached",
    },
)
VARIETY: Final = Values(
    "Variety", "`variety` of a batch", {"regular": "during market hours", "amo": "after hours, for the next session"}
)
PRODUCT: Final = Values("Product", "`product` of an order", {"CNC": "delivery: the shares are held"})
EXCHANGE: Final = Values(
    "Exchange",
    "`exchange` of an order",
    {"NSE": "National Stock Exchange of India", "BSE": "formerly Bombay Stock Exchange"},
)
BROKER: Final = Values(
    "Broker",
    "`broker`; a test account's ends in `-leprechaun`",
    {
        "aliceblue": "Alice Blue",
        "angelbroking": "Angel One",
        "axis": "Axis Direct",
        "dhan": "Dhan",
        "edelweiss": "Nuvama, formerly Edelweiss",
        "fisdom": "Fisdom",
        "fivepaisa": "5paisa",
        "fundzbazar": "FundzBazar",
        "groww": "Groww",
        "hdfc": "HDFC Securities",
        "hdfcsky": "HDFC Sky",
        "icici": "ICICI Direct",
        "iifl": "IIFL Securities",
        "kite": "Zerodha Kite",
        "kotak": "Kotak Securities",
        "motilal": "Motilal Oswal",
        "paytm": "Paytm Money",
        "sbi": "SBI Securities",
        "trustline": "Trustline",
        "upstox": "Upstox",
    },
)
GATEWAY: Final = Values(
    "Status at the Gateway",
    "`gatewayStatus`",
    {
        "INITIALIZED": "not started by the user, or not logged in",
        "USED": "logged in; in the flow, or left before its end",
        "PROCESSING": "orders are in progress",
        "ACTION_REQUIRED": "the vendor's own baskets only",
        "ERRORED": "ended with an error to the SDK",
        "COMPLETED": "the Gateway's last update; the orders show what was filled",
        "CANCELLED": "the user cancelled",
        "EXPIRED": "expired before an order was requested",
    },
)
BATCH: Final = Values(
    "Status of a batch at the Gateway",
    "`batchStatus`, which is advisory",
    {word: text for word, text in TRANSACTION.meanings.items() if word not in ("CREATED", "FAILED", "UNREADABLE")},
)
_CODES: Final = (
    "adapterError",
    "tradingSystemNotReady",
    "checkHoldings",
    "marginsExceeded",
    "orderUnmatched",
    "circuitLimitExceeded",
    "userNotLoggedIn",
    "clientNotEnabled",
    "securityNotAllowed",
    "amoNotAllowed",
    "invalidOrder",
    "networkError",
)
ORDER_ERROR: Final = Values(
    "Error of an order",
    "`errorCode` of an order; the meaning is the text of `userMessage`",
    {code: str(user_message(OrderStatus.REJECTED, code, placed=True)) for code in _CODES},
)
SDK_ERROR: Final = Values(
    "Error of the Gateway's SDK",
    "`error.code`, `sdkError.code`, and `errorCode` of TransactionFailed; "
    "*open* where an order may have been placed anyway",
    {code: message + (" (open)" if is_open else "") for code, (message, is_open) in sorted(ERROR_CODES.items())},
)
REASON: Final = Values(
    "Reason of a failure",
    "`error.reason`, and `reason` of TransactionFailed",
    {
        "errored": "the flow ended with the error in `code` and `message`",
        "expired": "the user did not begin in time",
        "abandoned": "the user began and did not finish",
    },
)
ALL: Final[Sequence[Values]] = (
    TRANSACTION,
    ORDER,
    SIDE,
    ORDER_TYPE,
    VARIETY,
    PRODUCT,
    EXCHANGE,
    BROKER,
    GATEWAY,
    BATCH,
    ORDER_ERROR,
    SDK_ERROR,
    REASON,
)

# The set of each field, by its name. `status` and `errorCode` are an order's if the same object has `tradingsymbol`.
_OF: Final[Mapping[str, Values]] = {
    "transactionType": SIDE,
    "orderType": ORDER_TYPE,
    "variety": VARIETY,
    "product": PRODUCT,
    "exchange": EXCHANGE,
    "broker": BROKER,
    "gatewayStatus": GATEWAY,
    "batchStatus": BATCH,
    "status": TRANSACTION,
    "errorCode": SDK_ERROR,
    "reason": REASON,
}
_OF_AN_ORDER: Final[Mapping[str, Values]] = {
    **_OF,
    "status": ORDER,
    "previousStatus": ORDER,
    "errorCode": ORDER_ERROR,
}
# The product writes these times, in RFC 3339. The Gateway's own times are passed on unchanged.
_MOMENTS: Final = frozenset(
    {
        *("at", "createdAt", "updatedAt", "expireAt", "expiresAt", "linkedAt", "nextCheckAt", "occurredAt"),
        *("receivedAt", "since", "until", "claimedAt"),
    }
)


def described(node: Any) -> Any:
    """A schema in which each field of an open set has its known values, and each moment its format."""
    return with_fields(node, _described)


def with_fields(node: Any, changed: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    """`node` in which the fields of each object, by name, are what `changed` makes of them."""
    if isinstance(node, list):
        return [with_fields(each, changed) for each in node]
    if not isinstance(node, Mapping):
        return node
    schema = {word: with_fields(value, changed) for word, value in node.items()}
    fields = schema.get("properties")
    if isinstance(fields, Mapping):
        schema["properties"] = changed(fields)
    return schema


def _described(fields: Mapping[str, Any]) -> dict[str, Any]:
    sets = _OF_AN_ORDER if "tradingsymbol" in fields else _OF
    return {name: _field(name, field, sets.get(name)) for name, field in fields.items()}


def _field(name: str, field: dict[str, Any], values: Values | None) -> dict[str, Any]:
    if name in _MOMENTS:
        return {**field, "format": "date-time"}
    if values is None or "enum" in field or "type" not in field:
        return field
    said = " ".join(part for part in (field.get("description"), f"Known: {values.text}.") if part)
    return {**field, "description": said, **values.schema}


def page() -> str:
    """The sets as Markdown."""
    return "\n".join(
        f"## {each.title}\n\n{each.fields}.\n\n| value | meaning |\n| --- | --- |\n"
        + "\n".join(f"| `{value}` | {meaning} |" for value, meaning in each.meanings.items())
        + "\n"
        for each in ALL
    )
