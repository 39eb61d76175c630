"""The schemas of the events on the bus. `contracts/` is generated from these models.

Events are facts in the past tense. Every event of a transaction has an id that stays the same however often it is
published, the `sequence` of the transaction (its version) and the sequence before it, so that a consumer can drop
repeats and detect gaps (docs/reference/events.md). Amounts are rupees exact to 0.0001, shares are integers, times are
UTC in ISO 8601. A value that is not known is absent, never null.
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
    """The fields of every event on the bus."""

    # Validation errors hide the input: user data in an event must not reach a log through an error.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)

    detail_type: ClassVar[str]

    schemaVersion: Annotated[
        str, Field(pattern=r"^1\.\d+$", description="A minor version only adds fields; a major one may break readers.")
    ] = SCHEMA_VERSION
    eventId: Annotated[str, Field(description="Stays the same if the event is published again.")]
    occurredAt: Annotated[str, Field(description="The time at which the change was stored or stated; UTC, ISO 8601.")]
    transactionId: str | None = None
    notes: Annotated[str | None, Field(description="The app's own user id.")] = None
    smallcaseAuthId: str | None = None
    broker: str | None = None


class TransactionEvent(Event):
    """The fields of every event about a transaction."""

    transactionId: str
    notes: str
    sequence: Annotated[int, Field(ge=1, description="The transaction's version; each change adds one.")]
    previousSequence: Annotated[int, Field(ge=0, description="The sequence before this one; 0 if there is none.")]
    status: Annotated[
        str, Field(description="Derived from the stock-level statuses. CREATED or FAILED without orders.")
    ]
    reference: Annotated[str | None, Field(description="The team's own name of the transaction.")] = None
    test: Annotated[
        Literal[True] | None,
        Field(description="True for a test account: no shares and no money change hands. Otherwise absent."),
    ] = None


class StateEvent(TransactionEvent):
    """An event about the state of a transaction. There is one for each sequence."""


class AccountEvent(TransactionEvent):
    """An event about the broker account of a transaction. It shares its sequence with an event about the state."""

    smallcaseAuthId: str


class TransactionCreated(StateEvent):
    """A transaction was created. The user can trade with it until `expireAt`."""

    detail_type = "TransactionCreated"
    expireAt: str
    requested: Annotated[
        dict[str, Any], Field(description="The orderConfig and config that were requested; empty if too large.")
    ]
    adopted: Annotated[bool, Field(description="Created elsewhere, adopted from the Gateway.")] = False


class TransactionFailed(StateEvent):
    """No orders follow: the transaction errored, expired unused or was abandoned, as the Gateway confirmed."""

    detail_type = "TransactionFailed"
    reason: Literal["errored", "expired", "abandoned"]
    errorCode: Annotated[int | None, Field(description="The Gateway SDK's error code.")] = None
    errorMessage: str | None = None


class OrderChange(BaseModel):
    """The change of one security since the previous event. The `previous…` fields are absent for a new order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tradingsymbol: str
    transactionType: str
    quantity: Annotated[Shares, Field(description="Shares ordered.")]
    previousStatus: str | None = None
    status: str
    previousFilledQuantity: Annotated[Shares | None, Field(description="Shares.")] = None
    filledQuantity: Annotated[Shares, Field(description="Shares.")]
    previousAveragePrice: Annotated[Rupees | None, Field(description="Rupees per share.")] = None
    averagePrice: Annotated[Rupees | None, Field(description="Rupees per share.")] = None
    errorCode: Annotated[str | None, Field(description="The reason for a rejection, or for not being placed.")] = None
    removed: Annotated[bool, Field(description="A correction removed this order from the batch.")] = False


class OrderCounts(BaseModel):
    """The number of orders of the batch in each state. Always present, even if the orders are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open: Annotated[int, Field(ge=0, description="PLACED, or a status that is not known to this version.")]
    complete: Annotated[int, Field(ge=0)]
    partial: Annotated[int, Field(ge=0)]
    rejected: Annotated[int, Field(ge=0)]
    cancelled: Annotated[int, Field(ge=0, description="CANCELLED and CANCELLED_AMO.")]
    unknown: Annotated[int, Field(ge=0, description="ERROR: the order may or may not have been placed.")]
    unplaced: Annotated[int, Field(ge=0, description="Not placed, with certainty.")]

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
    """The fields of every event about orders: the complete batch, and its changes."""

    confirmation: Annotated[
        Literal["reported", "confirmed"],
        Field(
            description="confirmed: pulled from the Gateway with our credentials, or resolved by people (see source); "
            "reported: stated by a webhook or by the SDK."
        ),
    ]
    source: Annotated[
        Literal["person"] | None,
        Field(
            description="person: people stated the outcome of an order that the Gateway could not state, after they "
            "found it out from the broker. A later word of the Gateway corrects it. Otherwise absent."
        ),
    ] = None
    batchId: str
    variety: str | None = None
    batchStatus: Annotated[str | None, Field(description="The Gateway's own batch status; advisory.")] = None
    completedDate: str | None = None
    quantity: Annotated[int | None, Field(description="Securities in the batch.")] = None
    filled: Annotated[int | None, Field(description="Securities filled.")] = None
    buyAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
    sellAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
    counts: OrderCounts
    orders: Annotated[
        list[Order] | None,
        Field(description="Absent if the event would be too large: read them at `readAt`."),
    ] = None
    unplaced: list[Order] | None = None
    changes: Annotated[
        list[OrderChange] | None, Field(description="Since the previous event; absent if not known.")
    ] = None
    readAt: Annotated[str | None, Field(description="The API path of the orders if the event leaves them out.")] = None


class OrdersPlaced(OrdersEvent):
    """The first orders of a transaction, at least one of them placed."""

    detail_type = "OrdersPlaced"


class OrdersProgressed(OrdersEvent):
    """An order changed, or no order was placed, or the Gateway confirmed reported orders."""

    detail_type = "OrdersProgressed"


class OrdersSettled(OrdersEvent):
    """Every order is final and confirmed: book it. A later OrdersSettled of the same transaction corrects it."""

    detail_type = "OrdersSettled"


class OrdersUnknown(StateEvent):
    """The Gateway cannot state the outcome of the orders: an operator must find it out from the broker."""

    detail_type = "OrdersUnknown"
    batchId: str | None = None
    counts: OrderCounts | None = None
    orders: list[Order] | None = None
    unplaced: list[Order] | None = None
    changes: Annotated[
        list[OrderChange] | None, Field(description="Since the previous event; absent if not known.")
    ] = None
    gatewayStatus: Annotated[str | None, Field(description="The Gateway's status of the transaction.")] = None
    requested: Annotated[
        dict[str, Any], Field(description="The orderConfig and config that were requested; empty if too large.")
    ]
    createdAt: str
    readAt: Annotated[str | None, Field(description="The API path of the orders if the event leaves them out.")] = None


class OrdersRetracted(StateEvent):
    """The reported orders do not exist: a pull from the Gateway showed none."""

    detail_type = "OrdersRetracted"
    batchId: str | None = None


class BrokerAccountLinked(AccountEvent):
    """The user logged in to a broker account that was not linked before. It is now linked to the user."""

    detail_type = "BrokerAccountLinked"


class BrokerAccountConflict(AccountEvent):
    """The user logged in to a broker account that is linked to another user. The link did not change."""

    detail_type = "BrokerAccountConflict"


class WebhookReceived(Event):
    """A webhook that is not about a securities order. The body is stored under `webhookId`.

    Only the fields in `verified` are proven to come from the Gateway: its checksum does not cover the others. `notes`
    is present if the account is linked to that user.
    """

    detail_type = "WebhookReceived"
    webhookId: str
    verified: Annotated[list[str], Field(description="The fields that the checksum covers.")]
    kind: Literal["HOLDINGS_IMPORT", "MF_HOLDINGS_IMPORT", "PENDING_ACTION", "UNKNOWN"]
    body: Annotated[
        dict[str, Any] | None, Field(description="As received, without its checksum; absent if too large.")
    ] = None


class BrokerTotals(BaseModel):
    """Settled transactions with the accounts of one broker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    broker: Annotated[str, Field(description="The broker's key; unknown where the Gateway has not named one.")]
    transactions: Annotated[int, Field(ge=0)]
    orders: Annotated[int, Field(ge=0, description="Orders in the batches of these transactions.")]
    buyAmount: Annotated[Rupees, Field(description="Rupees.")]
    sellAmount: Annotated[Rupees, Field(description="Rupees.")]


class UnresolvedTransaction(BaseModel):
    """A transaction that may differ from the Gateway's state, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transactionId: str
    reason: Literal["unchecked", "price", "person", "unreadable"]


class BooksClosed(Event):
    """Every transaction that was first over in the window has been compared with the Gateway once more.

    What differed has been corrected by then, with events of its own. `drift` 0 says that each of them is stored as the
    Gateway has it.
    """

    detail_type = "BooksClosed"
    day: Annotated[str, Field(description="The day of the closing in India, as 2026-01-15.")]
    since: Annotated[str, Field(description="Transactions are counted that were first over after this time.")]
    until: Annotated[str, Field(description="And at this time at the latest.")]
    transactions: Annotated[int, Field(ge=0, description="Settled transactions.")]
    orders: Annotated[int, Field(ge=0, description="Orders in the batches of these transactions.")]
    brokers: Annotated[list[BrokerTotals], Field(description="The settled transactions by broker.")]
    failed: Annotated[int, Field(ge=0, description="Transactions that failed.")]
    open: Annotated[int, Field(ge=0, description="Transactions that are not over.")]
    corrected: Annotated[int, Field(ge=0, description="Settled transactions that changed while they were compared.")]
    correctedTransactions: Annotated[list[str], Field(description="The first 100 of them.")]
    drift: Annotated[int, Field(ge=0, description="Transactions that may differ from the Gateway's state.")]
    unresolved: Annotated[
        list[UnresolvedTransaction], Field(description="The first 100 of them, each with the reason.")
    ]


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
    BooksClosed,
)
