"""An app finds its user's transactions on the running product: by state, security, time and its own reference."""

import uuid

from operations.updates import Updates
from tests.integration.test_three_ways import Api, confirm, create, is_
from tools.local_stack.driver import GatewayDriver

TCS_SOLD = {"ticker": "TCS", "type": "SELL", "quantity": 1}


def test_transactions_are_found_by_state_security_side_and_time(
    gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """The result of the engine's table for each filter, one page at a time."""
    app = api(user)
    settled, waiting, sold = create(app), create(app), create(app, TCS_SOLD)
    confirm(gateway, settled)
    gateway.finish(settled)
    updates.wait_for(settled, is_("OrdersSettled"))

    def found(**query: str) -> list[str]:
        answer = app.get("/orders", params=query)
        assert answer.status_code == 200, answer.text
        return [each["transactionId"] for each in answer.json()["items"]]

    assert found() == [sold, waiting, settled]
    assert found(sort="oldest") == [settled, waiting, sold]
    assert found(state="settled") == [settled]
    assert found(state="open") == [sold, waiting]
    assert found(tradingsymbol="TCS", side="SELL") == [sold]
    assert found(side="BUY") == [waiting, settled]
    created = app.get(f"/transactions/{waiting}").json()["createdAt"]
    assert found(**{"from": created}) == [sold, waiting]
    assert found(to=created) == [settled]

    first = app.get("/orders", params={"state": "open", "limit": 1, "sort": "oldest"}).json()
    second = app.get("/orders", params={"cursor": first["cursor"], "limit": 1}).json()
    assert [page["items"][0]["transactionId"] for page in (first, second)] == [waiting, sold]
    changed = app.get("/orders", params={"cursor": first["cursor"], "state": "settled"})
    assert (changed.status_code, changed.json()["errors"][0]["field"]) == (400, "state")


def test_reference_finds_its_transaction_and_cannot_name_another(updates: Updates, api: Api, user: str) -> None:
    app, reference = api(user), f"order-{uuid.uuid4().hex}/1"
    new = {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}], "reference": reference}
    created = app.post("/transactions", json=new)
    assert created.status_code == 201, created.text
    transaction_id = created.json()["transactionId"]
    assert updates.wait_for(transaction_id, is_("TransactionCreated"))["detail"]["reference"] == reference

    again = app.post("/transactions", json=new)
    assert (again.status_code, again.json()["transactionId"]) == (409, transaction_id)
    (found,) = app.get("/orders", params={"reference": reference}).json()["items"]
    assert (found["transactionId"], found["reference"]) == (transaction_id, reference)
    refused = app.post("/transactions", json=new | {"reference": reference + "2", "connect": "connected"})
    assert refused.status_code == 422
