"""POST /sdk-tokens: a fresh token for the Gateway SDK, connected where a broker account is linked."""

import os

from sst import sdk_tokens, wiring
from sst.http import Request, Response, api
from sst.sdk_tokens import TokenRequest

SERVICE_SCOPE = os.environ["SERVICE_SCOPE"]
read_secrets = wiring.read_secrets(os.environ, wiring.utc_now)
notes_table = wiring.notes(os.environ, wiring.dynamodb())


def issue_sdk_token(request: Request) -> Response:
    """Mint the token that the user's standing calls for, or the one they choose."""
    asked = request.parse(TokenRequest)
    notes = request.caller(SERVICE_SCOPE).acting_for(asked.notes)
    account = sdk_tokens.choose(notes_table.accounts_of(notes), asked.connect, asked.smallcaseAuthId)
    return Response(201, sdk_tokens.mint(account, read_secrets().gateway, wiring.utc_now()).document())


handler = api(issue_sdk_token)
