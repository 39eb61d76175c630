"""A second stack beside the first, in one account and region, with every optional parameter set."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from operations import protect, smoke
from operations.stage import Stage
from operations.updates import Updates
from tools.local_stack import stack
from tools.local_stack.product import API_SECRET, GATEWAY_SECRET, Product
from tools.template_checks.templates import EVERY_OPTION

SECOND = "securities-transactions-second"


@pytest.fixture(scope="module")
def second(product: Product) -> Iterator[Product]:
    """The first stack's parameters, and a value other than the default for each optional parameter."""
    parameters = {**product.parameters, **EVERY_OPTION}
    outputs = stack.deploy(product.aws, product.template_url, parameters, SECOND)
    stack.put_secret(product.aws, outputs["GatewaySecretArn"], GATEWAY_SECRET, API_SECRET)
    yield replace(product, outputs=outputs, parameters=parameters)
    product.aws.cloudformation.update_termination_protection(StackName=SECOND, EnableTerminationProtection=False)
    stack.delete(product.aws, SECOND)


def test_two_stacks_share_nothing_that_they_name(product: Product, second: Product) -> None:
    assert set(second.outputs) == set(product.outputs)
    shared = {name for name, value in second.outputs.items() if value == product.outputs[name]}
    assert shared == set()


def test_each_stack_has_its_own_transactions_and_events(product: Product, second: Product, user: str) -> None:
    order = {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}]}
    with product.api(user) as first_api, second.api(user) as second_api:
        answer = second_api.post("/transactions", json=order)
        assert answer.status_code == 201, answer.text
        transaction = answer.json()["transactionId"]
        assert second_api.get(f"/transactions/{transaction}").status_code == 200
        assert first_api.get(f"/transactions/{transaction}").status_code == 404
    events = Updates(product.aws.sqs, second.outputs["UpdatesQueueUrl"])
    created = events.wait_for(transaction, lambda event: event["detail-type"] == "TransactionCreated")
    assert created["detail"]["notes"] == user


def smoked(product: Product, deployed: Product, name: str) -> list[str]:
    # The engine does not enable this from a template.
    for table in smoke.LASTING:
        product.aws.dynamodb.update_continuous_backups(
            TableName=deployed.outputs[table], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return list(smoke.faults(smoke.gather(Stage("local", product.aws.url, name))))


def test_smoke_is_red_until_a_production_stack_is_protected(product: Product, second: Product) -> None:
    """The second stack says that it is production; the first does not, and is not asked for protection."""
    assert smoked(product, product, stack.NAME) == []
    assert smoked(product, second, SECOND) == ["the production stack can be deleted: make protect"]
    protect.protect(Stage("local", product.aws.url, SECOND))
    assert smoked(product, second, SECOND) == []
