"""GET /transactions/{transactionId}/orders and GET /orders: a transaction's orders, a user's orders."""

import os

from securities_transactions import bootstrap
from securities_transactions.http.api import Request, Response, api, cacheable
from securities_transactions.services.read_orders import Fetcher

notes_table = bootstrap.notes(os.environ, bootstrap.dynamodb())
fetcher = Fetcher(
    notes_table.transactions,
    lambda: bootstrap.puller(os.environ, bootstrap.utc_now),
    os.environ["SERVICE_SCOPE"],
)


def fetch_orders(request: Request) -> Response:
    """One transaction's orders where the route names one, else a page of the user's, newest first."""
    if request.names("transactionId"):
        return cacheable(request, fetcher.orders(request).document())
    return cacheable(request, fetcher.page(request, notes_table).document())


handler = api(fetch_orders)
