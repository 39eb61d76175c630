"""The outcomes of an order, in the API and in the events, and how an app creates and reads orders."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx

from operations.updates import Updates
from tests.integration.conftest import check_now
from tests.integration.test_three_ways import Api, confirm, create, is_, orders
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product


def in_(status: str, confirmation: str) -> Callable[[dict[str, Any]], bool]:
    """Return a condition: the event has the batch status `status` with this confirmation."""
    return lambda event: (event["detail"].get("status"), event["detail"].get("confirmation")) == (status, confirmation)


def only_order(app: httpx.Client, transaction_id: str) -> dict[str, Any]:
    (order,) = orders(app, transaction_id)["orders"]
    return dict(order)


def test_amo_and_limit_orders_stay_open_until_the_user_cancels_them(
    gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """Open orders are placed and not settled; the statuses of their cancellation differ and are both final."""
    app = api(user)
    limit = {"ticker": "INFY", "type": "BUY", "quantity": 2, "orderType": "LIMIT", "price": 900.05}
    amo, limited = create(app), create(app, limit)
    confirm(gateway, amo, scenario="amo")
    confirm(gateway, limited, scenario="open")
    for transaction_id in (amo, limited):
        gateway.advance(transaction_id)
        updates.wait_for(transaction_id, is_("OrdersPlaced"))
        shown = orders(app, transaction_id)
        assert (shown["status"], shown["settled"]) == ("PLACED", False)
    assert orders(app, amo)["variety"] == "amo"
    open_ = only_order(app, limited)
    assert (open_["orderType"], open_["price"], open_["status"]) == ("LIMIT", 900.05, "PLACED")

    for transaction_id, status in ((amo, "CANCELLED_AMO"), (limited, "CANCELLED")):
        gateway.ask("POST", f"/transactions/{transaction_id}/cancel", {})
        updates.wait_for(transaction_id, is_("OrdersSettled"))
        assert only_order(app, transaction_id)["status"] == status
    assert orders(app, amo)["status"] == "CANCELLED"
    assert orders(app, limited)["batchStatus"] == "CANCELLED"


def test_unplaced_is_certain_and_error_in_orders_is_unknown(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """Unplaced is settled at once; unknown is said aloud, waits for a person, and settles when reconciled."""
    app = api(user)
    unplaced, unknown = create(app), create(app)
    confirm(gateway, unplaced, scenario="unplaced")
    confirm(gateway, unknown, scenario="unknown")
    gateway.finish(unplaced)
    gateway.finish(unknown)

    updates.wait_for(unplaced, is_("OrdersSettled"))
    shown = orders(app, unplaced)
    assert (shown["status"], shown["orders"]) == ("UNPLACED", [])
    (order,) = shown["unplaced"]
    assert (order["status"], order["errorCode"]) == ("ERROR", "marginsExceeded")
    assert order["userMessage"].startswith("This order was not placed. ")
    assert "statusMessage" not in order

    told = updates.wait_for(unknown, is_("OrdersUnknown"))["detail"]
    assert (told["status"], told["counts"]["unknown"], told["counts"]["unplaced"]) == ("ERROR", 1, 0)
    assert app.get(f"/transactions/{unknown}").json()["needsPerson"] is True
    gateway.ask("POST", f"/transactions/{unknown}/reconcile", {"outcomes": {"INFY": "COMPLETE"}})
    updates.wait_for(unknown, in_("COMPLETED", "reported"))
    check_now(product, unknown)
    updates.wait_for(unknown, is_("OrdersSettled"))
    assert app.get(f"/transactions/{unknown}").json()["needsPerson"] is False


def test_requested_and_executed_orders_are_both_shown(
    gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """A named basket with a logo, whose user changes quantities on the confirmation screen."""
    app = api(user)
    config = {"orderName": "Rainy day", "orderLogo": "https://cdn.example.com/rain.png"}
    asked = [
        {"ticker": "M&M", "type": "BUY", "quantity": 5},
        {"ticker": "BAJAJ-AUTO", "type": "SELL", "quantity": 3},
    ]
    transaction_id = create(app, *asked, config=config)
    changed = [asked[0] | {"quantity": 2}, asked[1]]
    confirm(gateway, transaction_id, securities=changed, scenario="complete")
    gateway.finish(transaction_id)
    updates.wait_for(transaction_id, is_("OrdersSettled"))

    for shown in (orders(app, transaction_id), app.get(f"/transactions/{transaction_id}").json()):
        assert shown["requested"]["orderConfig"]["securities"] == asked
        assert shown["requested"]["config"] == config
    executed = {o["tradingsymbol"]: o["filledQuantity"] for o in orders(app, transaction_id)["orders"]}
    assert executed == {"M&M": 2, "BAJAJ-AUTO": 3}


def test_an_idempotency_key_makes_one_transaction(api: Api, user: str) -> None:
    """The same key and body give the same transaction; another body is refused; another user's key is another's."""
    key = {"idempotency-key": uuid.uuid4().hex}

    def post(app: httpx.Client, quantity: int) -> httpx.Response:
        return app.post("/transactions", json={"securities": [_infy(quantity)]}, headers=key)

    app = api(user)
    first, again, other = post(app, 1), post(app, 1), post(app, 2)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["transactionId"] == again.json()["transactionId"]
    assert first.headers["location"] == f"/transactions/{first.json()['transactionId']}"
    assert other.status_code == 422
    assert other.json()["type"].endswith(":idempotency-key-reused")
    assert post(api(f"{user}-other"), 1).json()["transactionId"] != first.json()["transactionId"]
    assert len(app.get("/orders").json()["items"]) == 1
    assert create(app, _infy(1)) != first.json()["transactionId"]


def _infy(quantity: int) -> dict[str, Any]:
    return {"ticker": "INFY", "type": "BUY", "quantity": quantity}


def test_reads_are_cheap_while_nothing_changes(gateway: GatewayDriver, updates: Updates, api: Api, user: str) -> None:
    """A read has an ETag; asked again with it, it is 304 without a body, until something changes."""
    app = api(user)
    transaction_id = create(app)
    paths = (f"/transactions/{transaction_id}", f"/transactions/{transaction_id}/orders", "/orders")
    etags = {path: app.get(path).headers["etag"] for path in paths}

    for path, etag in etags.items():
        same = app.get(path, headers={"if-none-match": etag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    confirm(gateway, transaction_id)
    gateway.advance(transaction_id)
    updates.wait_for(transaction_id, is_("OrdersPlaced"))

    for path, etag in etags.items():
        changed = app.get(path, headers={"if-none-match": etag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != etag


def test_a_users_orders_are_read_page_by_page(api: Api, user: str) -> None:
    """Newest first, each once, nothing missing. A cursor is valid for one user only."""
    app = api(user)
    made = [create(app) for _ in range(3)]

    first = app.get("/orders", params={"limit": 2}).json()
    second = app.get("/orders", params={"limit": 2, "cursor": first["cursor"]}).json()

    assert [each["transactionId"] for each in first["items"] + second["items"]] == made[::-1]
    assert "cursor" not in second
    others = api(f"{user}-other").get("/orders", params={"cursor": first["cursor"]})
    assert others.status_code == 400
    assert others.json()["errors"][0]["field"] == "cursor"
    assert app.get("/orders", params={"limit": 0}).status_code == 400
