"""GET /accounts and DELETE /accounts/{smallcaseAuthId}: the broker accounts linked to a user."""

import os

from securities_transactions import bootstrap
from securities_transactions.http import problems
from securities_transactions.http.api import Request, Response, api, cacheable
from securities_transactions.http.problems import Problem
from securities_transactions.http.views import Account, Accounts

SERVICE_SCOPE = os.environ["SERVICE_SCOPE"]
notes_table = bootstrap.notes(os.environ, bootstrap.dynamodb())


def broker_accounts(request: Request) -> Response:
    """List the accounts, or forget the one that the route names."""
    notes = request.caller(SERVICE_SCOPE).acting_for(request.query("notes"))
    if request.names("smallcaseAuthId"):
        if not notes_table.forget(notes, request.path("smallcaseAuthId")):
            raise Problem(problems.NOT_FOUND, "this broker account is not linked to the user")
        return Response(204)
    accounts = [Account(**vars(account)) for account in notes_table.accounts_of(notes)]
    return cacheable(request, Accounts(items=accounts).document())


handler = api(broker_accounts)
