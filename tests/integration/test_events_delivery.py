"""Delivery of events: to the example consumers, to `make tail`, and again after a failure."""

import json
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from operations import redrive, republish
from operations.stage import Stage
from operations.updates import Event, Updates
from securities_transactions.domain.times import timestamp_text
from securities_transactions.examples.ledger import Leg, Positions
from securities_transactions.services.publish_updates import Published
from securities_transactions.storage.dynamodb import of_attributes
from tests.integration.conftest import check_now
from tests.integration.test_webhooks import filled, place, post, signed
from tests.polling import PATIENCE, eventually
from tests.processes import process
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product
from tools.local_stack.stack import NAME

ROOT = Path(__file__).parents[2]


def fails(name: str, error: Exception) -> None:
    """Every item can be read."""
    raise AssertionError(name) from error


def stage(product: Product) -> Stage:
    return Stage("local", product.aws.url, NAME)


def is_(detail_type: str) -> Callable[[Event], bool]:
    return lambda event: bool(event["detail-type"] == detail_type)


def buy(product: Product, gateway: GatewayDriver, user: str, quantities: dict[str, int], scenario: Any) -> str:
    """An order of `user` that has run its course: its transactionId."""
    securities = [{"ticker": each, "type": "BUY", "quantity": shares} for each, shares in quantities.items()]
    with product.api(user) as api:
        transaction_id = str(api.post("/transactions", json={"securities": securities}).json()["transactionId"])
    gateway.login(transaction_id, "kite")
    gateway.confirm(transaction_id, scenario=scenario)
    gateway.finish(transaction_id)
    return transaction_id


def test_the_example_consumers_book_and_send_what_was_settled(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    """The deployed functions behind their queues: positions equal the books, the rejected order is reported."""
    scenario = {"INFY": "COMPLETE", "M&M": "REJECTED:marginsExceeded"}
    transaction_id = buy(product, gateway, user, {"INFY": 3, "M&M": 2}, scenario)
    settled = updates.wait_for(transaction_id, is_("OrdersSettled"))
    traded = gateway.books(settled["detail"]["smallcaseAuthId"])["traded"]["INFY"]
    positions = Positions(product.aws.dynamodb, product.outputs["PositionsTable"])

    held = eventually(lambda: positions.of(user), bool)

    assert held == {"INFY": Leg(3, Decimal(str(traded["amount"])))}
    query: dict[str, Any] = {
        "TableName": product.outputs["MessagesTable"],
        "KeyConditionExpression": "notes = :notes",
        "ExpressionAttributeValues": {":notes": {"S": user}},
    }
    [message] = eventually(lambda: product.aws.dynamodb.query(**query)["Items"], bool)
    bought, rejected = of_attributes(message)["lines"]
    assert bought.startswith("Bought 3 INFY at ₹")
    assert rejected.startswith("Your order to buy 2 M&M was rejected. There are not enough funds")


def test_a_retraction_is_an_event(product: Product, gateway: GatewayDriver, updates: Updates, user: str) -> None:
    """A forged report of orders that the Gateway knows nothing of is taken back in public."""
    with product.api(user) as api:
        created = api.post("/transactions", json={"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 2}]})
    transaction_id = created.json()["transactionId"]
    _, other = place(product, gateway, user)
    gateway.login(transaction_id, "kite")
    made_up = {**other, "transactionId": transaction_id, "notes": user}
    answer = post(product, signed(made_up, **filled(other), batchId="65b00000000000000000feed"))
    assert answer.json() == {"status": "accepted"}, answer.text
    product.aws.dynamodb.update_item(
        TableName=product.outputs["TransactionsTable"],
        Key={"transactionId": {"S": transaction_id}},
        UpdateExpression="SET reportedAt = :past",
        ExpressionAttributeValues={":past": {"S": timestamp_text(datetime.now(UTC) - timedelta(hours=1))}},
    )

    check_now(product, transaction_id)

    retracted = updates.wait_for(transaction_id, is_("OrdersRetracted"))
    assert retracted["detail"]["status"] == "CREATED"


def test_tail_follows_one_user_and_leaves_nothing_behind(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    port = product.aws.url.rpartition(":")[2]
    command = [sys.executable, "-m", "operations.tail", "--port", port, "--notes", user]
    seen = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/runtime")])}
    with process(command, ROOT, seen) as tail:
        lines: list[str] = []
        assert tail.stdout is not None
        assert tail.stderr is not None
        out = tail.stdout
        assert "following" in tail.stderr.readline()
        reading = threading.Thread(target=lambda: lines.extend(iter(out.readline, "")), daemon=True)
        reading.start()
        transaction_id = buy(product, gateway, user, {"INFY": 1}, "complete")
        buy(product, gateway, f"{user}-other", {"TCS": 1}, "complete")
        updates.wait_for(transaction_id, is_("OrdersSettled"))
        eventually(lambda: "".join(lines), lambda text: "OrdersSettled" in text)
        tail.send_signal(signal.SIGINT)
        assert tail.wait(PATIENCE) == 0
        reading.join(PATIENCE)

    text = "".join(lines)
    assert f"{user} {transaction_id}  TransactionCreated #1 (CREATED)" in text
    assert "BUY  INFY" in text
    assert "TCS" not in text
    rules = product.aws.events.list_rules(
        EventBusName=product.outputs["EventBusName"], NamePrefix="securities-transactions-tail-"
    )
    assert rules["Rules"] == []
    assert product.aws.sqs.list_queues(QueueNamePrefix="securities-transactions-tail-").get("QueueUrls", []) == []


def test_republishing_emits_where_each_transaction_stands_under_the_ids_it_had(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    start = datetime.now(UTC)
    settled_id = buy(product, gateway, user, {"INFY": 1}, "complete")
    first = updates.wait_for(settled_id, is_("OrdersSettled"))
    with product.api(user) as api:
        created_id = api.post(
            "/transactions", json={"securities": [{"ticker": "TCS", "type": "BUY", "quantity": 1}]}
        ).json()["transactionId"]
    created = updates.wait_for(created_id, is_("TransactionCreated"))

    assert republish.republish(stage(product), start, fails).events >= 2

    for before in (first, created):
        again = updates.wait_for(
            before["detail"]["transactionId"],
            lambda event, before=before: bool(  # type: ignore[misc]  # mypy cannot infer a default's type
                event["id"] != before["id"] and event["detail"]["eventId"] == before["detail"]["eventId"]
            ),
        )
        assert again["detail-type"] == before["detail-type"]
        assert again["detail"].get("orders") == before["detail"].get("orders")


def test_republishing_leaves_out_what_did_not_change_since(product: Product) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)

    assert republish.republish(stage(product), later, fails) == Published()


def test_redriving_hands_on_what_waits_in_each_dead_letter_queue(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    """A record that could not be published, a pull that was given up, an update that was not delivered.

    And a record batch that Lambda discarded, in a bucket of another maker than the one of the unit tests.
    """
    transaction_id, _ = place(product, gateway, user)
    placed = updates.wait_for(transaction_id, is_("OrdersPlaced"))
    gateway.transaction_faults(transaction_id, webhooks={"loseNext": 99})
    gateway.finish(transaction_id)
    sample = json.loads((ROOT / "events" / "publish_updates.json").read_text())["Records"][0]
    waiting = {
        "PublishDeadLetterQueueUrl": [{"record": sample}],
        "BusDeadLetterQueueUrl": [placed],
        "UpdatesDeadLetterQueueUrl": [{**placed, "id": "undelivered"}],
        "PositionsDeadLetterQueueUrl": [placed],
        "NotifierDeadLetterQueueUrl": [placed],
        "PullDeadLetterQueueUrl": [{"transactionId": transaction_id}],
        "FinalReportsDeadLetterQueueUrl": [{"transactionId": transaction_id, "final": True}],
    }
    discarded = "aws/lambda/14e0db71/shardId-1/2026/01/16/2026-01-16T03.00.00-11111111-89ab-cdef-0123-456789abcdef"
    old = json.loads(json.dumps(sample).replace("TRX_0123456789abcdef0123456789abcdef", f"TRX_{uuid.uuid4().hex}"))
    content = json.dumps({"payload": {"Records": [old]}})
    stage(product).s3.put_object(Bucket=product.outputs["DiscardedRecordsBucket"], Key=discarded, Body=content)
    for name, bodies in waiting.items():
        for body in bodies:
            product.aws.sqs.send_message(QueueUrl=product.outputs[name], MessageBody=json.dumps(body, default=str))
    product.aws.dynamodb.update_item(
        TableName=product.outputs["TransactionsTable"],
        Key={"transactionId": {"S": transaction_id}},
        UpdateExpression="SET pulledAt = :past",
        ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00.000Z"}},
    )

    results = redrive.redrive(stage(product))

    assert {name: (result.handed_on, result.failed) for name, result in results.items()} == dict.fromkeys(
        ["DiscardedRecordsBucket", *waiting], (1, 0)
    )
    assert redrive.redrive(stage(product))["DiscardedRecordsBucket"] == redrive.Result()
    assert updates.wait_for(old["dynamodb"]["NewImage"]["transactionId"]["S"], is_("OrdersProgressed"))
    assert updates.wait_for(transaction_id, lambda event: bool(event["id"] == "undelivered"))
    assert updates.wait_for(transaction_id, is_("OrdersSettled"))
    sample_id = sample["dynamodb"]["NewImage"]["transactionId"]["S"]
    assert updates.wait_for(sample_id, is_("OrdersProgressed"))


def test_what_fails_again_stays_in_its_dead_letter_queue(product: Product) -> None:
    queue = product.outputs["PublishDeadLetterQueueUrl"]
    product.aws.sqs.send_message(QueueUrl=queue, MessageBody='{"record": {"dynamodb": {"NewImage": {}}}}')

    result = redrive.redrive(stage(product))["PublishDeadLetterQueueUrl"]

    assert (result.handed_on, result.failed) == (0, 1)
    left = product.aws.sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    assert left["ApproximateNumberOfMessagesNotVisible"] == "1"
    product.aws.sqs.purge_queue(QueueUrl=queue)
