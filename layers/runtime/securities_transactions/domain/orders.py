"""A batch of orders as the Gateway describes it (docs/gateway.md §4.3).

Field names and values are the vendor's. Readers are tolerant: only what identifies an order and its progress is
required, unknown fields and values survive, and what was not sent is not invented.
"""

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from securities_transactions.domain.money import Rupees
from securities_transactions.domain.statuses import OrderStatus, Side, Status, derive

Shares = Annotated[int, Field(ge=0, le=10**11)]
Count = Annotated[int, Field(ge=0, le=10**9)]
T = TypeVar("T")
# An open set of words: consumers and callers see text, for a word may come that no list has.
Open = Annotated[T, WithJsonSchema({"type": "string"})]
# An event whose orders do not fit leaves them out, and what is left of it has to fit.
Word = Annotated[str, Field(max_length=64)]


class VendorModel(BaseModel):
    """Base of what the Gateway sends: immutable, and nothing it carries is lost."""

    # Input values stay out of validation errors: they may contain personal data and end up in logs.
    model_config = ConfigDict(
        extra="allow", frozen=True, coerce_numbers_to_str=True, protected_namespaces=(), hide_input_in_errors=True
    )

    def as_sent(self) -> dict[str, Any]:
        """The fields that were sent, unknown ones too, rupees as `Decimal`; what was absent stays absent."""
        return self.model_dump(exclude_unset=True)


class Order(VendorModel):
    """One security of a batch. `quantity` and `filledQuantity` are shares, prices are rupees a share."""

    tradingsymbol: Annotated[str, Field(min_length=1, max_length=64)]
    transactionType: Open[Side]
    status: Open[OrderStatus]
    quantity: Shares
    filledQuantity: Shares | None = None
    orderType: str | None = None
    averagePrice: Rupees | None = None
    price: Rupees | None = None
    triggerPrice: Rupees | None = None
    product: str | None = None
    exchange: str | None = None
    exchangeOrderId: str | None = None
    errorCode: str | None = None
    statusMessage: str | None = None
    orderTimestamp: str | None = None


class Batch(VendorModel):
    """The securities that a user confirmed to transact in one go. Amounts are rupees; `completedDate` is UTC.

    The batch's own `quantity` and `filled` count securities, not shares, and its `status` is advisory.
    """

    batchId: Annotated[str, Field(min_length=1, max_length=64)]
    variety: Word | None = None
    quantity: Count | None = None
    filled: Count | None = None
    buyAmount: Rupees | None = None
    sellAmount: Rupees | None = None
    completedDate: Word | None = None
    status: Word | None = None
    orders: tuple[Order, ...] = ()
    unplaced: tuple[Order, ...] = ()

    @property
    def status_of_orders(self) -> Status:
        """The batch status that the stock-level statuses amount to."""
        return derive([(o.status, o.filledQuantity or 0) for o in self.orders], len(self.unplaced))

    @property
    def is_final(self) -> bool:
        """Whether no order of it can change any more; a batch that lists no order at all has not begun."""
        return self.status_of_orders.is_final and bool(self.orders or self.unplaced)


# What a webhook or an orders API row carries beside the batch: who and when, not what.
IDENTITY: Final = frozenset({"transactionId", "broker", "notes", "smallcaseAuthId", "timestamp", "checksum"})


def batch_of(message: dict[str, Any]) -> Batch:
    """The batch in a webhook body or an orders API row; pydantic's `ValidationError` where it is none."""
    return Batch.model_validate({key: value for key, value in message.items() if key not in IDENTITY})
