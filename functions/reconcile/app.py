"""Pulls the transactions of the pull queue from the Gateway, whose state decides."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.gateway.errors import GatewayError
from securities_transactions.services.pull_queue import request_of
from securities_transactions.services.reconcile import Reconcile
from securities_transactions.services.reconcile_batch import Pulled

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def make_handler(application: Application) -> Handler:
    """Pull the transactions of the message batch at once; what the queue has to deliver again is returned to it."""
    reconcile, batch = application.reconcile, application.reconcile_batch

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        cause = Cause(kind=CauseKind.PULL, request_id=None if context is None else context.aws_request_id)
        failed, requests = [], dict[str, PullRequest]()
        for record in event["Records"]:
            try:
                requests[record["messageId"]] = replace(request_of(loads(record["body"])), cause=cause)
            except (AttributeError, KeyError, TypeError, ValueError):
                logger.error("a message cannot be read", message_id=record["messageId"])
                failed.append(record["messageId"])
        unfinished = {
            id(pulled.request) for pulled in batch.pull(list(requests.values())) if not done(pulled, reconcile)
        }
        failed += [message_id for message_id, request in requests.items() if id(request) in unfinished]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return application.deadline.bounds(handler)


def done(pulled: Pulled, reconcile: Reconcile) -> bool:
    """Log what became of a request; False where its message is to be delivered again."""
    transaction_id = pulled.request.transaction_id
    match pulled.error:
        case None:
            pass
        case GatewayError() as error:
            log = logger.error if error.needs_operator else logger.warning
            log("pull failed", transaction_id=transaction_id, reason=str(error))
            # A stored transaction has its next check scheduled; the queue is for what has no schedule of its own.
            return reconcile.is_scheduled(transaction_id)
        case error:
            logger.error("unexpected error in a pull", transaction_id=transaction_id, exc_info=error)
            return False
    logger.info("pulled", transaction_id=transaction_id, outcome=str(pulled.outcome))
    return pulled.outcome is not PullOutcome.DEFERRED


handler = start(make_handler, os.environ)
