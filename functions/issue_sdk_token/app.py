"""POST /sdk-tokens: a new token for the Gateway SDK, connected if a broker account is linked."""

import os

from securities_transactions.bootstrap import Application, start
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response
from securities_transactions.http.views import sdk_token_of
from securities_transactions.services.issue_sdk_token import TokenRequest


def make_handler(application: Application) -> Handler:
    """Issue the token for the user's linked account, or for the account that the user selects."""
    tokens, scope = application.issue_sdk_token, application.settings.service_scope

    def issue_sdk_token(request: Request) -> Response:
        request.allow()
        wanted = request.parse(TokenRequest)
        user_id = request.caller(scope).acting_for(wanted.notes)
        account = tokens.account_for(user_id, wanted.connect, wanted.smallcaseAuthId)
        return Response(201, sdk_token_of(tokens.issue(account)).document())

    return application.deadline.bounds(http_handler(issue_sdk_token))


handler = start(make_handler, os.environ)
