"""The routes of the HTTP API as data: their parameters, responses and problems.

A test compares the list with template.yaml, so that every deployed route is described, and the reverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from securities_transactions.domain.order_config import (
    MOST_NOTES_CHARACTERS,
    MOST_REFERENCE_CHARACTERS,
    REFERENCE_PATTERN,
    NewTransaction,
)
from securities_transactions.domain.sdk_response import SdkResponse
from securities_transactions.domain.selection import State
from securities_transactions.http import problems
from securities_transactions.http.case_requests import CaseApproval, CaseClaim, CaseComment, CaseResolution
from securities_transactions.http.case_views import CasesPage, CaseView
from securities_transactions.http.filters import MOST_SYMBOL_CHARACTERS, NAMES, SORTS
from securities_transactions.http.history_views import HistoryView
from securities_transactions.http.idempotency import MOST_KEY_CHARACTERS
from securities_transactions.http.problems import ProblemType
from securities_transactions.http.request import MOST_ITEMS, USUAL_ITEMS
from securities_transactions.http.views import (
    Accounts,
    CreatedTransaction,
    OrdersPage,
    OrdersView,
    SdkToken,
    TransactionView,
)
from securities_transactions.services.issue_sdk_token import TokenRequest


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path. `answer` is the model of the `status` response, or `None` if it has no body."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    status: int = 200
    answer: type[BaseModel] | None = None
    asks: type[BaseModel] | None = None
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[ProblemType, ...] = ()
    is_open: bool = False

    @property
    def is_conditional(self) -> bool:
        """True if the route returns 304 to a matching If-None-Match."""
        return "If-None-Match" in self.parameters


_ALWAYS: Final = (problems.UNUSABLE_TOKEN, problems.INTERNAL, problems.UNAVAILABLE)
_BODY: Final = (problems.INVALID_REQUEST, problems.TOO_LARGE)
_ASKING_THE_GATEWAY: Final = (
    problems.GATEWAY_REFUSED,
    problems.GATEWAY_MISCONFIGURED,
    problems.GATEWAY_UNAVAILABLE,
    problems.MISCONFIGURED,
)

_OF_A_CASE: Final = (*_ALWAYS, *_BODY, problems.FORBIDDEN, problems.NOT_FOUND, problems.CASE_CONFLICT)

_OF_A_WEBHOOK: Final = (
    problems.WEBHOOK_REFUSED,
    problems.NOT_FOUND,
    problems.TOO_LARGE,
    problems.MISCONFIGURED,
    problems.INTERNAL,
    problems.UNAVAILABLE,
)

ROUTES: Final = (
    Route(
        method="post",
        path="/transactions",
        name="createTransaction",
        tag="transactions",
        summary="Create a transaction",
        description="The Gateway creates a transaction of one security or a basket. Pass `transactionId` and "
        "`sdkToken.smallcaseAuthToken` to the Gateway SDK, where the user confirms it. With an `Idempotency-Key`, a "
        "repeated request returns the transaction of the first one, for 24 hours. A `reference` stays unique for the "
        "user permanently: the 409 of another request has the `transactionId` of the first.",
        status=201,
        answer=CreatedTransaction,
        asks=NewTransaction,
        parameters=("Idempotency-Key",),
        headers=("Location", "Idempotency-Replayed"),
        problems=(
            *_ALWAYS,
            problems.FORBIDDEN,
            *_BODY,
            problems.REFERENCE_TAKEN,
            problems.REQUEST_IN_PROGRESS,
            problems.UNPROCESSABLE,
            problems.KEY_REUSED,
            problems.TOO_MANY_REQUESTS,
            *_ASKING_THE_GATEWAY,
        ),
    ),
    Route(
        method="get",
        path="/transactions/{transactionId}",
        name="getTransaction",
        tag="transactions",
        summary="Get the state of a transaction",
        description="As stored. With `refresh=true`, pulled from the Gateway first, at most once in 30 seconds.",
        answer=TransactionView,
        parameters=("transactionId", "refresh", "If-None-Match"),
        headers=("ETag",),
        problems=(*_ALWAYS, problems.INVALID_REQUEST, problems.NOT_FOUND, *_ASKING_THE_GATEWAY),
    ),
    Route(
        method="get",
        path="/transactions/{transactionId}/orders",
        name="getOrders",
        tag="orders",
        summary="Get the orders of a transaction",
        description="The requested and the executed orders: the user may have changed quantities on the Gateway's own "
        "screen. `statusMessage` is for support; show `userMessage` to the user.",
        answer=OrdersView,
        parameters=("transactionId", "refresh", "If-None-Match"),
        headers=("ETag",),
        problems=(*_ALWAYS, problems.INVALID_REQUEST, problems.NOT_FOUND, *_ASKING_THE_GATEWAY),
    ),
    Route(
        method="get",
        path="/transactions/{transactionId}/history",
        name="getHistory",
        tag="transactions",
        summary="What happened to a transaction",
        description="Every change of its state with its time, the oldest first, and what happens next. With the "
        "service scope also what caused each change, and the stored webhooks that changed nothing. Page by page: pass "
        "the `cursor` of one page on for the next; the last page has none.",
        answer=HistoryView,
        parameters=("transactionId", "limit", "cursor", "If-None-Match"),
        headers=("ETag",),
        problems=(*_ALWAYS, problems.INVALID_REQUEST, problems.NOT_FOUND),
    ),
    Route(
        method="get",
        path="/cases",
        name="listCases",
        tag="cases",
        summary="List what needs a person",
        description="Transactions of which the Gateway cannot say what became of the orders, with all that is known of "
        "them, those first that have been open for longest. Requires the operators' scope or the service scope. Page "
        "by page: a page may have fewer items than `limit`, or none, and still a cursor.",
        answer=CasesPage,
        parameters=("limit", "cursor", "If-None-Match"),
        headers=("ETag",),
        problems=(*_ALWAYS, problems.FORBIDDEN, problems.INVALID_REQUEST),
    ),
    Route(
        method="post",
        path="/cases/{transactionId}",
        name="openCase",
        tag="cases",
        summary="Open a case",
        description="Of a transaction that the broker's records contradict, also of a settled one. The text says how.",
        answer=CaseView,
        asks=CaseComment,
        parameters=("transactionId",),
        problems=_OF_A_CASE,
    ),
    Route(
        method="post",
        path="/cases/{transactionId}/claim",
        name="claimCase",
        tag="cases",
        summary="Claim a case",
        description="So that no other person works on it. One that another person has claimed is taken over with "
        "`takeOver`. Requires the operators' scope in a person's token, as every step of a case does.",
        answer=CaseView,
        asks=CaseClaim,
        parameters=("transactionId",),
        problems=_OF_A_CASE,
    ),
    Route(
        method="post",
        path="/cases/{transactionId}/comments",
        name="commentOnCase",
        tag="cases",
        summary="Comment on a case",
        description="The case shows the latest ten comments, the history every one.",
        answer=CaseView,
        asks=CaseComment,
        parameters=("transactionId",),
        problems=_OF_A_CASE,
    ),
    Route(
        method="post",
        path="/cases/{transactionId}/resolution",
        name="resolveCase",
        tag="cases",
        summary="Resolve a case",
        description="State what became of each order that the Gateway cannot state. It is booked at once, or proposed "
        "where a second person has to approve it (`TwoPersonResolution`): the answer then has the `proposal`. A later "
        "word of the Gateway still corrects it. The case must be claimed by the caller.",
        answer=CaseView,
        asks=CaseResolution,
        parameters=("transactionId",),
        problems=(*_OF_A_CASE, problems.UNPROCESSABLE),
    ),
    Route(
        method="post",
        path="/cases/{transactionId}/approval",
        name="approveResolution",
        tag="cases",
        summary="Approve a resolution",
        description="By a second person, which books it. It is rejected if the transaction has changed since.",
        answer=CaseView,
        asks=CaseApproval,
        parameters=("transactionId",),
        problems=_OF_A_CASE,
    ),
    Route(
        method="get",
        path="/orders",
        name="listOrders",
        tag="orders",
        summary="List a user's orders",
        description="To get the next page, pass the `cursor` of the previous page. The last page has none. A page "
        "reads at most 200 transactions: with filters, it may have fewer items than `limit`, or none, and still a "
        "cursor. The cursor keeps the filters.",
        answer=OrdersPage,
        parameters=("notes", *NAMES, "limit", "cursor", "If-None-Match"),
        headers=("ETag",),
        problems=(*_ALWAYS, problems.FORBIDDEN, problems.INVALID_REQUEST),
    ),
    Route(
        method="post",
        path="/sdk-tokens",
        name="issueSdkToken",
        tag="accounts",
        summary="Issue a token for the Gateway SDK",
        description="Connected if a broker account is linked to the user, else guest, or as `connect` selects.",
        status=201,
        answer=SdkToken,
        asks=TokenRequest,
        problems=(*_ALWAYS, problems.FORBIDDEN, *_BODY, problems.UNPROCESSABLE, problems.MISCONFIGURED),
    ),
    Route(
        method="post",
        path="/transactions/{transactionId}/sdk-response",
        name="acceptSdkResponse",
        tag="transactions",
        summary="Post the response of the Gateway SDK",
        description="Post the result or the error of `triggerTransaction`, unchanged. It is only a signal: its token "
        "is verified, its orders count as reported, and the transaction is pulled from the Gateway.",
        status=202,
        answer=TransactionView,
        asks=SdkResponse,
        parameters=("transactionId",),
        problems=(*_ALWAYS, *_BODY, problems.NOT_FOUND, problems.UNPROCESSABLE, *_ASKING_THE_GATEWAY),
    ),
    Route(
        method="get",
        path="/accounts",
        name="listAccounts",
        tag="accounts",
        summary="List a user's linked broker accounts",
        description="Most recently linked first.",
        answer=Accounts,
        parameters=("notes", "If-None-Match"),
        headers=("ETag",),
        problems=(*_ALWAYS, problems.FORBIDDEN, problems.INVALID_REQUEST),
    ),
    Route(
        method="delete",
        path="/accounts/{smallcaseAuthId}",
        name="forgetAccount",
        tag="accounts",
        summary="Unlink a broker account",
        description="It is linked again when the user next trades with it.",
        status=204,
        parameters=("smallcaseAuthId", "notes"),
        problems=(*_ALWAYS, problems.FORBIDDEN, problems.INVALID_REQUEST, problems.NOT_FOUND),
    ),
    Route(
        method="post",
        path="/webhooks/orders",
        name="ingestWebhook",
        tag="webhooks",
        summary="The Gateway's webhook",
        description="For the Gateway only: a body without a genuine checksum is rejected. docs/reference/gateway.md §4 "
        "describes the bodies.",
        is_open=True,
        problems=_OF_A_WEBHOOK,
    ),
    Route(
        method="post",
        path="/webhooks/orders/{segment}",
        name="ingestWebhookAtSegment",
        tag="webhooks",
        summary="The Gateway's webhook, at a secret URL",
        description="The same, if the deployment has a segment for it (WebhookSegments, docs/reference/settings.md).",
        is_open=True,
        parameters=("segment",),
        problems=_OF_A_WEBHOOK,
    ),
)

TAGS: Final[Mapping[str, str]] = {
    "accounts": "Broker accounts linked to a user, and tokens for the Gateway SDK.",
    "cases": "What needs a person: for operators.",
    "orders": "The orders of a transaction or a user.",
    "transactions": "Create a transaction and follow its state.",
    "webhooks": "For the Gateway only.",
}

_NOTES: Final = {"type": "string", "minLength": 1, "maxLength": MOST_NOTES_CHARACTERS}

PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "transactionId": {
        "name": "transactionId",
        "in": "path",
        "required": True,
        "description": "From the response of `POST /transactions`.",
        "schema": {"type": "string", "minLength": 1},
        "example": "TRX_4f0c2f1f9b7e4f7d",
    },
    "segment": {
        "name": "segment",
        "in": "path",
        "required": True,
        "description": "One of the deployment's segments.",
        "schema": {"type": "string", "minLength": 1},
        "example": "Zk3rWq0sX9bT5mUeY1cPvA",
    },
    "smallcaseAuthId": {
        "name": "smallcaseAuthId",
        "in": "path",
        "required": True,
        "description": "From the response of `GET /accounts`.",
        "schema": {"type": "string", "minLength": 1},
        "example": "5f0c2f1f9b7e4f7d8a1b2c3d",
    },
    "refresh": {
        "name": "refresh",
        "in": "query",
        "description": "Pull from the Gateway first.",
        "schema": {"type": "boolean", "default": False},
    },
    "notes": {
        "name": "notes",
        "in": "query",
        "description": "The user of the request, by default the caller. Another user requires the service scope.",
        "schema": _NOTES,
        "example": "user-42",
    },
    "from": {
        "name": "from",
        "in": "query",
        "description": "Created at this time or later.",
        "schema": {"type": "string", "format": "date-time"},
        "example": "2026-01-15T00:00:00Z",
    },
    "to": {
        "name": "to",
        "in": "query",
        "description": "Created before this time.",
        "schema": {"type": "string", "format": "date-time"},
        "example": "2026-01-16T00:00:00Z",
    },
    "state": {
        "name": "state",
        "in": "query",
        "description": "`open`: neither settled nor failed. `needs-attention`: the Gateway cannot settle it, an "
        "operator has to look.",
        "schema": {"type": "string", "enum": list(State)},
    },
    "tradingsymbol": {
        "name": "tradingsymbol",
        "in": "query",
        "description": "With an order for this security, or with a request for it while no orders are known.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MOST_SYMBOL_CHARACTERS},
        "example": "INFY",
    },
    "side": {
        "name": "side",
        "in": "query",
        "description": "With an order on this side; of the `tradingsymbol` if both are given.",
        "schema": {"type": "string", "enum": ["BUY", "SELL"]},
    },
    "reference": {
        "name": "reference",
        "in": "query",
        "description": "The one transaction that was created with this `reference`.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": MOST_REFERENCE_CHARACTERS,
            "pattern": REFERENCE_PATTERN,
        },
        "example": "rebalance-2026-01-15",
    },
    "sort": {
        "name": "sort",
        "in": "query",
        "description": "By the time of creation.",
        "schema": {"type": "string", "enum": list(SORTS), "default": "newest"},
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many items a page has at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": USUAL_ITEMS},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "Where the last page ended, as it said. It holds for what it was given for.",
        "schema": {"type": "string", "minLength": 1},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of an earlier response. Returns 304 if it is still current.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Any text that is new for a new request and the same for a repeated one, such as a UUID.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MOST_KEY_CHARACTERS},
        "example": "7f3c1b9a-5d0e-4a49-9f0e-0c6c1f6b2d11",
    },
}

HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "ETag": {"description": "Changes whenever the response changes.", "schema": {"type": "string"}},
    "Location": {"description": "The path of the transaction.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` if the response has the transaction of an earlier request with this `Idempotency-Key`.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "X-Request-Id": {"description": "The id of the request, as in the logs.", "schema": {"type": "string"}},
    "Apigw-Requestid": {"description": "The id of the request, as in the access log.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer", "minimum": 0}},
}
