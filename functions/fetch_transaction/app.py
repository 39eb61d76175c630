"""GET /transactions/{transactionId}: the state of a transaction, as stored or, with refresh=true, as just pulled."""

import os

from securities_transactions import bootstrap
from securities_transactions.http.api import Request, Response, api, cacheable
from securities_transactions.http.views import transaction_of
from securities_transactions.services.read_orders import Fetcher

fetcher = Fetcher(
    bootstrap.transactions(os.environ, bootstrap.dynamodb()),
    lambda: bootstrap.puller(os.environ, bootstrap.utc_now),
    os.environ["SERVICE_SCOPE"],
)


def fetch_transaction(request: Request) -> Response:
    """The transaction, if it is the caller's to see."""
    return cacheable(request, transaction_of(fetcher.fetch(request)).document())


handler = api(fetch_transaction)
