"""GET /accounts and DELETE /accounts/{smallcaseAuthId}: the broker accounts linked to a user."""

import os

from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.errors import NotFound
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response, cacheable
from securities_transactions.http.views import accounts_of


def make_handler(application: Application) -> Handler:
    """List the accounts, or unlink the account in the route."""
    users, scope = application.users, application.settings.service_scope

    def broker_accounts(request: Request) -> Response:
        request.allow("notes")
        user_id = request.caller(scope).acting_for(request.query("notes"))
        if not request.names("smallcaseAuthId"):
            return cacheable(request, accounts_of(users.accounts_of(user_id)).document())
        if not users.unlink(user_id, request.path("smallcaseAuthId")):
            raise NotFound("no such linked account")
        return Response(204)

    return application.deadline.bounds(http_handler(broker_accounts))


handler = start(make_handler, os.environ)
