"""POST /transactions: an app asks for a transaction, the Gateway makes it, the user can trade."""

import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from sst import problems, sdk_tokens, wiring
from sst.creation import MOST_KEY_CHARACTERS, Creator
from sst.http import Request, Response, api
from sst.order_config import LIMIT_ORDER_BROKERS, NewTransaction
from sst.problems import Problem
from sst.views import CreatedTransaction

SERVICE_SCOPE = os.environ["SERVICE_SCOPE"]
read_secrets = wiring.read_secrets(os.environ, wiring.utc_now)
dynamodb = wiring.dynamodb()
notes_table = wiring.notes(os.environ, dynamodb)
gateway = wiring.gateway(os.environ, read_secrets)
creator = Creator(gateway, notes_table, wiring.utc_now)
idempotency = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"], boto3_client=dynamodb)
once = IdempotencyConfig(
    event_key_jmespath="key",
    payload_validation_jmespath="body",
    raise_on_no_idempotency_key=True,
    expires_after_seconds=24 * 3600,
)


def create_transaction(request: Request) -> Response:
    """Create the transaction that is asked for and answer with what the Gateway SDK needs."""
    asked = request.parse(NewTransaction)
    notes = request.caller(SERVICE_SCOPE).acting_for(asked.notes)
    account = sdk_tokens.choose(notes_table.accounts_of(notes), asked.connect, asked.smallcaseAuthId)
    broker = account.broker if account else None
    if asked.has_limit_orders and broker and broker.removesuffix("-leprechaun") not in LIMIT_ORDER_BROKERS:
        raise problems.of_field("securities", f"{broker} takes MARKET orders only", problems.UNPROCESSABLE)
    token = sdk_tokens.mint(account, read_secrets().gateway, wiring.utc_now())

    key = request.header("idempotency-key")
    if key is None:
        created = creator.create(asked, notes, token.smallcaseAuthToken)
    else:
        created = create_once(request, key, asked, notes, token.smallcaseAuthToken)
    view = CreatedTransaction(**created, notes=notes, sdkToken=token, gateway=gateway.name)
    return Response(201, view.document(), {"location": f"/transactions/{view.transactionId}"})


def create_once(request: Request, key: str, asked: NewTransaction, notes: str, token: str) -> Mapping[str, Any]:
    """Create, or answer what the first request of this user with this key has created."""
    if not 1 <= len(key) <= MOST_KEY_CHARACTERS:
        raise problems.of_field("idempotency-key", f"must have 1 to {MOST_KEY_CHARACTERS} characters")
    once.register_lambda_context(request.context)
    try:
        call = {"key": [notes, key], "body": asked.model_dump(mode="json")}
        created: Mapping[str, Any] = _create_once(call=call, asked=asked, notes=notes, token=token)
    except IdempotencyValidationError:
        raise Problem(problems.KEY_REUSED, "use a new Idempotency-Key for a new request") from None
    except IdempotencyPersistenceLayerError as error:
        # The table of keys did not answer: what botocore said of it is what is answered for, as for any other table.
        raise error.__cause__ or error from None
    except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError):
        detail = "a request with this Idempotency-Key is under way; ask again for its answer"
        raise Problem(problems.REQUEST_IN_PROGRESS, detail, headers={"retry-after": "2"}) from None
    return created


# Powertools' decorator has no type of its own.
@idempotent_function(data_keyword_argument="call", persistence_store=idempotency, config=once)  # type: ignore[untyped-decorator]
def _create_once(
    *,
    call: Mapping[str, Any],  # read by the decorator: what makes two requests the same
    asked: NewTransaction,
    notes: str,
    token: str,
) -> Mapping[str, Any]:
    return creator.create(asked, notes, token)


handler = api(create_transaction)
