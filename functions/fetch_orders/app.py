"""GET /transactions/{transactionId}/orders and GET /orders: the orders of a transaction, or of a user."""

import os
from functools import partial

from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.cause import CauseKind
from securities_transactions.http.filters import NAMES, place_of
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response, cacheable
from securities_transactions.http.views import orders_of, page_of


def make_handler(application: Application) -> Handler:
    """Return the orders of the transaction in the route, or else a page of the user's orders."""
    transactions, scope = application.read_orders, application.settings.service_scope

    def fetch_orders(request: Request) -> Response:
        caller = request.caller(scope)
        if request.names("transactionId"):
            request.allow("refresh")
            transaction_id, refresh = request.path("transactionId"), request.flag("refresh")
            cause = partial(caller.cause, CauseKind.PULL, request)
            read = transactions.one(transaction_id, caller.may_see, refresh=refresh, cause_for=cause)
            shown = orders_of(read.transaction, for_support=caller.is_service, refreshed=read.refreshed)
            return cacheable(request, shown.document())
        request.allow("notes", "limit", "cursor", *NAMES)
        user_id = caller.acting_for(request.query("notes"))
        place = place_of(request, user_id)
        page = transactions.page(user_id, request.limit(), place.entry, place.selection)
        return cacheable(request, page_of(page, user_id, place, for_support=caller.is_service).document())

    return application.deadline.bounds(http_handler(fetch_orders))


handler = start(make_handler, os.environ)
