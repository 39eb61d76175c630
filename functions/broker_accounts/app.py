"""GET /accounts and DELETE /accounts/{smallcaseAuthId}: the broker accounts linked to a user."""

import os

from sst import problems, wiring
from sst.http import Request, Response, api, cacheable
from sst.problems import Problem
from sst.views import Account, Accounts

SERVICE_SCOPE = os.environ["SERVICE_SCOPE"]
notes_table = wiring.notes(os.environ, wiring.dynamodb())


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
