"""POST /transactions/{transactionId}/sdk-response: what the SDK told the app is taken as a signal, and checked."""

import os

from securities_transactions import bootstrap
from securities_transactions.domain import sdk_response
from securities_transactions.domain.sdk_response import Rejected, SdkResponse
from securities_transactions.http.api import Request, Response, api
from securities_transactions.http.views import transaction_of
from securities_transactions.services.accept_sdk_response import Signals
from securities_transactions.services.read_orders import Fetcher

read_secrets = bootstrap.read_secrets(os.environ, bootstrap.utc_now)
notes_table = bootstrap.notes(os.environ, bootstrap.dynamodb())
fetcher = Fetcher(
    notes_table.transactions, lambda: bootstrap.puller(os.environ, bootstrap.utc_now), os.environ["SERVICE_SCOPE"]
)
signals = Signals(notes_table, os.environ["CONFIRM"])


def accept_sdk_response(request: Request) -> Response:
    """Verify what was posted for a transaction of the caller's, keep what it says, and ask the Gateway."""
    transaction = fetcher.fetch(request)
    now = bootstrap.utc_now()
    posted = request.parse(SdkResponse)
    said = sdk_response.read(posted, transaction.transactionId, read_secrets().gateway, now)
    if isinstance(said, Rejected):
        signals.rejected(transaction, said, now)
    else:
        signals.resolved(transaction, said, now)
    return Response(202, transaction_of(fetcher.fetch(request)).document())


handler = api(accept_sdk_response)
