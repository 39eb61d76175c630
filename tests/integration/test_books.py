"""The books of a day on the running product: a correction whose webhook was lost is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from operations import books
from operations.stage import LOCAL, Stage
from operations.updates import Event, Updates
from securities_transactions.domain.books import IST, Closing, Phase, Run
from tests.integration.test_three_ways import Api, confirm, create, is_, orders
from tests.polling import eventually
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product
from tools.local_stack.stack import NAME


def begin(stage: Stage, since: datetime) -> Run:
    """A closing of what was over since `since`, as the evening begins one."""
    table, now = books.books_of(stage), datetime.now(UTC)
    newest = table.newest()
    closing = Closing(now.astimezone(IST).date(), since, now)
    run = Run(closing=closing, number=1, step=1, started_at=now, scheduled_until=now)
    if newest is not None:
        run = replace(run, number=newest.number + 1, step=newest.step + 1)
    assert table.save(run)
    return run


def invoke(product: Product, function: str) -> None:
    """The schedule of a function runs."""
    functions = product.aws.functions.list_functions()["Functions"]
    (name,) = [each["FunctionName"] for each in functions if each["FunctionName"].startswith(f"{NAME}-{function}-")]
    product.aws.functions.invoke(FunctionName=name, Payload=b"{}")


def stored(product: Product, transaction_id: str) -> dict[str, Any]:
    """The item of a transaction."""
    return dict(
        product.aws.dynamodb.get_item(
            TableName=product.outputs["TransactionsTable"],
            Key={"transactionId": {"S": transaction_id}},
            ConsistentRead=True,
        )["Item"]
    )


def reported(updates: Updates) -> Event | None:
    """The newest report that a consumer has received."""
    updates.poll()
    return next((event for event in reversed(updates.received) if is_("BooksClosed")(event)), None)


def test_evening_finds_a_correction_whose_webhook_was_lost(
    product: Product,
    gateway: GatewayDriver,
    updates: Updates,
    api: Api,
    user: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    since = datetime.now(UTC)
    app = api(user)
    transaction_id = create(app)
    confirm(gateway, transaction_id)
    gateway.finish(transaction_id)
    booked = updates.wait_for(transaction_id, is_("OrdersSettled"))
    assert booked["detail"]["orders"][0]["filledQuantity"] == 5

    gateway.transaction_faults(transaction_id, webhooks={"loseNext": 1})
    gateway.ask("POST", f"/transactions/{transaction_id}/correct", {"filled": {"INFY": 3}})
    assert orders(app, transaction_id)["orders"][0]["filledQuantity"] == 5

    stage = Stage(LOCAL, product.aws.url, NAME)
    day = begin(stage, since).closing.day
    invoke(product, "CloseBooks")
    assert "nextCheckAt" in stored(product, transaction_id)
    # As if the ten minutes were over in which the Gateway's API may still show the former state.
    then = (datetime.now(UTC) - timedelta(minutes=11)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    product.aws.dynamodb.update_item(
        TableName=product.outputs["TransactionsTable"],
        Key={"transactionId": {"S": transaction_id}},
        UpdateExpression="SET confirmedAt = :then, reportedAt = :then, pulledAt = :then, nextCheckAt = :then"
        " REMOVE suspectedAt",
        ExpressionAttributeValues={":then": {"S": then}},
    )
    invoke(product, "CheckDue")
    eventually(lambda: "nextCheckAt" not in stored(product, transaction_id))

    def closed() -> bool:
        invoke(product, "CloseBooks")
        run = books.books_of(stage).of_day(day)
        return run is not None and run.phase is Phase.CLOSED

    eventually(closed)
    corrected = updates.wait_for(
        transaction_id,
        lambda event: is_("OrdersSettled")(event) and event["detail"]["sequence"] > booked["detail"]["sequence"],
    )
    assert corrected["detail"]["orders"][0]["filledQuantity"] == 3
    assert corrected["detail"]["buyAmount"] == Decimal(str(gateway.truth(transaction_id)["batch"]["buyAmount"]))
    event = eventually(lambda: reported(updates))
    assert event is not None
    report = event["detail"]
    assert (report["corrected"], report["correctedTransactions"], report["drift"]) == (1, [transaction_id], 0)

    port = product.aws.url.rpartition(":")[2]
    assert books.main(["--port", port, day.isoformat()]) == 0
    assert f'"eventId": "{report["eventId"]}"' in capsys.readouterr().out
