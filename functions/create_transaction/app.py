"""POST /transactions: an app asks for a transaction, the Gateway makes it, the user can trade."""

import os

from securities_transactions import bootstrap
from securities_transactions.domain.order_config import NewTransaction
from securities_transactions.http.api import Request, Response, api
from securities_transactions.http.idempotency import Once
from securities_transactions.http.views import CreatedTransaction
from securities_transactions.services import issue_sdk_token
from securities_transactions.services.create_transaction import Creator

SERVICE_SCOPE = os.environ["SERVICE_SCOPE"]
read_secrets = bootstrap.read_secrets(os.environ, bootstrap.utc_now)
dynamodb = bootstrap.dynamodb()
notes_table = bootstrap.notes(os.environ, dynamodb)
gateway = bootstrap.gateway(os.environ, read_secrets)
creator = Creator(gateway, notes_table, bootstrap.utc_now)
once = Once(dynamodb, os.environ["IDEMPOTENCY_TABLE"])


def create_transaction(request: Request) -> Response:
    """Create the transaction that is asked for and answer with what the Gateway SDK needs."""
    asked = request.parse(NewTransaction)
    notes = request.caller(SERVICE_SCOPE).acting_for(asked.notes)
    account = issue_sdk_token.choose(notes_table.accounts_of(notes), asked.connect, asked.smallcaseAuthId)
    asked.check_broker(account.broker if account else None)
    token = issue_sdk_token.mint(account, read_secrets().gateway, bootstrap.utc_now())
    created = once(request, notes, asked, lambda: creator.create(asked, notes, token.smallcaseAuthToken))
    view = CreatedTransaction(**created, notes=notes, sdkToken=token, gateway=gateway.name)
    return Response(201, view.document(), {"location": f"/transactions/{view.transactionId}"})


handler = api(create_transaction)
