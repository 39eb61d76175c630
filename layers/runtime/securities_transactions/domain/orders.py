"""A batch of orders as the Gateway describes it (docs/reference/gateway.md §4.3).

Field names and values are the vendor's. Unknown fields and words survive. `domain.order_reading` reads what the Gateway
sends.
"""

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from securities_transactions.domain.money import Price, Rupees, as_number
from securities_transactions.domain.statuses import OrderStatus, Side, Status, derive

Shares = Annotated[int, Field(ge=0, le=10**11), BeforeValidator(as_number)]
Count = Annotated[int, Field(ge=0, le=10**9), BeforeValidator(as_number)]
T = TypeVar("T")
# An open set of words: consumers and callers see text, for a word may come that no list has.
Open = Annotated[T, WithJsonSchema({"type": "string"})]
# An event whose orders do not fit leaves them out, and what is left of it has to fit.
Word = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=1000)]

UNREADABLE: Final = "UNREADABLE"
"""The status of an order that cannot be read: not one of the Gateway's words, so nothing is settled over it."""


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
        list[str] | None, Field(description="Fields that were not sent and follow from others, by their names.")
    ] = None
    unreadable: Annotated[
        dict[str, str] | None, Field(description="Fields that could not be read: the beginning of what was sent.")
    ] = None

    @property
    def is_impossible(self) -> bool:
        """Whether its numbers contradict one another, so that it cannot be booked."""
        filled = self.filledQuantity or 0
        negative = self.averagePrice is not None and self.averagePrice < 0
        nothing_filled = self.status == OrderStatus.COMPLETE and filled == 0 and self.quantity > 0
        return negative or nothing_filled or filled > self.quantity

    @property
    def has_unknown_fill(self) -> bool:
        """Whether shares may have been filled and their number is not known: what is missing is not zero."""
        unread = self.unreadable is not None and "filledQuantity" in self.unreadable
        return self.filledQuantity is None and self.status.is_final and (unread or self.status == OrderStatus.PARTIAL)

    @property
    def is_unclear(self) -> bool:
        """Whether a word or a number of it decides nothing: a person has to look."""
        unknown_word = not self.status.is_known or not self.transactionType.is_known
        return unknown_word or self.has_unknown_fill or self.is_impossible


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
    unreadable: dict[str, str] | None = None

    @property
    def status_of_orders(self) -> Status:
        """The batch status that the stock-level statuses amount to."""
        return derive([(o.status, o.filledQuantity or 0) for o in self.orders], len(self.unplaced), self.status)

    @property
    def is_final(self) -> bool:
        """Whether no order of it can change any more; a batch that lists no order at all has not begun."""
        return self.status_of_orders.is_final and bool(self.orders or self.unplaced)

    @property
    def has_lost_order(self) -> bool:
        """Whether nothing of it is under way any more, and what became of an order is not known."""
        status = self.status_of_orders
        if status == Status.MARKEDCOMPLETE:
            return not all(order.status.is_final for order in self.orders)
        return status == Status.ERROR

    @property
    def is_unclear(self) -> bool:
        """Whether a word or a number in it decides nothing: it is not booked before a person has looked."""
        return any(order.is_unclear for order in self.orders) or any(
            order.status == UNREADABLE or not order.transactionType.is_known for order in self.unplaced
        )

    @property
    def contradicts_itself(self) -> bool:
        """Whether an order of it cannot be read, or has numbers that contradict one another."""
        unreadable = any(order.status == UNREADABLE for order in (*self.orders, *self.unplaced))
        return unreadable or any(order.is_impossible for order in self.orders)

    @property
    def lacks_price(self) -> bool:
        """Whether shares were filled at a price that is not known yet."""
        return any(order.filledQuantity and order.averagePrice is None for order in self.orders)
