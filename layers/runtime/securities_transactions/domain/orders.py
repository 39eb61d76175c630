"""A batch of orders in the Gateway's form (docs/reference/gateway.md §4.3).

Field names and values are the vendor's. Unknown fields and unknown values are kept. `domain.order_reading` parses the
Gateway's messages.
"""

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from securities_transactions.domain.money import Price, Rupees, as_number
from securities_transactions.domain.statuses import OrderStatus, Side, Status, derive

Shares = Annotated[int, Field(ge=0, le=10**11), BeforeValidator(as_number)]
Count = Annotated[int, Field(ge=0, le=10**9), BeforeValidator(as_number)]
T = TypeVar("T")
# An open set: the contracts declare text, because the Gateway may send values that no list contains.
Open = Annotated[T, WithJsonSchema({"type": "string"})]
# An event drops its orders if they do not fit, and the rest must fit.
Word = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=1000)]

UNREADABLE: Final = "UNREADABLE"
"""The status of an order that cannot be read. It is not one of the Gateway's, so the batch is never settled."""


class VendorModel(BaseModel):
    """Base of the Gateway's messages: immutable, and keeps unknown fields."""

    # Input values stay out of validation errors: they may contain personal data and end up in logs.
    model_config = ConfigDict(
        extra="allow", frozen=True, coerce_numbers_to_str=True, protected_namespaces=(), hide_input_in_errors=True
    )

    def as_sent(self) -> dict[str, Any]:
        """The fields that were sent, including unknown ones, with rupees as `Decimal`.

        Fields that were not sent are absent.
        """
        return self.model_dump(exclude_unset=True)


class Order(VendorModel):
    """One security of a batch. `quantity` and `filledQuantity` are in shares, prices in rupees per share."""

    tradingsymbol: Annotated[str, Field(min_length=1, max_length=64)]
    transactionType: Open[Side]
    status: Open[OrderStatus]
    quantity: Shares
    filledQuantity: Shares | None = None
    orderType: Word | None = None
    averagePrice: Price | None = None
    price: Price | None = None
    triggerPrice: Price | None = None
    product: Word | None = None
    exchange: Word | None = None
    exchangeOrderId: Word | None = None
    errorCode: Word | None = None
    statusMessage: Text | None = None
    orderTimestamp: Word | None = None
    derived: Annotated[
        list[str] | None, Field(description="Names of the fields that were not sent and were derived from others.")
    ] = None
    unreadable: Annotated[
        dict[str, str] | None, Field(description="Fields that could not be read, each with the start of its text.")
    ] = None

    @property
    def is_impossible(self) -> bool:
        """True if its numbers contradict one another, so that it cannot be booked."""
        filled = self.filledQuantity or 0
        negative = self.averagePrice is not None and self.averagePrice < 0
        nothing_filled = self.status == OrderStatus.COMPLETE and filled == 0 and self.quantity > 0
        return negative or nothing_filled or filled > self.quantity

    @property
    def has_unknown_fill(self) -> bool:
        """True if shares may have been filled and the number is not known. A missing number is not zero."""
        unread = self.unreadable is not None and "filledQuantity" in self.unreadable
        return self.filledQuantity is None and self.status.is_final and (unread or self.status == OrderStatus.PARTIAL)

    @property
    def is_unclear(self) -> bool:
        """True if its status, side or numbers decide nothing and an operator must look."""
        unknown_word = not self.status.is_known or not self.transactionType.is_known
        return unknown_word or self.has_unknown_fill or self.is_impossible


class Batch(VendorModel):
    """The securities that a user confirmed together. Amounts are in rupees; `completedDate` is UTC.

    The batch's own `quantity` and `filled` count securities, not shares. Its `status` is advisory.
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
    unreadable: dict[str, str] | None = None

    @property
    def status_of_orders(self) -> Status:
        """The batch status that is derived from the statuses of its orders."""
        return derive([(o.status, o.filledQuantity or 0) for o in self.orders], len(self.unplaced), self.status)

    @property
    def is_final(self) -> bool:
        """True if no order can change any more. A batch without orders has not begun."""
        return self.status_of_orders.is_final and bool(self.orders or self.unplaced)

    @property
    def has_lost_order(self) -> bool:
        """True if no order is in progress any more and the outcome of an order is not known."""
        status = self.status_of_orders
        if status == Status.MARKEDCOMPLETE:
            return not all(order.status.is_final for order in self.orders)
        return status == Status.ERROR

    @property
    def is_unclear(self) -> bool:
        """True if a status, side or number decides nothing. Such a batch is not booked until an operator has looked."""
        return any(order.is_unclear for order in self.orders) or any(
            order.status == UNREADABLE or not order.transactionType.is_known for order in self.unplaced
        )

    @property
    def contradicts_itself(self) -> bool:
        """True if an order cannot be read or its numbers contradict one another."""
        unreadable = any(order.status == UNREADABLE for order in (*self.orders, *self.unplaced))
        return unreadable or any(order.is_impossible for order in self.orders)

    @property
    def lacks_price(self) -> bool:
        """True if shares were filled at a price that is not known yet."""
        return any(order.filledQuantity and order.averagePrice is None for order in self.orders)
