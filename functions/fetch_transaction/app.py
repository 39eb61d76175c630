"""GET /transactions/{transactionId}: the state of a transaction, as stored or, with refresh=true, as just pulled."""

import os

from sst import wiring
from sst.fetching import Fetcher
from sst.http import Request, Response, api, cacheable
from sst.views import transaction_of

fetcher = Fetcher(
    wiring.transactions(os.environ, wiring.dynamodb()),
    lambda: wiring.puller(os.environ, wiring.utc_now),
    os.environ["SERVICE_SCOPE"],
)


def fetch_transaction(request: Request) -> Response:
    """The transaction, if it is the caller's to see."""
    return cacheable(request, transaction_of(fetcher.fetch(request)).document())


handler = api(fetch_transaction)
