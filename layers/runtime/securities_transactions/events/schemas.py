"""The events on the bus and what each says: the models that `contracts/` is generated from.

Facts in the past tense. Every event of a transaction has an id that is the same however often it is published, the
transaction's `sequence` (its version) and the one before, so that a consumer can drop repeats and see gaps
(docs/reference/events.md). Numbers are numbers: rupees exact to 0.0001, shares whole. Times are UTC, ISO 8601. What is
not known is absent, never null.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from securities_transactions.domain.money import Rupees
from securities_transactions.domain.orders import Batch, Order, Shares
from securities_transactions.domain.statuses import OrderStatus

SOURCE: Final = "securities-transactions"
SCHEMA_VERSION: Final = "1.0"


class Event(BaseModel):
    """What every event on the bus carries."""

    # What an event says of a user must not get into a log by way of an error.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)

    detail_type: ClassVar[str]

    schemaVersion: Annotated[
        str, Field(pattern=r"^1\.\d+$", description="A newer minor version only adds; a newer major one may not.")
    ] = SCHEMA_VERSION
    eventId: Annotated[str, Field(description="The same whenever this event is published again.")]
    occurredAt: Annotated[str, Field(description="When the change was stored, or said; UTC, ISO 8601.")]
    transactionId: str | None = None
    notes: Annotated[str | None, Field(description="The team's own user id.")] = None
    smallcaseAuthId: str | None = None
    broker: str | None = None


class TransactionEvent(Event):
    """What every event about a transaction carries."""

    transactionId: str
    notes: str
    sequence: Annotated[int, Field(ge=1, description="The transaction's version: up by one with each change.")]
    previousSequence: Annotated[int, Field(ge=0, description="The sequence before this one; 0 for none.")]
    status: Annotated[
        str, Field(description="Derived from the stock-level statuses; CREATED or FAILED without orders.")
    ]
    reference: Annotated[str | None, Field(description="The team's own name of the transaction.")] = None
    test: Annotated[
        Literal[True] | None,
        Field(description="With a test account: no shares and no money change hands. Absent where that is not so."),
    ] = None


class StateEvent(TransactionEvent):
    """An event about a transaction's state: there is one for each sequence."""


class AccountEvent(TransactionEvent):
    """An event about the broker account behind a transaction, beside the one about its state with the same sequence."""

    smallcaseAuthId: str


class TransactionCreated(StateEvent):
    """A transaction was made, and the user can trade with it until `expireAt`."""

    detail_type = "TransactionCreated"
    expireAt: str
    requested: Annotated[
        dict[str, Any], Field(description="The orderConfig and config that were asked for; empty where too large.")
    ]
    adopted: Annotated[bool, Field(description="It was made elsewhere and found at the Gateway.")] = False


class TransactionFailed(StateEvent):
    """No orders come of this transaction: it errored, expired unused or was abandoned. The Gateway has said so."""

    detail_type = "TransactionFailed"
    reason: Literal["errored", "expired", "abandoned"]
    errorCode: Annotated[int | None, Field(description="The Gateway SDK's error code.")] = None
    errorMessage: str | None = None


class OrderChange(BaseModel):
    """What changed for one security since the event before; `previous…` are absent where the order is new."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tradingsymbol: str
    transactionType: str
    quantity: Annotated[Shares, Field(description="Shares ordered.")]
    previousStatus: str | None = None
    status: str
    previousFilledQuantity: Annotated[Shares | None, Field(description="Shares.")] = None
    filledQuantity: Annotated[Shares, Field(description="Shares.")]
    previousAveragePrice: Annotated[Rupees | None, Field(description="Rupees a share.")] = None
    averagePrice: Annotated[Rupees | None, Field(description="Rupees a share.")] = None
    errorCode: Annotated[str | None, Field(description="Why it was rejected or not placed.")] = None
    removed: Annotated[bool, Field(description="The batch no longer has this order: it was corrected away.")] = False


class OrderCounts(BaseModel):
    """How many orders of the batch stand where. Always there, also where the orders themselves are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open: Annotated[int, Field(ge=0, description="PLACED, or a status that is not known yet.")]
    complete: Annotated[int, Field(ge=0)]
    partial: Annotated[int, Field(ge=0)]
    rejected: Annotated[int, Field(ge=0)]
    cancelled: Annotated[int, Field(ge=0, description="CANCELLED and CANCELLED_AMO.")]
    unknown: Annotated[int, Field(ge=0, description="ERROR: it may or may not have been placed.")]
    unplaced: Annotated[int, Field(ge=0, description="Certainly not placed.")]

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """The counts of a batch."""
        counts = dict.fromkeys(cls.model_fields, 0) | {"unplaced": len(batch.unplaced)}
        for order in batch.orders:
            counts[_COUNTED_AS.get(order.status, "open")] += 1
        return cls.model_validate(counts)


_COUNTED_AS: Final[Mapping[OrderStatus, str]] = {
    OrderStatus.COMPLETE: "complete",
    OrderStatus.PARTIAL: "partial",
    OrderStatus.REJECTED: "rejected",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.CANCELLED_AMO: "cancelled",
    OrderStatus.ERROR: "unknown",
}


class OrdersEvent(StateEvent):
    """What every event about orders carries: the whole batch as it stands, and what changed."""

    confirmation: Annotated[
        Literal["reported", "confirmed"],
        Field(
            description="confirmed: pulled from the Gateway over our own credentials; "
            "reported: said by a webhook or by the SDK."
        ),
    ]
    batchId: str
    variety: str | None = None
    batchStatus: Annotated[str | None, Field(description="The Gateway's own batch status, advisory.")] = None
    completedDate: str | None = None
    quantity: Annotated[int | None, Field(description="Securities in the batch.")] = None
    filled: Annotated[int | None, Field(description="Securities filled.")] = None
    buyAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
    sellAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
    counts: OrderCounts
    orders: Annotated[
        list[Order] | None,
        Field(description="Absent where the event would be too large: read them at `readAt`."),
    ] = None
    unplaced: list[Order] | None = None
    changes: Annotated[
        list[OrderChange] | None, Field(description="Since the event before; absent where that is not known.")
    ] = None
    readAt: Annotated[str | None, Field(description="Where the orders can be read when they are not in here.")] = None


class OrdersPlaced(OrdersEvent):
    """The first that is known of a transaction's orders, of which some were placed."""

    detail_type = "OrdersPlaced"


class OrdersProgressed(OrdersEvent):
    """Something changed for at least one order, none was placed, or what was reported is now confirmed."""

    detail_type = "OrdersProgressed"


class OrdersSettled(OrdersEvent):
    """Every order is final and that is confirmed: book it. A later one for the same transaction corrects it."""

    detail_type = "OrdersSettled"


class OrdersUnknown(StateEvent):
    """The Gateway cannot say what became of the orders: a person has to find out from the broker."""

    detail_type = "OrdersUnknown"
    batchId: str | None = None
    counts: OrderCounts | None = None
    orders: list[Order] | None = None
    unplaced: list[Order] | None = None
    changes: Annotated[
        list[OrderChange] | None, Field(description="Since the event before; absent where that is not known.")
    ] = None
    gatewayStatus: Annotated[str | None, Field(description="The Gateway's word for the transaction.")] = None
    requested: Annotated[
        dict[str, Any], Field(description="The orderConfig and config that were asked for; empty where too large.")
    ]
    createdAt: str
    readAt: Annotated[str | None, Field(description="Where the orders can be read when they are not in here.")] = None


class OrdersRetracted(StateEvent):
    """Orders that were only reported do not exist: the Gateway was asked and knows of none."""

    detail_type = "OrdersRetracted"
    batchId: str | None = None


class BrokerAccountLinked(AccountEvent):
    """The user has logged in to a broker account that was nobody's before, and it is linked to them now."""

    detail_type = "BrokerAccountLinked"


class BrokerAccountConflict(AccountEvent):
    """The user has logged in to a broker account that is linked to another user; nothing was relinked."""

    detail_type = "BrokerAccountConflict"


class WebhookReceived(Event):
    """A webhook that is not about a securities order; the body is kept under `webhookId`.

    Only the members in `verified` are shown to be the Gateway's: its checksum does not cover the others. `notes` is
    there where the account is linked to that user.
    """

    detail_type = "WebhookReceived"
    webhookId: str
    verified: Annotated[list[str], Field(description="The members that the checksum covers.")]
    kind: Literal["HOLDINGS_IMPORT", "MF_HOLDINGS_IMPORT", "PENDING_ACTION", "UNKNOWN"]
    body: Annotated[
        dict[str, Any] | None, Field(description="As received, without its checksum; absent where it is too large.")
    ] = None


CATALOGUE: Final[tuple[type[Event], ...]] = (
    TransactionCreated,
    TransactionFailed,
    OrdersPlaced,
    OrdersProgressed,
    OrdersSettled,
    OrdersUnknown,
    OrdersRetracted,
    BrokerAccountLinked,
    BrokerAccountConflict,
    WebhookReceived,
)
