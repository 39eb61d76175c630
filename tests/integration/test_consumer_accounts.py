"""The templates of a consumer in another account, both ways, on the engine: events arrive in the consumer's queue.

The engine has one account and enforces no policy: tests/contract/test_consumer_templates.py is about policies.
"""

import json
from collections.abc import Iterator

import pytest

from operations.updates import Updates
from tests.integration.conftest import PatientUpdates
from tools.local_stack import stack
from tools.local_stack.engine import REGION
from tools.local_stack.product import Product
from tools.template_checks.templates import CONSUMER_BUS, CONSUMER_RULE, CONSUMER_TARGET, translated

ACCOUNT = "000000000000"
TARGET, RULE, BUS = "orders-target", "to-orders", "orders-bus"
BUCKET = "consumers"


@pytest.fixture(scope="module")
def bucket(product: Product) -> str:
    product.aws.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return BUCKET


def deploy(product: Product, path: str, name: str, parameters: dict[str, str]) -> dict[str, str]:
    product.aws.s3.put_object(Bucket=BUCKET, Key=f"{name}.json", Body=json.dumps(translated(path).template).encode())
    return stack.deploy(product.aws, f"{product.aws.url}/{BUCKET}/{name}.json", parameters, name)


@pytest.fixture(scope="module")
def queue_behind_a_rule(product: Product, bucket: str) -> Iterator[Updates]:
    """The way to a queue: the consumer's stack, then the rule in the account of the bus."""
    target = deploy(product, CONSUMER_TARGET, TARGET, {"BusAccount": ACCOUNT, "RuleStack": RULE})
    parameters = {"EventBusName": product.outputs["EventBusName"], "TargetArn": target["TargetArn"]}
    deploy(product, CONSUMER_RULE, RULE, parameters)
    yield PatientUpdates(product.aws.sqs, target["QueueUrl"])
    stack.delete(product.aws, RULE)
    stack.delete(product.aws, TARGET)


@pytest.fixture(scope="module")
def queue_behind_a_bus(product: Product, bucket: str) -> Iterator[Updates]:
    """The way over a bus of the consumer's."""
    source = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{product.outputs['EventBusName']}"
    outputs = deploy(product, CONSUMER_BUS, BUS, {"SourceBusArn": source})
    yield PatientUpdates(product.aws.sqs, outputs["QueueUrl"])
    stack.delete(product.aws, BUS)


@pytest.mark.parametrize("way", ["queue_behind_a_rule", "queue_behind_a_bus"])
def test_event_arrives_in_the_queue_of_the_consumer(
    product: Product, user: str, way: str, request: pytest.FixtureRequest
) -> None:
    updates: Updates = request.getfixturevalue(way)
    with product.api(user) as api:
        order = {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}]}
        transaction_id = api.post("/transactions", json=order).json()["transactionId"]
    event = updates.wait_for(transaction_id, lambda event: event["detail-type"] == "TransactionCreated")
    assert event["source"] == "securities-transactions"
    assert event["detail"]["notes"] == user
