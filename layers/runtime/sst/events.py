"""The events on the bus: what each says, and which of them a change of a stored item amounts to.

Facts in the past tense. Every event of a transaction has an id that is the same however often it is published, the
transaction's `sequence` (its version) and the one before, so that a consumer can drop repeats and see gaps
(docs/events.md). Numbers are numbers: rupees exact to 0.0001, shares whole. Times are UTC, ISO 8601.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from sst import statuses
from sst.batch import Batch, Order
from sst.exact import Rupees
from sst.kept_webhook import KeptWebhook
from sst.transaction import Transaction

SOURCE: Final = "sst"
SCHEMA_VERSION: Final = "1.0"


class Event(BaseModel):
    """What every event on the bus carries."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    detail_type: ClassVar[str]

    schemaVersion: Literal["1.0"] = SCHEMA_VERSION
    eventId: Annotated[str, Field(description="The same whenever this event is published again.")]
    occurredAt: Annotated[str, Field(description="When the change was stored, or said; UTC, ISO 8601.")]
    transactionId: str | None = None
    notes: Annotated[str | None, Field(description="The team's own user id.")] = None
    smallcaseAuthId: str | None = None
    broker: str | None = None
    needsConfirming: Annotated[bool, Field(description="The Gateway is being asked whether this is so.")] = False


class TransactionEvent(Event):
    """What every event about a transaction's own state carries."""

    transactionId: str
    notes: str
    sequence: Annotated[int, Field(ge=1, description="The transaction's version: up by one with each change.")]
    previousSequence: Annotated[int, Field(ge=0, description="The sequence before this one; 0 for none.")]
    status: Annotated[
        str, Field(description="Derived from the stock-level statuses; CREATED or FAILED without orders.")
    ]


class TransactionCreated(TransactionEvent):
    """A transaction was made, and the user can trade with it until `expireAt`."""

    detail_type = "TransactionCreated"
    expireAt: str
    requested: Annotated[dict[str, Any], Field(description="The orderConfig and config that were asked for.")]
    adopted: Annotated[bool, Field(description="It was made elsewhere and found at the Gateway.")] = False


class TransactionFailed(TransactionEvent):
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
    previousStatus: str | None = None
    status: str
    previousFilledQuantity: Annotated[int | None, Field(description="Shares.")] = None
    filledQuantity: Annotated[int, Field(description="Shares.")]
    averagePrice: Annotated[Rupees | None, Field(description="Rupees a share.")] = None


class OrdersEvent(TransactionEvent):
    """What every event about orders carries: the whole batch as it stands, and what changed."""

    confirmation: Annotated[
        Literal["reported", "confirmed"],
        Field(description="confirmed: pulled from the Gateway over our own credentials; reported: said by a webhook."),
    ]
    batchId: str
    variety: str | None = None
    batchStatus: Annotated[str | None, Field(description="The Gateway's own batch status, advisory.")] = None
    completedDate: str | None = None
    buyAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
    sellAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
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
    """The first that is known of a transaction's orders."""

    detail_type = "OrdersPlaced"


class OrdersProgressed(OrdersEvent):
    """Something changed for at least one order, or what was reported is now confirmed."""

    detail_type = "OrdersProgressed"


class OrdersSettled(OrdersEvent):
    """Every order is final and that is confirmed: book it. A later one for the same transaction corrects it."""

    detail_type = "OrdersSettled"


class OrdersUnknown(TransactionEvent):
    """The Gateway cannot say what became of the orders: a person has to find out from the broker."""

    detail_type = "OrdersUnknown"
    batchId: str | None = None
    orders: list[Order] | None = None
    unplaced: list[Order] | None = None
    gatewayStatus: Annotated[str | None, Field(description="The Gateway's word for the transaction.")] = None
    requested: dict[str, Any]
    createdAt: str


class OrdersRetracted(TransactionEvent):
    """Orders that were only reported do not exist: the Gateway was asked and knows of none."""

    detail_type = "OrdersRetracted"
    batchId: str | None = None


class BrokerAccountLinked(TransactionEvent):
    """The user traded with this broker account for the first time."""

    detail_type = "BrokerAccountLinked"
    smallcaseAuthId: str


class BrokerAccountConflict(TransactionEvent):
    """The user traded with a broker account that is another user's; nothing was relinked."""

    detail_type = "BrokerAccountConflict"
    smallcaseAuthId: str


class WebhookReceived(Event):
    """A genuine webhook that is not about a securities order; the body is kept under `webhookId`."""

    detail_type = "WebhookReceived"
    webhookId: str
    kind: Literal["HOLDINGS_IMPORT", "MF_HOLDINGS_IMPORT", "PENDING_ACTION", "UNKNOWN"]
    body: Annotated[dict[str, Any] | None, Field(description="As received; absent where it is too large.")] = None


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


class ConfirmationRequested(BaseModel):
    """Not a public event: asks `reconcile` for a pull. It has no schemaVersion, so no public rule matches it."""

    detail_type: ClassVar[str] = "ConfirmationRequested"
    eventId: str
    occurredAt: str
    transactionId: str
    smallcaseAuthId: str | None = None
    reason: str
    needsConfirming: Literal[True] = True


Published = Event | ConfirmationRequested


def of_transaction(old: Transaction | None, new: Transaction) -> list[Published]:
    """The events that a transaction's change from `old` to `new` amounts to; none where nothing counts."""
    asks = new.pullRequestedAt is not None and (old is None or old.pullRequestedAt != new.pullRequestedAt)
    events: list[Published] = []
    if old is None or new.version != old.version:
        events += _account_events(old, new)
        event = _state_event(old, new, asks)
        if event is not None:
            events.insert(0, event)
    if asks and not any(event.needsConfirming for event in events):
        events.append(
            ConfirmationRequested(
                eventId=f"{new.transactionId}.ask.{new.pullRequestedAt}",
                occurredAt=new.pullRequestedAt or new.createdAt,
                transactionId=new.transactionId,
                reason="sdk",
            )
        )
    return events


def of_webhook(kept: KeptWebhook, body: Mapping[str, Any] | None) -> list[Published]:
    """The event of a webhook that was kept: a doubt asks for a pull, another kind is published as what it is."""
    if kept.doubt is not None:
        if kept.transaction_id is None:
            return []
        return [
            ConfirmationRequested(
                eventId=kept.webhook_id,
                occurredAt=kept.received_at,
                transactionId=kept.transaction_id,
                smallcaseAuthId=kept.smallcase_auth_id,
                reason=kept.doubt,
            )
        ]
    return [
        WebhookReceived.model_validate(
            {
                "eventId": kept.webhook_id,
                "occurredAt": kept.received_at,
                "transactionId": kept.transaction_id,
                "notes": kept.notes,
                "smallcaseAuthId": kept.smallcase_auth_id,
                "webhookId": kept.webhook_id,
                "kind": kept.kind,
                "body": body,
            }
        )
    ]


def latest(transaction: Transaction) -> list[Published]:
    """The event for a transaction's latest version from its item alone: what republishing emits. Same event id."""
    event = _state_event(None, transaction, asks=False)
    return [] if event is None else [event]


def _state_event(old: Transaction | None, new: Transaction, asks: bool) -> Event | None:
    common = _common(new) | {"needsConfirming": asks}
    if new.status == statuses.FAILED:
        if old is not None and old.status == statuses.FAILED:
            return None
        error = new.error or {}
        return TransactionFailed.model_validate(
            common
            | {
                "reason": error.get("reason"),
                "errorCode": error.get("code"),
                "errorMessage": error.get("message"),
            }
        )
    batch = new.snapshot
    if batch is None:
        if old is not None and old.snapshot_bytes is not None:
            return OrdersRetracted(**common, batchId=old.batchId)
        if old is None:
            return TransactionCreated(
                **common, expireAt=new.expireAt, requested=new.requested, adopted=bool(new.adopted)
            )
    if new.askedAt is not None and (old is None or old.askedAt != new.askedAt) and not new.is_settled:
        return OrdersUnknown(
            **common,
            batchId=new.batchId,
            orders=list(batch.orders) if batch else None,
            unplaced=list(batch.unplaced) if batch else None,
            gatewayStatus=new.gatewayStatus,
            requested=new.requested,
            createdAt=new.createdAt,
        )
    if batch is None or new.confirmation is None:
        return None
    if old is not None and (old.revision, old.confirmation, old.settledAt) == (
        new.revision,
        new.confirmation,
        new.settledAt,
    ):
        return None
    if new.is_settled:
        kind: type[OrdersEvent] = OrdersSettled
    else:
        kind = OrdersProgressed if old is None or old.snapshot_bytes is not None else OrdersPlaced
    changes = None if old is None else changed_orders(old.snapshot, batch)
    return kind.model_validate(common | _batch_fields(new, batch) | {"changes": changes})


def _common(new: Transaction) -> dict[str, Any]:
    stamps = [new.createdAt, new.reportedAt, new.confirmedAt, new.askedAt]
    return {
        "eventId": f"{new.transactionId}.{new.version}",
        "occurredAt": max(stamp for stamp in stamps if stamp is not None),
        "transactionId": new.transactionId,
        "notes": new.notes,
        "smallcaseAuthId": new.smallcaseAuthId,
        "broker": new.broker,
        "sequence": new.version,
        "previousSequence": new.version - 1,
        "status": new.status,
    }


def _batch_fields(new: Transaction, batch: Batch) -> dict[str, Any]:
    return {
        "confirmation": new.confirmation,
        "batchId": batch.batchId,
        "variety": batch.variety,
        "batchStatus": batch.status,
        "completedDate": batch.completedDate,
        "buyAmount": batch.buyAmount,
        "sellAmount": batch.sellAmount,
        "orders": list(batch.orders),
        "unplaced": list(batch.unplaced),
    }


def _account_events(old: Transaction | None, new: Transaction) -> list[Published]:
    before = (old.account, old.smallcaseAuthId) if old is not None else (None, None)
    if new.account is None or new.smallcaseAuthId is None or (new.account, new.smallcaseAuthId) == before:
        return []
    kinds: dict[str, type[BrokerAccountLinked | BrokerAccountConflict]] = {
        "linked": BrokerAccountLinked,
        "conflict": BrokerAccountConflict,
    }
    kind = kinds.get(new.account)
    return [] if kind is None else [kind(**(_common(new) | {"eventId": f"{new.transactionId}.{new.version}.account"}))]


def changed_orders(old: Batch | None, new: Batch) -> list[OrderChange]:
    """What changed for each security between two states of a batch, in the order of `new`."""
    before = _keyed([*old.orders, *old.unplaced] if old is not None else [])
    changes = []
    for key, order in _keyed([*new.orders, *new.unplaced]).items():
        was = before.get(key)
        if was is not None and _facts(was) == _facts(order):
            continue
        changes.append(
            OrderChange(
                tradingsymbol=order.tradingsymbol,
                transactionType=order.transactionType,
                previousStatus=was.status if was else None,
                status=order.status,
                previousFilledQuantity=(was.filledQuantity or 0) if was else None,
                filledQuantity=order.filledQuantity or 0,
                averagePrice=order.averagePrice,
            )
        )
    return changes


def _keyed(orders: Sequence[Order]) -> dict[tuple[str, str, int], Order]:
    """Orders by security and side, numbered where a basket has the same one twice."""
    keyed: dict[tuple[str, str, int], Order] = {}
    for order in orders:
        count = 0
        while (key := (order.tradingsymbol, order.transactionType, count)) in keyed:
            count += 1
        keyed[key] = order
    return keyed


def _facts(order: Order) -> tuple[Any, ...]:
    return (statuses.canonical(order.status), order.quantity, order.filledQuantity or 0, order.averagePrice or 0,
            order.price or 0, order.triggerPrice or 0, order.errorCode)  # fmt: skip
