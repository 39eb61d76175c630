"""Changes, their causes and the next step: for a transaction with a forged webhook, a rejected leg and one at ERROR."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from operations import cases, history
from operations.updates import Updates
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.webhook_verification import webhook_id
from tests.integration.conftest import check_now
from tests.integration.test_webhooks import is_, post, signed
from tests.polling import eventually
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product
from tools.local_stack.stack import NAME

Api = Callable[..., httpx.Client]
SUPPORT = "support-7"
SERVICE = "securities-transactions:service"
OUTCOMES = {"INFY": "ERROR:adapterError", "TCS": "REJECTED:marginsExceeded"}


def lose(product: Product, gateway: GatewayDriver, user: str) -> tuple[str, dict[str, Any]]:
    """A basket that a service creates for `user`, of which one leg is rejected and one lost: its id and the truth."""
    securities = [{"ticker": ticker, "type": "BUY", "quantity": 2} for ticker in OUTCOMES]
    with product.api("orders-service", SERVICE) as api:
        created = api.post("/transactions", json={"securities": securities, "notes": user})
    assert created.status_code == 201, created.text
    transaction_id = created.json()["transactionId"]
    gateway.login(transaction_id)
    gateway.confirm(transaction_id, paused=True, scenario=OUTCOMES)
    return transaction_id, gateway.finish(transaction_id)


def forge(product: Product, truth: dict[str, Any]) -> str:
    """A webhook with a genuine checksum, with made-up orders; its id."""
    orders = [
        {**order, "status": "COMPLETE", "filledQuantity": 2, "averagePrice": 1.5} for order in truth["batch"]["orders"]
    ]
    body = json.dumps(signed(truth, orders=orders, status="COMPLETED", filled=2)).encode()
    assert post(product, body).json() == {"status": "accepted"}
    return webhook_id(body)


def let_the_lag_pass(product: Product, transaction_id: str) -> None:
    """As if the report were an hour old: the Gateway's API must show by now what it is about."""
    product.aws.dynamodb.update_item(
        TableName=product.outputs["TransactionsTable"],
        Key={"transactionId": {"S": transaction_id}},
        UpdateExpression="SET reportedAt = :past, confirmedAt = :past",
        ExpressionAttributeValues={":past": {"S": timestamp_text(datetime.now(UTC) - timedelta(hours=1))}},
    )
    check_now(product, transaction_id)


def test_support_person_sees_what_happened_who_did_it_and_what_now(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str, capsys: Any
) -> None:
    transaction_id, truth = lose(product, gateway, user)
    check_now(product, transaction_id)
    updates.wait_for(transaction_id, is_("OrdersUnknown"))
    forged = forge(product, truth)
    updates.wait_for(transaction_id, lambda event: event["detail"].get("status") == "COMPLETED")
    let_the_lag_pass(product, transaction_id)
    path = f"/transactions/{transaction_id}/history"

    def corrected() -> Any:
        found = api(SUPPORT, SERVICE).get(path).json()
        return found if found["items"][-1].get("previousStatus") == "COMPLETED" else None

    found = eventually(corrected)
    assert found is not None
    versions = [each["version"] for each in found["items"] if each["change"] not in ("account", "gateway status")]
    assert versions == list(range(1, found["version"] + 1))
    created, last = found["items"][0], found["items"][-1]
    (reported,) = [each for each in found["items"] if each["cause"].get("webhookId") == forged[:32]]
    assert created["cause"]["subject"] == "orders-service"
    assert (reported["change"], reported["status"]) == ("reported", "COMPLETED")
    assert (last["change"], last["status"], last["cause"]["kind"]) == ("confirmed", "ERROR", "pull")
    assert found["needsPerson"]

    shown = "\n".join(history.lines(found))
    assert f"reported COMPLETED  by webhook (webhook {forged[:32]}" in shown
    assert "by api (subject orders-service" in shown
    assert "TCS" in shown
    assert "REJECTED" in shown
    assert shown.splitlines()[-1].startswith("next: A person has to find out")

    url = httpx.URL(product.outputs["ApiUrl"])
    assert cases.main(["--port", str(url.port), "--stack", NAME]) == 0
    listed = capsys.readouterr().out
    assert f"{transaction_id}: since " in listed
    assert "lost order" in listed
    assert "INFY: ERROR" in listed

    of_the_user = api(user).get(path)
    assert [each["version"] for each in of_the_user.json()["items"]] == [each["version"] for each in found["items"]]
    assert "cause" not in of_the_user.text
    lines = [json.loads(line) for line in product.aws.logged(0, forged[:32])]
    (line,) = [each for each in lines if each.get("webhook_id") == forged[:32]]
    assert line["request_id"] == reported["cause"]["requestId"]
    assert line["function"]


def test_command_needs_no_more_than_the_api(product: Product, gateway: GatewayDriver, user: str, capsys: Any) -> None:
    """With an access token of its own, or locally without."""
    transaction_id, _ = lose(product, gateway, user)
    url = httpx.URL(product.outputs["ApiUrl"])
    eventually(lambda: history.main([transaction_id, "--port", str(url.port), "--stack", NAME]) == 0, bool)
    printed = capsys.readouterr().out
    assert printed.startswith(transaction_id)
