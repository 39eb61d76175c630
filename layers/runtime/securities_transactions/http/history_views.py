"""The API's responses about the history of a transaction: its changes, their causes, and what happens next."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from securities_transactions.domain.history import Change, Entry
from securities_transactions.domain.money import Rupees
from securities_transactions.domain.orders import Shares
from securities_transactions.domain.stored_webhook import FoundWebhook
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.http import cursor
from securities_transactions.http.views import StateView, Version, View, state_of


class CauseView(View):
    """The cause of a change. The ids find the log lines and the stored webhook."""

    kind: Literal["webhook", "sdk", "pull", "api", "person"]
    requestId: Annotated[
        str | None, Field(description="The `request_id` in log lines; of the API, its `X-Request-Id`.")
    ] = None
    webhookId: Annotated[str | None, Field(description="The first 32 characters of the `webhook_id`.")] = None
    subject: Annotated[
        str | None, Field(description="The `sub` of the access token, where it is not the user's own.")
    ] = None
    client: Annotated[str | None, Field(description="The client that the access token was issued to.")] = None


class OrderHistoryView(View):
    """The change for one security. Quantities are shares, prices rupees a share."""

    tradingsymbol: str
    transactionType: str
    quantity: Shares
    previousStatus: str | None = None
    status: str
    previousFilledQuantity: Shares | None = None
    filledQuantity: Shares
    previousAveragePrice: Rupees | None = None
    averagePrice: Rupees | None = None
    errorCode: str | None = None
    removed: bool = False


class ChangeView(View):
    """One change of a transaction. `at` is UTC, ISO 8601."""

    version: Version
    at: str
    change: Annotated[
        Literal[tuple(each.value for each in Change)],  # type: ignore[valid-type]  # an enum's values as literals
        Field(description="What it was. The account, an SDK error and the Gateway's status do not raise the version."),
    ]
    status: Annotated[str | None, Field(description="Absent where the change cannot be read.")] = None
    previousStatus: str | None = None
    confirmation: Literal["reported", "confirmed"] | None = None
    settled: bool = False
    broker: str | None = None
    batchId: str | None = None
    gatewayStatus: str | None = None
    account: str | None = None
    reason: Annotated[str | None, Field(description="Why a person is needed from now on.")] = None
    error: dict[str, Any] | None = None
    sdkError: dict[str, Any] | None = None
    orders: list[OrderHistoryView] | None = None
    case: Annotated[
        dict[str, Any] | None, Field(description="What people have done about the case. Only with the service scope.")
    ] = None
    resolution: Annotated[
        dict[str, Any] | None,
        Field(description="What people stated of the orders, why, and on what. Only with the service scope."),
    ] = None
    cause: Annotated[CauseView | None, Field(description="Only with the service scope.")] = None


class WebhookView(View):
    """A stored webhook that names the transaction and changed nothing. `suspicion` says why it was not believed."""

    webhookId: str
    receivedAt: str
    kind: str
    suspicion: str | None = None


class HistoryView(StateView):
    """The history of a transaction, the oldest change first; pass `cursor` on for the next page.

    The changes are recorded a moment after they are made: `version` may be ahead of the last of them.
    """

    needsPerson: bool
    nextCheckAt: Annotated[str | None, Field(description="When the Gateway is asked again, at the latest.")] = None
    next: Annotated[str, Field(description="What happens next, in a sentence.")]
    items: list[ChangeView]
    webhooks: Annotated[
        list[WebhookView] | None,
        Field(description="On the first page, only with the service scope: the stored webhooks that changed nothing."),
    ] = None
    cursor: str | None = None


def history_of(
    transaction: Transaction,
    entries: Sequence[Entry],
    after: str | None,
    webhooks: Sequence[FoundWebhook] | None,
    *,
    for_support: bool,
) -> HistoryView:
    """A page of a transaction's history, with causes only `for_support`."""
    due = transaction.next_check_at
    return HistoryView.model_validate(
        {
            **state_of(transaction),
            "needsPerson": transaction.needs_person,
            "nextCheckAt": None if due is None else timestamp_text(due),
            "next": next_of(transaction),
            "items": [_change(entry, for_support=for_support) for entry in entries],
            "webhooks": None if webhooks is None else [_webhook(each) for each in webhooks],
            "cursor": None if after is None else cursor.encode(transaction.transaction_id, after),
        }
    )


def next_of(transaction: Transaction) -> str:
    """Return the next step of a transaction, in a sentence."""
    if transaction.needs_person:
        why = "" if transaction.escalation is None else f" ({transaction.escalation})"
        return f"A person has to find out from the broker what became of the orders{why}. The Gateway is still asked."
    if transaction.is_settled:
        return "Nothing: it is settled. A correction by the Gateway would be published."
    if transaction.is_over:
        return "Nothing: no order will come of it."
    if transaction.next_check_at is None:
        return "The Gateway's next webhook is awaited."
    return f"The Gateway is asked again at {timestamp_text(transaction.next_check_at)} at the latest."


def _change(entry: Entry, *, for_support: bool) -> ChangeView:
    cause = None
    if for_support and entry.cause is not None:
        known = entry.cause
        cause = CauseView(
            kind=known.kind.value,
            requestId=known.request_id,
            webhookId=known.webhook_id,
            subject=known.subject,
            client=known.client,
        )
    facts = {name: fact for name, fact in entry.facts.items() if for_support or name not in ("case", "resolution")}
    fields = {**facts, "version": entry.version, "at": timestamp_text(entry.at), "cause": cause}
    return ChangeView.model_validate(fields)


def _webhook(found: FoundWebhook) -> WebhookView:
    return WebhookView(
        webhookId=found.webhook_id,
        receivedAt=timestamp_text(found.received_at),
        kind=found.kind,
        suspicion=found.suspicion,
    )
