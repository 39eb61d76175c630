"""The path that `make run` shows: an order through the API, trades, events, and the order read back."""

import io

import httpx
import pytest

from operations.timeline import Timeline
from operations.updates import Updates
from tools.local_stack import walkthrough
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product


def test_two_orders_of_a_user_go_all_the_way(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    """The first as a guest; it links the broker account, so the second is connected. Each fill is an event."""
    gateway.settings(fill_webhooks="always")
    told = io.StringIO()
    timeline = Timeline(told)
    single = walkthrough.place(product, updates, user, walkthrough.SINGLE, timeline, expect_token="guest")
    basket = walkthrough.place(product, updates, user, walkthrough.BASKET, timeline, expect_token="connected")
    assert single != basket
    assert [told.getvalue().count(f"{kind} #") for kind in ("TransactionCreated", "OrdersPlaced", "OrdersSettled")] == [
        2,
        2,
        2,
    ]
    assert "✗" not in told.getvalue()


@pytest.mark.parametrize("token", [None, "Bearer no.such.token"], ids=["none", "nonsense"])
def test_authorizer_rejects_requests_without_a_genuine_token(product: Product, token: str | None) -> None:
    headers = {"authorization": token} if token else {}
    for method, path in (("POST", "/transactions"), ("GET", "/orders"), ("GET", "/transactions/TRX_1")):
        answer = httpx.request(method, product.api_url + path, headers=headers, timeout=60, trust_env=False)
        assert answer.status_code == 401, path
