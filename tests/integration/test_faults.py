"""Faults on the real path: a Gateway that fails, lags or lies, and late, repeated and reordered webhooks."""

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from operations.updates import Updates
from tests.integration.conftest import check_now, check_until_settled, pulls, wait_for_pull
from tests.integration.test_webhooks import outcome_is_reported, place, signed
from tests.polling import PATIENCE
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product

Api = Callable[..., httpx.Client]
# `make soak` asks for a minute; the suite for enough to see every kind of repeat.
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "6"))
PER_SECOND = 20


def settled_as_the_gateway_says(
    product: Product, gateway: GatewayDriver, updates: Updates, transaction_id: str
) -> None:
    """Wait until the transaction is settled, and compare every order with the Gateway's own books."""
    updates.wait_for(transaction_id, lambda event: bool(event["detail-type"] == "OrdersSettled"))
    truth = gateway.truth(transaction_id)["batch"]
    with product.api("operator", scope="securities-transactions:service") as api:
        shown = api.get(f"/transactions/{transaction_id}/orders").json()
    facts = ("tradingsymbol", "status", "filledQuantity", "averagePrice")
    assert [[order[name] for name in facts] for order in shown["orders"]] == [
        [order[name] for name in facts] for order in truth["orders"]
    ]
    assert shown["confirmation"] == "confirmed"


def in_order_without_gaps(updates: Updates, transaction_id: str) -> None:
    """Deduplicated by event id, the sequences of a transaction are 1, 2, 3 …; nothing is settled twice."""
    by_id = {event["detail"]["eventId"]: event for event in updates.of(transaction_id)}
    sequences = sorted({event["detail"]["sequence"] for event in by_id.values()})
    assert sequences == list(range(1, len(sequences) + 1))
    assert sum(event["detail-type"] == "OrdersSettled" for event in by_id.values()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "times": 2},
        {"kind": "status", "status": 429, "retry_after": 1, "times": 1},
        {"kind": "lost", "times": 1},
        {"kind": "garbage", "times": 1},
        {"kind": "success_false", "times": 1},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
def test_what_a_failing_gateway_could_not_confirm_is_confirmed_later(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str, fault: dict[str, Any]
) -> None:
    transaction_id, _ = place(product, gateway, user)
    gateway.faults(details=fault)
    gateway.finish(transaction_id)
    updates.wait_for(transaction_id, outcome_is_reported)

    check_until_settled(product, updates, transaction_id)

    settled_as_the_gateway_says(product, gateway, updates, transaction_id)
    in_order_without_gaps(updates, transaction_id)


def test_details_that_lag_behind_the_webhook_do_not_take_the_report_back(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """The pull still shows PLACED: for a while the report stands, and nothing is shown twice in different order."""
    transaction_id, _ = place(product, gateway, user)
    gateway.faults(details_lag_seconds=3600)
    before = pulls(product, transaction_id)
    gateway.finish(transaction_id)
    updates.wait_for(transaction_id, outcome_is_reported)
    wait_for_pull(product, transaction_id, before)
    before = pulls(product, transaction_id)
    check_now(product, transaction_id)
    wait_for_pull(product, transaction_id, before)

    shown = api(user).get(f"/transactions/{transaction_id}").json()

    assert (shown["status"], shown["confirmation"]) == ("COMPLETED", "reported")
    gateway.faults()
    check_now(product, transaction_id)
    settled_as_the_gateway_says(product, gateway, updates, transaction_id)


def test_a_lost_final_webhook_is_found_by_check_due(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    transaction_id, _ = place(product, gateway, user)
    gateway.faults(webhooks={"lost": 1})
    gateway.finish(transaction_id)

    check_now(product, transaction_id)

    settled_as_the_gateway_says(product, gateway, updates, transaction_id)
    in_order_without_gaps(updates, transaction_id)


def test_twenty_late_repeated_and_reordered_webhooks_a_second_change_nothing_of_the_outcome(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    """Every state of each transaction is said again and again, as it was and newly stamped, while the orders go on."""
    chance = random.Random(20)
    placed = [place(product, gateway, f"{user}-{n}") for n in range(4)]
    said = {transaction_id: [signed(truth)] for transaction_id, truth in placed}
    answers: list[int] = []

    def say(body: dict[str, Any]) -> None:
        answers.append(http.post("/webhooks/orders", json=body).status_code)

    def trade() -> None:
        for transaction_id, _ in placed:
            time.sleep(SOAK_SECONDS / 8)  # the pace of trading, not a wait for anything
            said[transaction_id].append(signed(gateway.finish(transaction_id)))

    http = product.api(None)
    trading = threading.Thread(target=trade, daemon=True)
    with http, ThreadPoolExecutor(8) as pool:
        trading.start()
        end = time.monotonic() + SOAK_SECONDS
        while time.monotonic() < end:
            transaction_id, _ = chance.choice(placed)
            body = chance.choice(said[transaction_id])
            if chance.random() < 0.5:
                truth = {**gateway.truth(transaction_id), "batch": body}
                body = signed(truth)
            pool.submit(say, body)
            time.sleep(1 / PER_SECOND)  # the pace of the webhooks
        trading.join(PATIENCE)
        assert not trading.is_alive()

    assert set(answers) == {200}
    for transaction_id, _ in placed:
        check_now(product, transaction_id)
        settled_as_the_gateway_says(product, gateway, updates, transaction_id)
        in_order_without_gaps(updates, transaction_id)
