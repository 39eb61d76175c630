"""The bodies with which people work on open cases."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from securities_transactions.domain.cases import Evidence, Resolution, ResolvedOrder
from securities_transactions.domain.money import as_number, price
from securities_transactions.domain.statuses import OrderStatus, Side

_Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
_Quantity = Annotated[int, Field(ge=0, le=10**9, strict=True)]
# An average over several trades has more decimals than a price has.
_AveragePrice = Annotated[
    Decimal,
    BeforeValidator(as_number),
    Field(gt=0, lt=10**9, decimal_places=6, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**9}),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseClaim(_Body):
    """A claim of a case. With `takeOver`, also of one that another person has claimed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"takeOver": True}]})

    takeOver: bool = False


class CaseComment(_Body):
    """A comment on a case: no personal data."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Asked the broker, ticket 4711."}]})

    text: _Text


class OrderOutcome(_Body):
    """The outcome of one order, as the document states it. `averagePrice` is in rupees a share, if shares were filled.

    `exchangeOrderId` distinguishes orders of the same security and side.
    """

    tradingsymbol: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    transactionType: Literal["BUY", "SELL"]
    quantity: _Quantity
    status: Literal["COMPLETE", "PARTIAL", "REJECTED", "CANCELLED"]
    filledQuantity: _Quantity
    averagePrice: _AveragePrice | None = None
    exchangeOrderId: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class CaseResolution(_Body):
    """The outcome of each order that the Gateway cannot state, why, and the document that it rests on.

    `version` is that of the case that was read: if the transaction has changed since, nothing is booked.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 3,
                    "orders": [
                        {
                            "tradingsymbol": "INFY",
                            "transactionType": "BUY",
                            "quantity": 3,
                            "status": "COMPLETE",
                            "filledQuantity": 3,
                            "averagePrice": 1498.2,
                        }
                    ],
                    "why": "The broker filled it; the answer to the Gateway was lost.",
                    "restsOn": "tradebook",
                    "reference": "tradebook 2026-01-15, trade 25812345",
                }
            ]
        }
    )

    version: Annotated[int, Field(ge=1, strict=True)]
    orders: Annotated[tuple[OrderOutcome, ...], Field(max_length=200)]
    why: _Text
    restsOn: Literal["tradebook", "contract note", "vendor ticket"]
    reference: _Text

    def by(self, person: str, at: datetime) -> Resolution:
        """The resolution that `person` makes at `at` (aware UTC)."""
        return Resolution(
            orders=tuple(_resolved(each) for each in self.orders),
            why=self.why,
            evidence=Evidence(self.restsOn),
            reference=self.reference,
            subject=person,
            at=at,
        )


class CaseApproval(_Body):
    """The approval of the proposed resolution, by a second person."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"proposalId": "0f5c2e9b7a1d4c6e"}]})

    proposalId: Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _resolved(order: OrderOutcome) -> ResolvedOrder:
    return ResolvedOrder(
        tradingsymbol=order.tradingsymbol,
        side=Side(order.transactionType),
        status=OrderStatus(order.status),
        quantity=order.quantity,
        filled_quantity=order.filledQuantity,
        average_price=None if order.averagePrice is None else price(order.averagePrice),
        exchange_order_id=order.exchangeOrderId,
    )
