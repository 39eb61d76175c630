"""All events of the bus, through a queue and a rule of the reader's own, so that no other consumer misses an event."""

import json
from typing import Any, Final

from operations.updates import Updates
from tools.local_stack.product import Product

_NAME: Final = "securities-transactions-local-console"


def subscribe(product: Product, name: str = _NAME) -> Updates:
    """A reader of all events from now on, through a queue and a rule called `name`. Subscribing is idempotent."""
    sqs, events = product.aws.sqs, product.aws.events
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    bus = product.outputs["EventBusName"]
    pattern: dict[str, Any] = {"source": ["securities-transactions"]}
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "all", "Arn": attributes["QueueArn"]}])
    return Updates(sqs, queue_url)
