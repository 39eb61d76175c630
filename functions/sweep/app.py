"""Every minute: what is due for a check is sent to be pulled, so that nothing is left hanging."""

import os
from collections.abc import Mapping
from typing import Any

from securities_transactions import aws, bootstrap, logging
from securities_transactions.services.check_due import send

logger = logging.logger()
QUEUE_URL = os.environ["RECONCILE_QUEUE_URL"]
# Bounds one sweep below the function's timeout; what is left over is still due a minute later.
MOST_OF_A_PARTITION = 250
transactions = bootstrap.transactions(os.environ, bootstrap.dynamodb())
sqs = aws.client("sqs")


def handler(event: Mapping[str, Any], context: object) -> None:
    """Send every due transaction to the queue that `reconcile` reads."""
    due = transactions.due(bootstrap.utc_now(), MOST_OF_A_PARTITION)
    logger.info("swept", due=send(sqs, QUEUE_URL, due))
