"""POST /transactions: an app asks for a transaction, the Gateway makes it, the user can trade."""

import os

from sst import sdk_tokens, wiring
from sst.creation import Creator
from sst.http import Request, Response, api
from sst.idempotency import Once
from sst.order_config import NewTransaction
from sst.views import CreatedTransaction

SERVICE_SCOPE = os.environ["SERVICE_SCOPE"]
read_secrets = wiring.read_secrets(os.environ, wiring.utc_now)
dynamodb = wiring.dynamodb()
notes_table = wiring.notes(os.environ, dynamodb)
gateway = wiring.gateway(os.environ, read_secrets)
creator = Creator(gateway, notes_table, wiring.utc_now)
once = Once(dynamodb, os.environ["IDEMPOTENCY_TABLE"])


def create_transaction(request: Request) -> Response:
    """Create the transaction that is asked for and answer with what the Gateway SDK needs."""
    asked = request.parse(NewTransaction)
    notes = request.caller(SERVICE_SCOPE).acting_for(asked.notes)
    account = sdk_tokens.choose(notes_table.accounts_of(notes), asked.connect, asked.smallcaseAuthId)
    asked.check_broker(account.broker if account else None)
    token = sdk_tokens.mint(account, read_secrets().gateway, wiring.utc_now())
    created = once(request, notes, asked, lambda: creator.create(asked, notes, token.smallcaseAuthToken))
    view = CreatedTransaction(**created, notes=notes, sdkToken=token, gateway=gateway.name)
    return Response(201, view.document(), {"location": f"/transactions/{view.transactionId}"})


handler = api(create_transaction)
