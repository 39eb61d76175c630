"""Calls every route through the generated Python client: reads a scenario as JSON, and prints the responses.

mypy --strict checks it against the client, and tests/integration/test_clients.py runs it.
"""

import json
import sys
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from securities_transactions_client import AuthenticatedClient, Client
from securities_transactions_client.api.accounts import forget_account, issue_sdk_token, list_accounts
from securities_transactions_client.api.cases import (
    approve_resolution,
    claim_case,
    comment_on_case,
    list_cases,
    open_case,
    resolve_case,
)
from securities_transactions_client.api.orders import get_orders, list_orders
from securities_transactions_client.api.transactions import (
    accept_sdk_response,
    create_transaction,
    get_history,
    get_transaction,
)
from securities_transactions_client.api.webhooks import ingest_webhook, ingest_webhook_at_segment
from securities_transactions_client.models import (
    Accounts,
    CaseApproval,
    CaseClaim,
    CaseComment,
    CaseResolution,
    CaseResolutionRestsOn,
    CasesPage,
    CreatedTransaction,
    HistoryView,
    IngestWebhookAtSegmentBody,
    IngestWebhookBody,
    Message,
    NewTransaction,
    OrdersPage,
    OrdersView,
    Problem,
    SdkRejected,
    SdkResolved,
    SdkToken,
    Security,
    SecurityType,
    TokenRequest,
    TokenRequestConnect,
    TransactionView,
)
from securities_transactions_client.types import Response

Calls: TypeAlias = Callable[[AuthenticatedClient | Client, "Scenario"], Response[Any]]
# An operation, the answer's model or `None` where it has no body, and the call.
Case: TypeAlias = tuple[str, type[object] | None, Calls]
NONE = "no-such-id"
CANCELLED = SdkRejected("user_cancelled")
LONG = "x" * 300


class Scenario:
    """The ids of a transaction with orders, and the bodies to post about it."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.api: str = given["api"]
        self.token: str = given["token"]
        self.operator_token: str = given["operatorToken"]
        self.transaction_id: str = given["transactionId"]
        self.smallcase_auth_id: str = given["smallcaseAuthId"]
        self.resolved: dict[str, Any] = given["resolved"]
        self.webhook: dict[str, Any] = given["webhook"]
        self.segment: str | None = given.get("segment")


def order(quantity: int = 1, notes: str | None = None, account: str | None = None) -> NewTransaction:
    """One share of a stock, or what is asked for."""
    new = NewTransaction(securities=[Security(ticker="INFY", type_=SecurityType.BUY, quantity=quantity)])
    if notes is not None:
        new.notes = notes
    if account is not None:
        new.smallcase_auth_id = account
    return new


# The 2xx and the 4xx of each route.
CALLS: list[Case] = [
    ("createTransaction", CreatedTransaction, lambda c, s: create_transaction.sync_detailed(client=c, body=order())),
    (
        "createTransaction",
        Problem,
        lambda c, s: create_transaction.sync_detailed(client=c, body=order(quantity=0)),
    ),
    (
        "createTransaction",
        Problem,
        lambda c, s: create_transaction.sync_detailed(client=c, body=order(notes="somebody-else")),
    ),
    (
        "createTransaction",
        Problem,
        lambda c, s: create_transaction.sync_detailed(client=c, body=order(notes="x" * 300_000)),
    ),
    (
        "createTransaction",
        Problem,
        lambda c, s: create_transaction.sync_detailed(client=c, body=order(account=NONE)),
    ),
    (
        "getTransaction",
        TransactionView,
        lambda c, s: get_transaction.sync_detailed(s.transaction_id, client=c, refresh=True),
    ),
    (
        "getTransaction",
        Problem,
        lambda c, s: get_transaction.sync_detailed(s.transaction_id, client=c, refresh=cast(bool, "perhaps")),
    ),
    ("getTransaction", Problem, lambda c, s: get_transaction.sync_detailed(NONE, client=c)),
    ("getOrders", OrdersView, lambda c, s: get_orders.sync_detailed(s.transaction_id, client=c)),
    (
        "getOrders",
        Problem,
        lambda c, s: get_orders.sync_detailed(s.transaction_id, client=c, refresh=cast(bool, "perhaps")),
    ),
    ("getOrders", Problem, lambda c, s: get_orders.sync_detailed(NONE, client=c)),
    ("getHistory", HistoryView, lambda c, s: get_history.sync_detailed(s.transaction_id, client=c)),
    ("getHistory", Problem, lambda c, s: get_history.sync_detailed(s.transaction_id, client=c, limit=0)),
    ("getHistory", Problem, lambda c, s: get_history.sync_detailed(NONE, client=c)),
    ("listOrders", OrdersPage, lambda c, s: list_orders.sync_detailed(client=c, limit=1)),
    ("listOrders", Problem, lambda c, s: list_orders.sync_detailed(client=c, limit=0)),
    ("listOrders", Problem, lambda c, s: list_orders.sync_detailed(client=c, notes="somebody-else")),
    (
        "acceptSdkResponse",
        TransactionView,
        lambda c, s: accept_sdk_response.sync_detailed(
            s.transaction_id, client=c, body=SdkResolved.from_dict({"resolved": s.resolved})
        ),
    ),
    (
        "acceptSdkResponse",
        Problem,
        lambda c, s: accept_sdk_response.sync_detailed(
            s.transaction_id, client=c, body=SdkResolved.from_dict({"resolved": {"transactionId": NONE}})
        ),
    ),
    (
        "acceptSdkResponse",
        Problem,
        lambda c, s: accept_sdk_response.sync_detailed(NONE, client=c, body=CANCELLED),
    ),
    ("issueSdkToken", SdkToken, lambda c, s: issue_sdk_token.sync_detailed(client=c, body=TokenRequest())),
    (
        "issueSdkToken",
        Problem,
        lambda c, s: issue_sdk_token.sync_detailed(client=c, body=TokenRequest(notes=LONG)),
    ),
    (
        "issueSdkToken",
        Problem,
        lambda c, s: issue_sdk_token.sync_detailed(client=c, body=TokenRequest(notes="somebody-else")),
    ),
    (
        "issueSdkToken",
        Problem,
        lambda c, s: issue_sdk_token.sync_detailed(
            client=c, body=TokenRequest(connect=TokenRequestConnect.CONNECTED, smallcase_auth_id=NONE)
        ),
    ),
    ("listAccounts", Accounts, lambda c, s: list_accounts.sync_detailed(client=c)),
    ("listAccounts", Problem, lambda c, s: list_accounts.sync_detailed(client=c, notes=LONG)),
    ("listAccounts", Problem, lambda c, s: list_accounts.sync_detailed(client=c, notes="somebody-else")),
    ("listCases", Problem, lambda c, s: list_cases.sync_detailed(client=c)),
    ("forgetAccount", None, lambda c, s: forget_account.sync_detailed(s.smallcase_auth_id, client=c)),
    ("forgetAccount", Problem, lambda c, s: forget_account.sync_detailed(NONE, client=c)),
    ("forgetAccount", Problem, lambda c, s: forget_account.sync_detailed(NONE, client=c, notes=LONG)),
    ("forgetAccount", Problem, lambda c, s: forget_account.sync_detailed(NONE, client=c, notes="somebody-else")),
]

# The steps of a case; the transaction is none.
STEPS: dict[str, Calls] = {
    "openCase": lambda c, s: open_case.sync_detailed(NONE, client=c, body=CaseComment(text="Differs.")),
    "claimCase": lambda c, s: claim_case.sync_detailed(NONE, client=c, body=CaseClaim()),
    "commentOnCase": lambda c, s: comment_on_case.sync_detailed(NONE, client=c, body=CaseComment(text="Asked.")),
    "resolveCase": lambda c, s: resolve_case.sync_detailed(
        NONE,
        client=c,
        body=CaseResolution(
            version=1, orders=[], why="None was placed.", rests_on=CaseResolutionRestsOn.TRADEBOOK, reference="1"
        ),
    ),
    "approveResolution": lambda c, s: approve_resolution.sync_detailed(
        NONE, client=c, body=CaseApproval(proposal_id=NONE)
    ),
}
BY_AN_OPERATOR: list[Case] = [
    *((name, Problem, step) for name, step in STEPS.items()),
    ("listCases", CasesPage, lambda c, s: list_cases.sync_detailed(client=c)),
    ("listCases", Problem, lambda c, s: list_cases.sync_detailed(client=c, limit=0)),
]

SIGNED_OUT: list[Case] = [
    *((name, Message, step) for name, step in STEPS.items()),
    ("listCases", Message, lambda c, s: list_cases.sync_detailed(client=c)),
    ("createTransaction", Message, lambda c, s: create_transaction.sync_detailed(client=c, body=order())),
    ("getTransaction", Message, lambda c, s: get_transaction.sync_detailed(NONE, client=c)),
    ("getOrders", Message, lambda c, s: get_orders.sync_detailed(NONE, client=c)),
    ("getHistory", Message, lambda c, s: get_history.sync_detailed(NONE, client=c)),
    ("listOrders", Message, lambda c, s: list_orders.sync_detailed(client=c)),
    ("acceptSdkResponse", Message, lambda c, s: accept_sdk_response.sync_detailed(NONE, client=c, body=CANCELLED)),
    ("issueSdkToken", Message, lambda c, s: issue_sdk_token.sync_detailed(client=c, body=TokenRequest())),
    ("listAccounts", Message, lambda c, s: list_accounts.sync_detailed(client=c)),
    ("forgetAccount", Message, lambda c, s: forget_account.sync_detailed(NONE, client=c)),
    (
        "ingestWebhook",
        Problem,
        lambda c, s: ingest_webhook.sync_detailed(client=c, body=IngestWebhookBody.from_dict({"checksum": "forged"})),
    ),
    (
        "ingestWebhookAtSegment",
        Problem,
        lambda c, s: ingest_webhook_at_segment.sync_detailed(NONE, client=c, body=IngestWebhookAtSegmentBody()),
    ),
]

# The webhook has one URL or the other.
GENUINE: Case = (
    "ingestWebhook",
    object,
    lambda c, s: ingest_webhook.sync_detailed(client=c, body=IngestWebhookBody.from_dict(s.webhook)),
)
GENUINE_AT_SEGMENT: Case = (
    "ingestWebhookAtSegment",
    object,
    lambda c, s: ingest_webhook_at_segment.sync_detailed(
        str(s.segment), client=c, body=IngestWebhookAtSegmentBody.from_dict(s.webhook)
    ),
)


def main() -> None:
    """Make the calls; an answer that is not of the model that the client promises is an error."""
    scenario = Scenario(json.load(sys.stdin))
    how: dict[str, Any] = {"base_url": scenario.api, "timeout": 60, "httpx_args": {"trust_env": False}}
    signed_in = AuthenticatedClient(token=scenario.token, **how)
    operator = AuthenticatedClient(token=scenario.operator_token, **how)
    signed_out = Client(**how)
    clients: list[tuple[AuthenticatedClient | Client, list[Case]]] = [(signed_out, SIGNED_OUT)]
    if scenario.segment is None:
        refused: list[Case] = [(name, Problem, step) for name, step in STEPS.items()]
        clients += [(operator, BY_AN_OPERATOR), (signed_in, [*CALLS, *refused]), (signed_out, [GENUINE])]
    else:
        clients += [(signed_out, [GENUINE_AT_SEGMENT])]
    made = []
    for client, (operation, model, call) in ((client, case) for client, cases in clients for case in cases):
        answer = call(client, scenario)
        if not (answer.parsed is None if model is None else isinstance(answer.parsed, model)):
            raise TypeError(f"{operation} {answer.status_code}: {answer.parsed!r} is no {model}: {answer.content!r}")
        kind = answer.parsed.type_ if isinstance(answer.parsed, Problem) else None
        made.append({"operation": operation, "status": int(answer.status_code), "type": kind})
    print(json.dumps(made))


main()
