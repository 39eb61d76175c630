"""An example response of each route, made by the API's code from the transactions of the events' examples."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from securities_transactions.domain.cases import CaseKey, CaseWork, Comment, Proposal
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.history import Entry, changed
from securities_transactions.domain.resolution import checked
from securities_transactions.domain.stored_webhook import FoundWebhook
from securities_transactions.domain.times import timestamp_text
from securities_transactions.http import problems
from securities_transactions.http.case_requests import CaseResolution
from securities_transactions.http.case_views import case_of, cases_of
from securities_transactions.http.filters import FIRST_PAGE_OF_ALL
from securities_transactions.http.history_views import history_of
from securities_transactions.http.problems import Problem, ProblemType
from securities_transactions.http.views import (
    Account,
    Accounts,
    CreatedTransaction,
    OrdersPage,
    OrdersView,
    SdkToken,
    View,
    orders_of,
    transaction_of,
)
from securities_transactions.services.read_cases import CasePage, OpenCase
from securities_transactions.services.record_history import facts
from tools.contracts.examples import created, lost, story

# The form of real tokens. This one belongs to no user.
_REQUEST = "5f0c2f1f-9b7e-4f7d-8a1b-2c3d4e5f6071"
_WEBHOOK = "0c70bccea4c1496eb890f8e64332870d3f5c2e9b7a1d4c6e8f0a2b4c6d8e0f1a"
_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJndWVzdCI6dHJ1ZX0.c2lnbmF0dXJl"


def answers() -> dict[str, dict[str, Any]]:
    """The example response of each model, by the name of the model."""
    views = [
        _created(),
        _token(),
        transaction_of(story()[-1]),
        _orders(),
        _page(),
        _accounts(),
        _history(),
        _cases(),
        _case(),
    ]
    return {type(view).__name__: view.document() for view in views}


def problem_of(cause: ProblemType) -> dict[str, Any]:
    """The example of a problem with this cause."""
    if cause is problems.INVALID_REQUEST:
        return problems.of_field("securities.0.quantity", "must be at least 1").body()
    if cause is problems.GATEWAY_REFUSED:
        said = "ticker XYZ is not valid"
        return Problem(cause, said, gatewayErrors=[said], gatewayErrorType="InputException").body()
    if cause is problems.REFERENCE_TAKEN:
        return Problem(cause, _DETAILS[cause.name], transactionId=created().transaction_id).body()
    return Problem(cause, _DETAILS[cause.name]).body()


_DETAILS: Final[Mapping[str, str]] = {
    "webhook-refused": "checksum does not match",
    "unusable-token": "sub must have 1 to 256 characters",
    "forbidden": "notes: only a token with the service scope may name another user",
    "not-found": "no such transaction",
    "reference-taken": "reference: is that of another transaction of this user",
    "case-conflict": "the transaction has changed since that version: read the case again",
    "request-in-progress": "a request with this Idempotency-Key is in progress; retry for its response",
    "too-large": "the body has more than 262144 bytes",
    "unprocessable": "connect: no broker account is linked to this user yet",
    "idempotency-key-reused": "use a new Idempotency-Key for a new request",
    "too-many-requests": "a user can create 30 transactions in a minute",
    "gateway-misconfigured": "the operator must check the Gateway's secret",
    "gateway-unavailable": "the Gateway is down or slow; retry later",
    "unavailable": "storage did not respond (ThrottlingException); retry",
    "misconfigured": "the secret has no value yet",
    "internal": "the error is logged; retry, or contact the operator",
}


def _token() -> SdkToken:
    return SdkToken(smallcaseAuthToken=_TOKEN, kind="guest", expiresAt="2026-01-15T05:29:50.000Z")


def _created() -> View:
    first = created()
    return CreatedTransaction(
        transactionId=first.transaction_id,
        expireAt=timestamp_text(first.expire_at),
        notes=first.user_id,
        sdkToken=_token(),
        gateway="your-gateway",
    )


def _orders() -> OrdersView:
    return orders_of(story()[-1], for_support=False)


def _page() -> View:
    settled = story()[-1]
    entry = f"transaction#{timestamp_text(settled.created_at)}#{settled.transaction_id}"
    return OrdersPage(items=[_orders()], cursor=FIRST_PAGE_OF_ALL.cursor(settled.user_id, entry))


def _history() -> View:
    """The story as a service sees it."""
    states = [created(), *story()]
    causes = [
        Cause(kind=CauseKind.API, request_id=_REQUEST, subject="orders-service", client="orders-service"),
        Cause(kind=CauseKind.WEBHOOK, request_id=_REQUEST, webhook_id=_WEBHOOK[:32]),
    ]
    causes += [Cause(kind=CauseKind.PULL, request_id=_REQUEST)] * (len(states) - len(causes))
    entries = []
    for number, (old, new, cause) in enumerate(zip([None, *states], states, causes, strict=False)):
        found = changed(old, new)
        if found is not None:
            known = facts(found.change, old, new)
            entries.append(Entry(new.transaction_id, new.version, str(number), found.at, known, cause))
    suspicion = "another batch than this transaction's"
    webhook = FoundWebhook(_WEBHOOK, states[-1].created_at, "SECURITIES", suspicion)
    # An open price is still asked for.
    latest = replace(states[-1], next_check_at=states[-1].settled_at)
    return history_of(latest, entries, None, [webhook], for_support=True)


def _case() -> View:
    """The case as a person has claimed it, commented on it and proposed a resolution."""
    known = lost()
    at = (known.escalated_at or known.created_at) + timedelta(hours=2)
    example = CaseResolution.model_validate(CaseResolution.model_json_schema()["examples"][0])
    proposal = Proposal(checked(known, example.by("ann", at)), known.version)
    comment = Comment(at, "ann", "Asked the broker, ticket 4711.")
    work = CaseWork(changed_at=at, claimed_by="ann", claimed_at=at, comments=(comment,), proposal=proposal)
    return case_of(replace(known, case=work))


def _cases() -> View:
    case = lost()
    key = CaseKey(timestamp_text(case.escalated_at or case.created_at), case.transaction_id)
    return cases_of(CasePage([OpenCase(key, case)], None))


def _accounts() -> View:
    settled = story()[-1]
    account = Account(
        smallcaseAuthId=str(settled.smallcase_auth_id),
        broker=settled.broker,
        linkedAt=timestamp_text(settled.created_at),
    )
    return Accounts(items=[account])
