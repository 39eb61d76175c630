"""POST /webhooks/orders: ingest the Gateway's webhooks. No genuine webhook is lost, and no forged one decides."""

import os
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.webhook_verification import Accepted, Rejected, Suspicious
from securities_transactions.http import problems
from securities_transactions.http.handler import Handler, http_handler
from securities_transactions.http.problems import Problem
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response
from securities_transactions.http.webhook_access import UnknownSegment, UnknownSource
from securities_transactions.services.ingest_webhook import WEBHOOK_ID_CHARACTERS, Ingested, IngestStatus

# A hundred orders take about 40 KB. Parsing more than this would take seconds, signed or not.
MOST_BODY_BYTES = 1024 * 1024
logger = logging.logger()


def make_handler(application: Application) -> Handler:
    """Verify the body, then report, store or reject it. One conditional write decides."""
    access, webhooks = application.webhook_access, application.ingest_webhook

    def ingest_webhook(request: Request) -> Response:
        if refusal := access.refusal(request):
            raise unread(refusal)
        raw = body_of(request)
        ingested = webhooks.ingest(raw, request.id_in_log)
        logger.info("webhook", extra=facts(ingested))
        if isinstance(ingested.verification, Rejected):
            raise Problem(problems.WEBHOOK_REFUSED, ingested.verification.reason)
        return Response(200, {"status": ingested.status})

    return application.deadline.bounds(http_handler(ingest_webhook))


def unread(refusal: UnknownSegment | UnknownSource) -> Problem:
    """The problem for a request whose body is not read. It is logged as a rejected webhook, which an alarm counts."""
    found = {"verification": Rejected.__name__.lower(), "outcome": IngestStatus.REJECTED.value}
    match refusal:
        case UnknownSegment():
            logger.info("webhook", extra=found | {"reason": "unknown segment"})
            return Problem(problems.NOT_FOUND, "not a webhook URL")
        case UnknownSource(network):
            logger.info("webhook", extra=found | {"reason": "unknown source", "network": network})
            return Problem(problems.WEBHOOK_REFUSED, "webhooks are not accepted from this address")


def body_of(request: Request) -> bytes:
    """The body as received. A body over the limit is logged as an error: if it was genuine, the next check pulls."""
    try:
        return request.raw(MOST_BODY_BYTES)
    except Problem as problem:
        if problem.type is problems.TOO_LARGE:
            logger.error("a webhook is too large", extra={"most_bytes": MOST_BODY_BYTES})
        raise


def facts(ingested: Ingested) -> dict[str, Any]:
    """Return the log fields of a webhook, which metric filters count. They name no user."""
    verification = ingested.verification
    found: dict[str, Any] = {
        "verification": type(verification).__name__.lower(),
        "outcome": ingested.status.value,
        "webhook_id": ingested.webhook_id,
    }
    if ingested.api_secret is not None:
        found["api_secret"] = ingested.api_secret
    match verification:
        case Rejected(reason) | Suspicious(reason):
            found["reason"] = reason
        case Accepted(transaction_id):
            # As in the history of the transaction. Only a stored webhook is found by its complete id.
            found |= {"transaction_id": transaction_id, "webhook_id": ingested.webhook_id[:WEBHOOK_ID_CHARACTERS]}
        case _:
            pass
    return found


handler = start(make_handler, os.environ)
