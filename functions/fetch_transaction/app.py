"""GET /transactions/{transactionId}: the state of a transaction, as stored, or pulled now with refresh=true."""

import os
from functools import partial

from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.cause import CauseKind
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response, cacheable
from securities_transactions.http.views import transaction_of


def make_handler(application: Application) -> Handler:
    """Return the transaction if the caller may see it."""
    transactions, scope = application.read_orders, application.settings.service_scope

    def fetch_transaction(request: Request) -> Response:
        request.allow("refresh")
        transaction_id, caller = request.path("transactionId"), request.caller(scope)
        cause = partial(caller.cause, CauseKind.PULL, request)
        read = transactions.one(transaction_id, caller.may_see, refresh=request.flag("refresh"), cause_for=cause)
        return cacheable(request, transaction_of(read.transaction, refreshed=read.refreshed).document())

    return application.deadline.bounds(http_handler(fetch_transaction))


handler = start(make_handler, os.environ)
