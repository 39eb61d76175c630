"""GET /transactions/{transactionId}/history: what happened to a transaction, by which causes, and what happens next."""

import os

from securities_transactions.bootstrap import Application, start
from securities_transactions.http import cursor
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.history_views import history_of
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response, cacheable


def make_handler(application: Application) -> Handler:
    """Return a page of the history of a transaction that is the caller's to see; a service sees the causes too."""
    histories, scope = application.read_history, application.settings.service_scope

    def fetch_history(request: Request) -> Response:
        request.allow("limit", "cursor")
        transaction_id, caller = request.path("transactionId"), request.caller(scope)
        limit = request.limit()
        found = cursor.decode(transaction_id, request.query("cursor"), cursor.OF_A_HISTORY)
        start = None if found is None else found[0]
        transaction = histories.transaction(transaction_id, caller.may_see)
        entries, after = histories.entries(transaction_id, limit, start)
        webhooks = histories.webhooks(transaction_id) if caller.is_service and start is None else None
        shown = history_of(transaction, entries, after, webhooks, for_support=caller.is_service)
        return cacheable(request, shown.document())

    return application.deadline.bounds(http_handler(fetch_history))


handler = start(make_handler, os.environ)
