"""The responses of the API: a transaction and its orders as an app sees them.

Names and values of orders are the Gateway's. Both the requested and the executed orders are included: the user may have
changed quantities on the Gateway's own screen (docs/reference/gateway.md §1.2).
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from securities_transactions import logging
from securities_transactions.domain import order_errors
from securities_transactions.domain.account_linking import LinkedAccount
from securities_transactions.domain.money import Rupees
from securities_transactions.domain.orders import Order, Shares
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.http.filters import Place
from securities_transactions.services.issue_sdk_token import IssuedToken
from securities_transactions.services.read_orders import Listed, Page
from securities_transactions.storage.transactions import Unreadable

_logger = logging.logger()

# The status in a page for a transaction whose item cannot be read. The error is logged and an operator must look.
UNREADABLE: Final = "UNREADABLE"


class View(BaseModel):
    """A response: immutable. Fields without a value are absent."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)

    def document(self) -> dict[str, Any]:
        """The JSON document, with rupees as exact numbers."""
        return self.model_dump(exclude_none=True)


class SdkToken(View):
    """The token that initializes the Gateway SDK. `expiresAt` is UTC, ISO 8601."""

    smallcaseAuthToken: str
    kind: Literal["guest", "connected"]
    expiresAt: str
    smallcaseAuthId: str | None = None
    broker: str | None = None


Reference = Annotated[str | None, Field(description="The team's own name of the transaction.")]


class CreatedTransaction(View):
    """A new transaction: pass `transactionId` and the token to the Gateway SDK before `expireAt` (UTC)."""

    transactionId: str
    expireAt: str
    notes: str
    reference: Reference = None
    sdkToken: SdkToken
    gateway: str


class OrderView(View):
    """An order in the Gateway's words, and the text for the user. Quantities are shares, prices rupees a share.

    Only the fields listed here are returned: the sender of a webhook can add others.
    """

    tradingsymbol: str
    transactionType: str
    status: str
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
    statusMessage: Annotated[
        str | None, Field(description="The broker's own text, for support. Only with the service scope.")
    ] = None
    orderTimestamp: str | None = None
    derived: Annotated[
        list[str] | None, Field(description="Fields that were not sent and follow from others, by their names.")
    ] = None
    userMessage: Annotated[str | None, Field(description="Safe to show to the user.")] = None

    @classmethod
    def of(cls, order: Order, *, placed: bool, for_support: bool) -> Self:
        """The view of `order` with the text for the user. It has the broker's own text only if `for_support`."""
        fields = {name: getattr(order, name) for name in _ORDER_FIELDS}
        if not for_support:
            fields["statusMessage"] = None
        fields["userMessage"] = order_errors.user_message(order.status, order.errorCode, placed=placed)
        return cls.model_validate(fields)


_ORDER_FIELDS: Final = tuple(name for name in OrderView.model_fields if name != "userMessage")


Version = Annotated[int, Field(description="The `sequence` of the latest event about its state.")]
IsFinal = Annotated[bool, Field(description="Settled or failed: no order should change; a correction may follow.")]
Test = Annotated[
    Literal[True] | None,
    Field(description="True for a test account: no shares and no money change hands. Otherwise absent."),
]
Refreshed = Annotated[
    bool | None,
    Field(description="With `refresh=true`: true if the Gateway was pulled now, false if it was pulled a moment ago."),
]


class StateView(View):
    """The fields that every response about a transaction begins with: its id, its state, and how sure that is."""

    transactionId: str
    notes: str
    status: str
    confirmation: Literal["reported", "confirmed"] | None = None
    settled: bool
    final: IsFinal = False
    version: Version


class OrdersView(StateView):
    """The orders of a transaction as last seen, and how sure that is.

    `status` is derived from the orders; `batchStatus` is the Gateway's own, advisory. `reported` was said by a
    webhook or the SDK; `confirmed` was pulled from the Gateway. `settled`: final, confirmed, and not to change.
    """

    requested: dict[str, Any]
    reference: Reference = None
    batchId: str | None = None
    batchStatus: str | None = None
    variety: str | None = None
    completedDate: str | None = None
    quantity: Annotated[int | None, Field(description="Securities in the batch.")] = None
    filled: Annotated[int | None, Field(description="Securities filled.")] = None
    buyAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
    sellAmount: Annotated[Rupees | None, Field(description="Rupees.")] = None
    broker: str | None = None
    smallcaseAuthId: str | None = None
    orders: list[OrderView] = []
    unplaced: list[OrderView] = []
    test: Test = None
    refreshed: Refreshed = None
    updatedAt: str


class TransactionView(StateView):
    """A transaction: its state, what became of the user's flow, and a summary of its orders. Times are UTC."""

    createdAt: str
    expireAt: str
    updatedAt: str
    requested: dict[str, Any]
    reference: Reference = None
    gatewayStatus: str | None = None
    broker: str | None = None
    smallcaseAuthId: str | None = None
    account: Annotated[
        Literal["linked", "known", "conflict", "test"] | None,
        Field(
            description="linked: by this transaction; known: linked before; conflict: another user's; "
            "test: a test account, which is never linked."
        ),
    ] = None
    error: Annotated[dict[str, Any] | None, Field(description="`reason`, and the SDK's `code` and `message`.")] = None
    sdkError: Annotated[
        dict[str, Any] | None, Field(description="The `code` and `message` that the SDK returned: not an outcome.")
    ] = None
    needsPerson: Annotated[bool, Field(description="The Gateway cannot settle it; an operator has to look.")] = False
    batchId: str | None = None
    buyAmount: Rupees | None = None
    sellAmount: Rupees | None = None
    orderStatuses: Annotated[dict[str, int], Field(description="The number of orders in each status.")] = {}
    test: Test = None
    refreshed: Refreshed = None


class OrdersPage(View):
    """A user's orders. Pass `cursor` to get the next page. A page of a filtered list may be empty and have a cursor."""

    items: list[OrdersView]
    cursor: str | None = None


class Account(View):
    """A broker account linked to a user. `linkedAt` is UTC, ISO 8601."""

    smallcaseAuthId: str
    broker: str | None = None
    linkedAt: str


class Accounts(View):
    """A user's linked broker accounts, most recently linked first."""

    items: list[Account]


def orders_of(transaction: Transaction, *, for_support: bool, refreshed: bool | None = None) -> OrdersView:
    """The orders of a transaction. The broker's own texts are included only if `for_support`."""
    batch = transaction.batch
    fields: dict[str, Any] = {
        **_common(transaction),
        "refreshed": refreshed,
        "orders": _orders(batch.orders if batch else (), placed=True, for_support=for_support),
        "unplaced": _orders(batch.unplaced if batch else (), placed=False, for_support=for_support),
    }
    if batch is not None:
        fields |= {
            "batchStatus": batch.status,
            "variety": batch.variety,
            "completedDate": batch.completedDate,
            "quantity": batch.quantity,
            "filled": batch.filled,
        }
    return OrdersView.model_validate(fields)


def transaction_of(transaction: Transaction, *, refreshed: bool | None = None) -> TransactionView:
    """A transaction without its orders."""
    batch, failure, sdk_error = transaction.batch, transaction.failure, transaction.sdk_error
    statuses: dict[str, int] = {}
    for order in batch.orders if batch else ():
        statuses[order.status] = statuses.get(order.status, 0) + 1
    if batch and batch.unplaced:
        statuses["UNPLACED"] = len(batch.unplaced)
    return TransactionView.model_validate(
        {
            **_common(transaction),
            "refreshed": refreshed,
            "createdAt": timestamp_text(transaction.created_at),
            "expireAt": timestamp_text(transaction.expire_at),
            "gatewayStatus": transaction.gateway_status,
            "account": transaction.account,
            "error": None if failure is None else {"reason": failure.reason, **failure.error.given},
            "sdkError": None if sdk_error is None else sdk_error.given,
            "needsPerson": transaction.needs_person,
            "orderStatuses": statuses,
        }
    )


def page_of(page: Page, user_id: str, place: Place, *, for_support: bool) -> OrdersPage:
    """A page of a user's orders. A transaction that cannot be read keeps its place, with the status UNREADABLE."""
    items = [_listed(each, user_id, for_support=for_support) for each in page.items]
    return OrdersPage(items=items, cursor=place.cursor(user_id, page.after) if page.after else None)


def _listed(listed: Listed, user_id: str, *, for_support: bool) -> OrdersView:
    try:
        if isinstance(listed.found, Unreadable):
            raise listed.found.error
        return orders_of(listed.found, for_support=for_support)
    except Exception:  # one unreadable transaction must not hide the others
        _logger.exception("a transaction cannot be read", transaction_id=listed.pointer.transaction_id)
        return OrdersView(
            transactionId=listed.pointer.transaction_id,
            notes=user_id,
            status=UNREADABLE,
            settled=False,
            version=0,
            requested={},
            updatedAt=timestamp_text(listed.pointer.created_at),
        )


def sdk_token_of(issued: IssuedToken) -> SdkToken:
    """A token for the Gateway SDK."""
    account = issued.account
    return SdkToken(
        smallcaseAuthToken=issued.token,
        kind="guest" if account is None else "connected",
        expiresAt=timestamp_text(issued.expires_at),
        smallcaseAuthId=None if account is None else account.smallcase_auth_id,
        broker=None if account is None else account.broker,
    )


def accounts_of(accounts: Sequence[LinkedAccount]) -> Accounts:
    """A user's linked broker accounts."""
    return Accounts(
        items=[
            Account(
                smallcaseAuthId=account.smallcase_auth_id,
                broker=account.broker,
                linkedAt=timestamp_text(account.linked_at),
            )
            for account in accounts
        ]
    )


def state_of(transaction: Transaction) -> dict[str, Any]:
    """The fields of `StateView`."""
    return {
        "transactionId": transaction.transaction_id,
        "notes": transaction.user_id,
        "status": transaction.status,
        "confirmation": transaction.confirmation,
        "settled": transaction.is_settled,
        "final": transaction.is_over,
        "version": transaction.version,
    }


def _common(transaction: Transaction) -> dict[str, Any]:
    stamps = (transaction.created_at, transaction.reported_at, transaction.confirmed_at)
    return {
        **state_of(transaction),
        "test": True if transaction.is_test else None,
        "updatedAt": timestamp_text(max(stamp for stamp in stamps if stamp is not None)),
        "requested": dict(transaction.requested.value),
        "reference": transaction.reference,
        "broker": transaction.broker,
        "smallcaseAuthId": transaction.smallcase_auth_id,
        "batchId": transaction.batch_id,
        "buyAmount": transaction.buy_amount,
        "sellAmount": transaction.sell_amount,
    }


def _orders(orders: Sequence[Order], *, placed: bool, for_support: bool) -> list[OrderView]:
    return [OrderView.of(order, placed=placed, for_support=for_support) for order in orders]
