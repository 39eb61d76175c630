"""POST /sdk-tokens: a fresh token for the Gateway SDK, connected where a broker account is linked."""

import os

from securities_transactions import bootstrap
from securities_transactions.http.api import Request, Response, api
from securities_transactions.services import issue_sdk_token as sdk_tokens
from securities_transactions.services.issue_sdk_token import TokenRequest

SERVICE_SCOPE = os.environ["SERVICE_SCOPE"]
read_secrets = bootstrap.read_secrets(os.environ, bootstrap.utc_now)
notes_table = bootstrap.notes(os.environ, bootstrap.dynamodb())


def issue_sdk_token(request: Request) -> Response:
    """Mint the token that the user's standing calls for, or the one they choose."""
    asked = request.parse(TokenRequest)
    notes = request.caller(SERVICE_SCOPE).acting_for(asked.notes)
    account = sdk_tokens.choose(notes_table.accounts_of(notes), asked.connect, asked.smallcaseAuthId)
    return Response(201, sdk_tokens.mint(account, read_secrets().gateway, bootstrap.utc_now()).document())


handler = api(issue_sdk_token)
