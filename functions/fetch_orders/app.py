"""GET /transactions/{transactionId}/orders and GET /orders: a transaction's orders, a user's orders."""

import os

from sst import wiring
from sst.fetching import Fetcher
from sst.http import Request, Response, api, cacheable

notes_table = wiring.notes(os.environ, wiring.dynamodb())
fetcher = Fetcher(
    notes_table.transactions,
    lambda: wiring.puller(os.environ, wiring.utc_now),
    os.environ["SERVICE_SCOPE"],
)


def fetch_orders(request: Request) -> Response:
    """One transaction's orders where the route names one, else a page of the user's, newest first."""
    if request.names("transactionId"):
        return cacheable(request, fetcher.orders(request).document())
    return cacheable(request, fetcher.page(request, notes_table).document())


handler = api(fetch_orders)
