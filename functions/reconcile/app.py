"""What needs confirming is pulled from the Gateway, whose word is the truth."""

import os
from collections.abc import Mapping
from typing import Any

from securities_transactions import bootstrap, logging
from securities_transactions.domain.decimal_json import loads
from securities_transactions.events.schemas import SDK, detail_of
from securities_transactions.gateway.errors import GatewayError
from securities_transactions.storage.transactions import Pull

logger = logging.logger()
puller = bootstrap.puller(os.environ, bootstrap.utc_now)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Pull each transaction of the batch; what has to be asked again by the queue is returned to it."""
    failed = [record["messageId"] for record in event["Records"] if not pull(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def pull(record: Mapping[str, Any]) -> bool:
    """Pull the transaction that a message names; False where the message is to come again."""
    try:
        asked = asked_in(loads(record["body"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        logger.error("a message cannot be read", message_id=record["messageId"])
        return False
    transaction_id = asked.transaction_id
    try:
        outcome = puller.pull(asked)
    except GatewayError as error:
        tell = logger.error if error.is_about_us else logger.warning
        tell("the gateway does not say", transaction_id=transaction_id, reason=str(error))
        # A stored transaction has its next check scheduled; the queue is for what has no schedule of its own.
        return puller.is_scheduled(transaction_id)
    except Exception:  # one poison message must not bring the others of its batch back
        logger.exception("a pull failed", transaction_id=transaction_id)
        return False
    logger.info("pulled", transaction_id=transaction_id, outcome=outcome)
    return outcome != "deferred"


def asked_in(message: Mapping[str, Any]) -> Pull:
    """What a message asks for: the sweep's, or the detail of an event, in its envelope where SQS redrove it."""
    detail = detail_of(message)
    return Pull(
        transaction_id=detail["transactionId"],
        smallcase_auth_id=detail.get("smallcaseAuthId") or None,
        due_at=detail.get("dueAt"),
        doubted=detail.get("reason") not in (None, SDK),
    )
