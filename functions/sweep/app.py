"""Every minute: what is due for a check is sent to be pulled, so that nothing is left hanging."""

import os
from collections.abc import Mapping
from typing import Any

from sst import aws, logs, wiring
from sst.sweeping import send

logger = logs.logger()
QUEUE_URL = os.environ["RECONCILE_QUEUE_URL"]
# Bounds one sweep below the function's timeout; what is left over is still due a minute later.
MOST_OF_A_PARTITION = 250
transactions = wiring.transactions(os.environ, wiring.dynamodb())
sqs = aws.client("sqs")


def handler(event: Mapping[str, Any], context: object) -> None:
    """Send every due transaction to the queue that `reconcile` reads."""
    due = transactions.due(wiring.utc_now(), MOST_OF_A_PARTITION)
    logger.info("swept", due=send(sqs, QUEUE_URL, due))
