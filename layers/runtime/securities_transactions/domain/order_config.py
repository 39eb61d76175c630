"""The orders that an app requests, in the app's form and in the Gateway's (docs/reference/gateway.md §1.2)."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.money import as_number
from securities_transactions.domain.transaction import TEST_BROKER_SUFFIX

# The vendor publishes no limit. Larger baskets would exceed the DynamoDB item and EventBridge entry limits.
MOST_SECURITIES: Final = 100
MOST_NOTES_CHARACTERS: Final = 256
MOST_REFERENCE_CHARACTERS: Final = 64
REFERENCE_PATTERN: Final = "^[!-~]+$"

# Only these brokers accept LIMIT, SL and SLM orders (docs/reference/gateway.md §7).
LIMIT_ORDER_BROKERS: Final = frozenset({"fivepaisa", "groww", "kite"})

Ticker = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\s:\x00-\x1f\ufffd]+$", to_upper=True)
]
# Prices are whole paise. They are forwarded as given and never rounded.
_PRICE_SCHEMA: Final = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**15, "multipleOf": 0.01}
Price = Annotated[
    Decimal,
    BeforeValidator(as_number),
    Field(gt=0, lt=10**15, decimal_places=2, allow_inf_nan=False),
    WithJsonSchema(_PRICE_SCHEMA),
]
Reference = Annotated[
    str, StringConstraints(min_length=1, max_length=MOST_REFERENCE_CHARACTERS, pattern=REFERENCE_PATTERN)
]
NotesText = Annotated[str, StringConstraints(min_length=1, max_length=MOST_NOTES_CHARACTERS)]


def _wrong(field: str, detail: str) -> PydanticCustomError:
    """The error of a field of a model that is wrong because of the other fields."""
    return PydanticCustomError("field", "{field} {detail}", {"field": field, "detail": detail})


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Security(_Asked):
    """One security to transact: an NSE ticker in upper case.

    `quantity` is in shares. Prices are in rupees per share, in whole paise.
    """

    ticker: Annotated[Ticker, Field(examples=["INFY", "M&M", "BAJAJ-AUTO"])]
    type: Literal["BUY", "SELL"] | None = None
    quantity: Annotated[int, Field(ge=1, le=10**9, strict=True)] | None = None
    orderType: Literal["MARKET", "LIMIT", "SL", "SLM"] | None = None
    price: Price | None = None
    triggerPrice: Price | None = None
    validity: Literal["DAY", "IOC"] | None = None

    @model_validator(mode="after")
    def _prices_fit_the_order_type(self) -> Self:
        wanted = _PRICES[self.orderType or "MARKET"]
        for name in ("price", "triggerPrice"):
            given = getattr(self, name) is not None
            if given and name not in wanted:
                raise _wrong(name, f"is not part of a {self.orderType or 'MARKET'} order")
            if not given and name in wanted:
                raise _wrong(name, f"is needed for a {self.orderType} order")
        return self


_PRICES: Final[dict[str, frozenset[str]]] = {
    "MARKET": frozenset(),
    "LIMIT": frozenset({"price"}),
    "SL": frozenset({"price", "triggerPrice"}),
    "SLM": frozenset({"triggerPrice"}),
}


class BasketConfig(_Asked):
    """The name and the logo that the Gateway shows for a basket."""

    orderName: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    orderLogo: HttpUrl | None = None


class NewTransaction(_Asked):
    """A transaction to create: one security or a basket, with buys and sells in any mix.

    `type` and `quantity` are optional, but if one security has one of them, every security must. `notes` is the app's
    own user id and defaults to the caller's. `connect` selects the SDK token: "auto" gives a connected token if a
    broker account is linked, and `smallcaseAuthId` selects the account. `reference` is the app's own name of this
    transaction, unique for the user: visible ASCII, no personal data.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 3}]},
                {
                    "securities": [
                        {"ticker": "M&M", "type": "BUY", "quantity": 2},
                        {"ticker": "NIFTYBEES", "type": "SELL", "quantity": 5},
                    ],
                    "config": {
                        "orderName": "Smart basket",
                        "orderLogo": "https://cdn.example.com/basket.png",
                    },
                },
            ]
        }
    )

    securities: Annotated[tuple[Security, ...], Field(min_length=1, max_length=MOST_SECURITIES)]
    config: BasketConfig | None = None
    notes: NotesText | None = None
    connect: Literal["auto", "guest", "connected"] = "auto"
    smallcaseAuthId: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    # Left out of the dump if absent: an Idempotency-Key of an earlier release was stored without this field.
    reference: Annotated[
        Annotated[Reference, Field(examples=["rebalance-2026-01-15"])] | None,
        Field(exclude_if=lambda value: value is None),
    ] = None

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        for name in ("type", "quantity"):
            given = [getattr(security, name) is not None for security in self.securities]
            if any(given) and not all(given):
                missing = given.index(False)
                raise _wrong(f"securities.{missing}.{name}", f"is missing: if one security has {name}, every one must")
        return self

    def check_broker(self, broker: str | None) -> None:
        """Raise `InvalidField` if `broker` is known and does not accept these orders.

        A test user's broker has a suffix.
        """
        if broker is None or all(security.orderType in (None, "MARKET") for security in self.securities):
            return
        if broker.casefold().removesuffix(TEST_BROKER_SUFFIX) not in LIMIT_ORDER_BROKERS:
            raise InvalidField("securities", f"{broker} accepts MARKET orders only", Fault.MEANING)

    def request(self) -> dict[str, Any]:
        """The `orderConfig` and `config` members of the Gateway's create call, without the fields that are not set."""
        securities = [security.model_dump(exclude_none=True) for security in self.securities]
        request: dict[str, Any] = {"orderConfig": {"type": "SECURITIES", "securities": securities}}
        config = self.config.model_dump(mode="json", exclude_none=True) if self.config else {}
        return request | ({"config": config} if config else {})

    def gateway_body(self, notes: str) -> dict[str, Any]:
        """The body of the Gateway's create call."""
        return {"intent": "TRANSACTION", **self.request(), "notes": notes}
