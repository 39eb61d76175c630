"""POST /webhooks/orders: the Gateway says something; nothing genuine is lost, nothing forged decides."""

import os
from typing import Any

from securities_transactions import bootstrap, logging
from securities_transactions.domain.webhook_verification import Doubt, Keep, Refuse, Report, Verdict, judge, webhook_id
from securities_transactions.http import problems
from securities_transactions.http.api import Request, Response, api
from securities_transactions.http.problems import Problem

# A hundred orders have forty thousand bytes. To look at more than this costs seconds, signed or not.
MOST_BODY_BYTES = 1024 * 1024
logger = logging.logger()
CONFIRM = os.environ["CONFIRM"]
policy = bootstrap.webhook_policy(os.environ)
read_secrets = bootstrap.read_secrets(os.environ, bootstrap.utc_now)
dynamodb = bootstrap.dynamodb()
transactions = bootstrap.transactions(os.environ, dynamodb)
webhooks = bootstrap.webhooks(os.environ, dynamodb)


def ingest_webhook(request: Request) -> Response:
    """Judge the body, then report it, keep it or refuse it; one write decides."""
    raw, now = body_of(request), bootstrap.utc_now()
    verdict = judge(raw, read_secrets().webhook_keys, now, policy)
    if isinstance(verdict, Refuse) and verdict.mismatch:
        verdict = judge(raw, read_secrets(fresh=True).webhook_keys, now, policy)
    if isinstance(verdict, Refuse):
        audit(verdict, "refused", raw)
        raise Problem(problems.WEBHOOK_REFUSED, verdict.reason)
    outcome = "kept"
    if isinstance(verdict, Report):
        reported = transactions.report(verdict, now, confirm=CONFIRM)
        if isinstance(reported, Doubt):
            verdict = reported
        else:
            outcome = reported
    if isinstance(verdict, Doubt | Keep):
        outcome = "kept" if webhooks.keep(raw, verdict, now) else "duplicate"
    audit(verdict, outcome, raw)
    return Response(200, {"status": outcome})


def body_of(request: Request) -> bytes:
    """The body as received. One that is too large to be read is logged: if it was genuine, the next check pulls."""
    try:
        return request.raw(MOST_BODY_BYTES)
    except Problem as problem:
        if problem.type is problems.TOO_LARGE:
            logger.error("a webhook is too large", extra={"most_bytes": MOST_BODY_BYTES})
        raise


def audit(verdict: Verdict, outcome: str, raw: bytes) -> None:
    """One line for each webhook, which metric filters count: what became of which body, with nobody named in it."""
    facts: dict[str, Any] = {
        "verdict": type(verdict).__name__.lower(),
        "outcome": outcome,
        "webhook_id": webhook_id(raw),
    }
    if isinstance(verdict, Refuse | Doubt):
        facts["reason"] = verdict.reason
    if isinstance(verdict, Report):
        facts |= {"transaction_id": verdict.transaction_id, "revision": verdict.snapshot.revision}
    logger.info("webhook", extra=facts)


handler = api(ingest_webhook)
