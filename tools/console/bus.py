"""All events of the bus, through the console's own queue and rule, so that no other consumer misses an event."""

import json
from typing import Any, Final

from operations.updates import Updates
from tools.local_stack.product import Product

_NAME: Final = "securities-transactions-local-console"


def subscribe(product: Product) -> Updates:
    """A reader of all events from now on. Subscribing is idempotent."""
    sqs, events = product.aws.sqs, product.aws.events
    queue_url = sqs.create_queue(QueueName=_NAME)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    bus = product.outputs["EventBusName"]
    pattern: dict[str, Any] = {"source": ["securities-transactions"]}
    events.put_rule(Name=_NAME, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=_NAME, EventBusName=bus, Targets=[{"Id": "console", "Arn": attributes["QueueArn"]}])
    return Updates(sqs, queue_url)
