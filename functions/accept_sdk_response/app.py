"""POST /transactions/{transactionId}/sdk-response: accept the SDK's response as a verified signal."""

import os

from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.cause import CauseKind
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response
from securities_transactions.http.views import transaction_of


def make_handler(application: Application) -> Handler:
    """Verify the response for a transaction of the caller, store its report, and request a pull."""
    transactions, responses = application.read_orders, application.accept_sdk_response
    scope = application.settings.service_scope

    def accept_sdk_response(request: Request) -> Response:
        request.allow()
        transaction_id, caller = request.path("transactionId"), request.caller(scope)
        transaction = transactions.one(transaction_id, caller.may_see).transaction
        cause = caller.cause(CauseKind.SDK, request, transaction.user_id)
        responses.accept(transaction, request.json(), cause)
        after = transactions.one(transaction_id, lambda user_id: user_id == transaction.user_id)
        return Response(202, transaction_of(after.transaction).document())

    return application.deadline.bounds(http_handler(accept_sdk_response))


handler = start(make_handler, os.environ)
