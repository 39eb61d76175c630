"""POST /transactions: create a transaction at the Gateway, so that the user can trade."""

import os

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.cause import CauseKind
from securities_transactions.domain.order_config import NewTransaction
from securities_transactions.domain.times import timestamp_text
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response
from securities_transactions.http.views import CreatedTransaction, sdk_token_of

logger = logging.logger()


def make_handler(application: Application) -> Handler:
    """Create the requested transaction, and return what the Gateway SDK needs."""
    tokens, transactions, once = application.issue_sdk_token, application.create_transaction, application.once
    scope, gateway = application.settings.service_scope, application.settings.gateway_name

    def create_transaction(request: Request) -> Response:
        request.allow()
        new = request.parse(NewTransaction)
        caller = request.caller(scope)
        user_id = caller.acting_for(new.notes)
        account = tokens.account_for(user_id, new.connect, new.smallcaseAuthId)
        new.check_broker(account.broker if account else None)

        def create() -> dict[str, str]:
            cause = caller.cause(CauseKind.API, request, user_id)
            created = transactions.create(new, user_id, lambda secret: tokens.sign(account, secret).token, cause)
            logger.info("created", extra={"transaction_id": created.transaction_id})
            return {"transactionId": created.transaction_id, "expireAt": timestamp_text(created.expire_at)}

        created, is_replayed = once(request, user_id, new, create)
        token = tokens.issue(account)
        view = CreatedTransaction(
            **created, notes=user_id, reference=new.reference, sdkToken=sdk_token_of(token), gateway=gateway
        )
        headers = {"location": f"/transactions/{view.transactionId}"}
        return Response(201, view.document(), headers | ({"idempotency-replayed": "true"} if is_replayed else {}))

    return application.deadline.bounds(http_handler(create_transaction))


handler = start(make_handler, os.environ)
