"""POST /webhooks/orders: the Gateway says something; nothing genuine is lost, nothing forged decides."""

import os

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sst import problems, wiring
from sst.http import Request, Response, api
from sst.problems import Problem
from sst.verdict import Doubt, Keep, Refuse, Report, Verdict, judge, webhook_id

CONFIRM = os.environ["CONFIRM"]
policy = wiring.webhook_policy(os.environ)
read_secrets = wiring.read_secrets(os.environ, wiring.utc_now)
dynamodb = wiring.dynamodb()
transactions = wiring.transactions(os.environ, dynamodb)
webhooks = wiring.webhooks(os.environ, dynamodb)


def ingest_webhook(request: Request) -> Response:
    """Judge the body, then report it, keep it or refuse it; one write decides."""
    raw, now = request.raw(), wiring.utc_now()
    verdict = judge(raw, read_secrets(False).webhook_keys, now, policy)
    if isinstance(verdict, Refuse) and verdict.mismatch:
        verdict = judge(raw, read_secrets(True).webhook_keys, now, policy)
    if isinstance(verdict, Refuse):
        count(verdict, "refused", raw)
        raise Problem(problems.UNAUTHENTICATED_WEBHOOK, verdict.reason)
    outcome = "kept"
    if isinstance(verdict, Report):
        reported = transactions.report(verdict, now, confirm=CONFIRM)
        if isinstance(reported, Doubt):
            verdict = reported
        else:
            outcome = reported
    if isinstance(verdict, Doubt | Keep):
        outcome = "kept" if webhooks.keep(raw, verdict, now) else "duplicate"
    count(verdict, outcome, raw)
    return Response(200, {"status": outcome})


def count(verdict: Verdict, outcome: str, raw: bytes) -> None:
    """One line for each webhook: a metric, and for the audit what became of which body, with nobody named in it."""
    with single_metric(name="Webhook", unit=MetricUnit.Count, value=1) as metric:
        metric.add_dimension("verdict", type(verdict).__name__.lower())
        metric.add_dimension("outcome", outcome)
        metric.add_metadata("webhookId", webhook_id(raw))
        if isinstance(verdict, Refuse | Doubt):
            metric.add_metadata("reason", verdict.reason)
        if isinstance(verdict, Report):
            metric.add_metadata("transactionId", verdict.transaction_id)
            metric.add_metadata("revision", verdict.snapshot.revision)


handler = api(ingest_webhook)
