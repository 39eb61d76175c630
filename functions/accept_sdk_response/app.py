"""POST /transactions/{transactionId}/sdk-response: what the SDK told the app is taken as a signal, and checked."""

import os

from sst import sdk_response, wiring
from sst.fetching import Fetcher
from sst.http import Request, Response, api
from sst.sdk_response import Rejected, SdkResponse
from sst.signals import Signals
from sst.views import transaction_of

read_secrets = wiring.read_secrets(os.environ, wiring.utc_now)
notes_table = wiring.notes(os.environ, wiring.dynamodb())
fetcher = Fetcher(
    notes_table.transactions, lambda: wiring.puller(os.environ, wiring.utc_now), os.environ["SERVICE_SCOPE"]
)
signals = Signals(notes_table, os.environ["CONFIRM"])


def accept_sdk_response(request: Request) -> Response:
    """Verify what was posted for a transaction of the caller's, keep what it says, and ask the Gateway."""
    transaction = fetcher.fetch(request)
    now = wiring.utc_now()
    posted = request.parse(SdkResponse)
    said = sdk_response.read(posted, transaction.transactionId, read_secrets().gateway, now)
    if isinstance(said, Rejected):
        signals.rejected(transaction, said, now)
    else:
        signals.resolved(transaction, said, now)
    return Response(202, transaction_of(fetcher.fetch(request)).document())


handler = api(accept_sdk_response)
