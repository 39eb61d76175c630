"""The engine ends in the middle of a flow and another loads its state: accepted updates are published and settled."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.conftest import PatientUpdates, check_now
from tests.integration.test_webhooks import place
from tests.polling import PATIENCE
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.engine import engine
from tools.local_stack.product import Ports, Product, running


def end(product: Product) -> None:
    """End the engine as an operator would, everything that it runs included."""
    keeper = product.logs["engine"].keeper
    assert keeper.stdin is not None
    keeper.stdin.close()
    keeper.wait(PATIENCE)


@pytest.mark.timeout(900)  # two engines start, one after the other
def test_what_happens_while_everything_is_down_is_found_and_settled_afterwards(tmp_path: Path) -> None:
    """Every webhook of the order is lost to a dead endpoint; the transaction is due, and the Gateway is asked."""
    with running(state=tmp_path) as product, GatewayDriver(product.gateway_url) as gateway:
        before = PatientUpdates(product.aws.sqs, product.outputs["UpdatesQueueUrl"])
        transaction_id, _ = place(product, gateway, "user-restart")
        before.wait_for(transaction_id, lambda event: bool(event["detail-type"] == "OrdersPlaced"))
        end(product)
        gateway.finish(transaction_id)

        with engine(urlsplit(product.aws.url).port or 0, tmp_path):
            check_now(product, transaction_id)
            settled = before.wait_for(transaction_id, lambda event: bool(event["detail-type"] == "OrdersSettled"))

    sequences = [event["detail"]["sequence"] for event in before.of(transaction_id)]
    assert sequences == sorted(sequences)
    assert settled["detail"]["previousSequence"] in sequences


@pytest.mark.timeout(900)  # two products start, one after the other
def test_kept_data_is_there_in_the_next_run_and_new_orders_are_published(tmp_path: Path) -> None:
    """`make run ARGS=--keep`: orders and linked accounts survive; the Gateway simulator starts empty."""
    with running(state=tmp_path) as product, GatewayDriver(product.gateway_url) as gateway:
        updates = PatientUpdates(product.aws.sqs, product.outputs["UpdatesQueueUrl"])
        kept, _ = place(product, gateway, "user-kept")
        gateway.finish(kept)
        updates.wait_for(kept, lambda event: bool(event["detail-type"] == "OrdersSettled"))
        port = urlsplit(product.aws.url).port or 0

    with running(Ports(engine=port), state=tmp_path) as product, GatewayDriver(product.gateway_url) as gateway:
        with product.api("user-kept") as api:
            assert [order["transactionId"] for order in api.get("/orders").json()["items"]] == [kept]
            assert len(api.get("/accounts").json()["items"]) == 1
        updates = PatientUpdates(product.aws.sqs, product.outputs["UpdatesQueueUrl"])
        new, _ = place(product, gateway, "user-new")
        gateway.finish(new)
        updates.wait_for(new, lambda event: bool(event["detail-type"] == "OrdersSettled"))
    assert min(event["detail"]["sequence"] for event in updates.of(new)) == 1
