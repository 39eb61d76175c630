"""Pulls the transactions of the pull queue from the Gateway, whose state decides."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from securities_transactions import logging
from securities_transactions.bootstrap import Application, start
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.pull_request import PullOutcome
from securities_transactions.gateway.errors import GatewayError
from securities_transactions.services.pull_queue import request_of
from securities_transactions.services.reconcile import Reconcile

logger = logging.logger()
Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def make_handler(application: Application) -> Handler:
    """Pull each transaction of the message batch. Messages to deliver again are returned to the queue."""
    reconcile = application.reconcile

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        cause = Cause(kind=CauseKind.PULL, request_id=None if context is None else context.aws_request_id)
        failed = [record["messageId"] for record in event["Records"] if not pull(reconcile, record, cause)]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return application.deadline.bounds(handler)


def pull(reconcile: Reconcile, record: Mapping[str, Any], cause: Cause) -> bool:
    """Pull the transaction of a message. Returns False if the queue must deliver the message again."""
    try:
        request = replace(request_of(loads(record["body"])), cause=cause)
    except (AttributeError, KeyError, TypeError, ValueError):
        logger.error("a message cannot be read", message_id=record["messageId"])
        return False
    transaction_id = request.transaction_id
    try:
        outcome = reconcile.pull(request)
    except GatewayError as error:
        log = logger.error if error.needs_operator else logger.warning
        log("pull failed", transaction_id=transaction_id, reason=str(error))
        # A stored transaction has its next check scheduled. The queue retries only those without a schedule.
        return reconcile.is_scheduled(transaction_id)
    except Exception:  # one poison message must not cause redelivery of the others in its batch
        logger.exception("unexpected error in a pull", transaction_id=transaction_id)
        return False
    logger.info("pulled", transaction_id=transaction_id, outcome=outcome.value)
    return outcome is not PullOutcome.DEFERRED


handler = start(make_handler, os.environ)
