"""The API's answers about open cases: what needs a person, since when, why, and all that is known of it."""

import re
from typing import Annotated, Any, Final

from pydantic import Field

from securities_transactions import logging
from securities_transactions.domain.cases import MOST_COMMENTS, CaseKey, CaseWork, Resolution
from securities_transactions.domain.money import Rupees
from securities_transactions.domain.orders import Shares
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import EscalationReason, Transaction
from securities_transactions.http import cursor
from securities_transactions.http.views import UNREADABLE, OrdersView, View, orders_of
from securities_transactions.services.read_cases import CasePage, OpenCase

_logger = logging.logger()

# The owner of the one list of open cases, in its cursors.
_OWNER: Final = "cases"
_OF_CASES: Final = re.compile("[0-9TZ:.+-]{1,40}#[A-Za-z0-9_-]{1,128}", re.ASCII)


class CommentView(View):
    """A person's comment on a case."""

    at: str
    by: str
    text: str


class ResolvedOrderView(View):
    """A person's statement of one order. Quantities are shares, the price rupees a share."""

    tradingsymbol: str
    transactionType: str
    status: str
    quantity: Shares
    filledQuantity: Shares
    averagePrice: Rupees | None = None
    exchangeOrderId: str | None = None


class ResolutionView(View):
    """People's statement of each order that the Gateway cannot state. `restsOn` is the document that it rests on."""

    by: str
    at: str
    approvedBy: str | None = None
    orders: list[ResolvedOrderView]
    why: str
    restsOn: str
    reference: Annotated[str, Field(description="The number or name of the document.")]


class ProposalView(ResolutionView):
    """A resolution that waits for the approval of a second person, by its `proposalId`."""

    proposalId: str
    version: Annotated[int, Field(description="It can be approved as long as the transaction has this version.")]


class CaseView(OrdersView):
    """A transaction that needs a person. Times are UTC."""

    since: Annotated[str, Field(description="When it was last escalated.")]
    reason: Annotated[
        str | None,
        Field(
            description="Why a person has to find out what became of the orders.",
            json_schema_extra={"examples": [EscalationReason.LOST_ORDER.value]},
        ),
    ] = None
    createdAt: str | None = None
    gatewayStatus: str | None = None
    error: Annotated[dict[str, Any] | None, Field(description="`reason`, and the SDK's `code` and `message`.")] = None
    sdkError: Annotated[
        dict[str, Any] | None, Field(description="The `code` and `message` that the SDK returned: not an outcome.")
    ] = None
    nextCheckAt: Annotated[str | None, Field(description="When the Gateway is asked again, at the latest.")] = None
    claimedBy: str | None = None
    claimedAt: str | None = None
    comments: Annotated[
        list[CommentView] | None, Field(description=f"The latest {MOST_COMMENTS}. The history has every one.")
    ] = None
    proposal: ProposalView | None = None
    resolution: Annotated[ResolutionView | None, Field(description="Once it is booked.")] = None


class CasesPage(View):
    """Open cases, those first that have been open for longest. Pass `cursor` on for the next page."""

    items: list[CaseView]
    cursor: str | None = None


def cases_of(page: CasePage) -> CasesPage:
    """A page of open cases. One that cannot be read keeps its place, with the status UNREADABLE."""
    after = page.after
    items = [_listed(case) for case in page.items]
    return CasesPage(items=items, cursor=None if after is None else cursor.encode(_OWNER, _entry(after)))


def place_of(text: str | None) -> CaseKey | None:
    """The entry that a cursor stands for; `Problem` 400 where it is not a cursor of this list."""
    found = cursor.decode(_OWNER, text, _OF_CASES)
    if found is None:
        return None
    since, _, transaction_id = found[0].partition("#")
    return CaseKey(since, transaction_id)


def case_of(transaction: Transaction) -> CaseView:
    """A transaction that needs a person, with the broker's own texts."""
    failure, sdk_error, due = transaction.failure, transaction.sdk_error, transaction.next_check_at
    since = transaction.escalated_at or transaction.created_at
    return CaseView.model_validate(
        {
            **orders_of(transaction, for_support=True).document(),
            "since": timestamp_text(since),
            "reason": transaction.escalation,
            "createdAt": timestamp_text(transaction.created_at),
            "gatewayStatus": transaction.gateway_status,
            "error": None if failure is None else {"reason": failure.reason, **failure.error.given},
            "sdkError": None if sdk_error is None else sdk_error.given,
            "nextCheckAt": None if due is None else timestamp_text(due),
            "resolution": None if transaction.resolution is None else _resolution(transaction.resolution),
            **({} if transaction.case is None else _work(transaction.case)),
        }
    )


def _work(work: CaseWork) -> dict[str, Any]:
    proposal = work.proposal
    proposed = None
    if proposal is not None:
        proposed = _resolution(proposal.resolution) | {"proposalId": proposal.id, "version": proposal.version}
    return {
        "claimedBy": work.claimed_by,
        "claimedAt": None if work.claimed_at is None else timestamp_text(work.claimed_at),
        "comments": [{"at": timestamp_text(each.at), "by": each.subject, "text": each.text} for each in work.comments]
        or None,
        "proposal": proposed,
    }


def _resolution(resolution: Resolution) -> dict[str, Any]:
    return {
        "by": resolution.subject,
        "at": timestamp_text(resolution.at),
        "approvedBy": resolution.approved_by,
        "orders": [
            {
                "tradingsymbol": each.tradingsymbol,
                "transactionType": each.side,
                "status": each.status,
                "quantity": each.quantity,
                "filledQuantity": each.filled_quantity,
                "averagePrice": each.average_price,
                "exchangeOrderId": each.exchange_order_id,
            }
            for each in resolution.orders
        ],
        "why": resolution.why,
        "restsOn": resolution.evidence,
        "reference": resolution.reference,
    }


def _listed(case: OpenCase) -> CaseView:
    try:
        if isinstance(case.found, Exception):
            raise case.found
        return case_of(case.found)
    except Exception:  # one unreadable transaction must not hide the others
        _logger.exception("a transaction cannot be read", transaction_id=case.key.transaction_id)
        return CaseView(
            transactionId=case.key.transaction_id,
            notes="",
            status=UNREADABLE,
            settled=False,
            version=0,
            requested={},
            updatedAt=case.key.since,
            since=case.key.since,
        )


def _entry(key: CaseKey) -> str:
    return f"{key.since}#{key.transaction_id}"
