"""The deployed template on the local engine, with the Gateway simulator and a token issuer: up once per session.

Everything listens on free ports of 127.0.0.1, so that several sessions may run at once. Tests share the stack: a
test uses users of its own (the fixture `user`) and looks only at its own transactions. The product itself, its Gateway
and users are in tests/conftest.py: the browser tests use the same one.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from operations.updates import Event, Updates
from securities_transactions.domain.times import timestamp_text
from tests.clients import generated
from tests.clients.generated import Clients
from tests.polling import PATIENCE, eventually
from tools.contracts.validation import violations
from tools.local_stack.product import Product
from tools.local_stack.stack import Aws


class PatientUpdates(Updates):
    """Waits as long as a busy machine may take."""

    def wait_for(self, transaction_id: str, condition: Callable[[Event], bool], timeout: float = PATIENCE) -> Event:
        return super().wait_for(transaction_id, condition, timeout)


@pytest.fixture(scope="session")
def stack(product: Product) -> dict[str, str]:
    """The stack's outputs; `stack["ApiUrl"]` is where the API answers."""
    return product.outputs


@pytest.fixture(scope="session")
def aws(product: Product) -> Aws:
    """boto3 clients of the engine."""
    return product.aws


@pytest.fixture(scope="session")
def updates(product: Product) -> Iterator[Updates]:
    """The consumer's end of the updates queue; `wait_for(transactionId, condition)` has a deadline.

    In the end, every event that any test has received keeps to its contract.
    """
    updates = PatientUpdates(product.aws.sqs, product.outputs["UpdatesQueueUrl"])
    yield updates
    assert [line for event in updates.received for line in violations(event)] == []


@pytest.fixture
def api(product: Product) -> Iterator[Callable[..., httpx.Client]]:
    """`api(user, scope=None)` is a client signed in as `user`; `api(None)` one that is not signed in."""
    with ExitStack() as clients:

        def client(user: str | None, scope: str | None = None) -> httpx.Client:
            return clients.enter_context(product.api(user, scope))

        yield client


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """The generated clients, from the contract as it is."""
    return generated.make(tmp_path_factory.mktemp("clients"))


def check_now(product: Product, transaction_id: str) -> None:
    """As if the time until the next check, and since the last pull, had passed: check_due runs."""
    past = timestamp_text(datetime.now(UTC) - timedelta(hours=1))
    product.aws.dynamodb.update_item(
        TableName=product.outputs["TransactionsTable"],
        Key={"transactionId": {"S": transaction_id}},
        UpdateExpression="SET nextCheckAt = :past, pulledAt = :past",
        ExpressionAttributeValues={":past": {"S": past}},
    )
    functions = product.aws.functions.list_functions()["Functions"]
    name = product.outputs["EventBusName"]  # the stack's
    (check_due,) = [each["FunctionName"] for each in functions if each["FunctionName"].startswith(f"{name}-CheckDue-")]
    product.aws.functions.invoke(FunctionName=check_due, Payload=b"{}")


def pulls(product: Product, transaction_id: str) -> int:
    """The number of pulls in which `reconcile` processed the Gateway's response about a transaction, from its log."""
    lines = [json.loads(line) for line in product.aws.logged(0, transaction_id)]
    return sum(each.get("transaction_id") == transaction_id and each.get("outcome") == "pulled" for each in lines)


def wait_for_pull(product: Product, transaction_id: str, before: int) -> None:
    """Until there was another pull than the `before` that there were."""
    eventually(lambda: pulls(product, transaction_id), lambda count: count > before)


def check_until_settled(product: Product, updates: Updates, transaction_id: str) -> Event:
    """The settling event: the sweep comes by until it is there, however many pulls fail before."""

    def settled() -> Event | None:
        check_now(product, transaction_id)
        for event in updates.arriving(transaction_id, timeout=1):
            if event["detail-type"] == "OrdersSettled":
                return event
        return None

    event = eventually(settled)
    assert event is not None
    return event
