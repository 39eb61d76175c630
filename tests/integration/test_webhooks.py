"""Webhooks against the deployed template: rejected, reported, and settled ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from operations.updates import Event, Updates
from securities_transactions.domain.checksum import sign
from securities_transactions.domain.secrets import ApiSecret
from securities_transactions.domain.times import timestamp_text
from tests.integration.conftest import check_now, pulls, wait_for_pull
from tests.polling import eventually
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import API_SECRET, Product

Api = Callable[..., httpx.Client]


def place(product: Product, gateway: GatewayDriver, user: str) -> tuple[str, dict[str, Any]]:
    """A transaction of `user` whose order is placed and goes no further: its id and the simulator's truth."""
    with product.api(user) as api:
        created = api.post("/transactions", json={"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 2}]})
    assert created.status_code == 201, created.text
    transaction_id = created.json()["transactionId"]
    gateway.login(transaction_id)
    gateway.confirm(transaction_id, paused=True)
    return transaction_id, gateway.advance(transaction_id)


def signed(truth: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A webhook about a transaction as the Gateway would sign it now, with `changes` to the body."""
    timestamp = changes.pop("timestamp", timestamp_text(datetime.now(UTC)))
    who = {name: truth[name] for name in ("transactionId", "broker", "notes", "smallcaseAuthId")}
    auth_id = changes.get("smallcaseAuthId", truth["smallcaseAuthId"])
    mark = sign(ApiSecret(API_SECRET), timestamp, auth_id)
    return {**truth["batch"], **who, "timestamp": timestamp, "checksum": mark, **changes}


def filled(truth: dict[str, Any]) -> dict[str, Any]:
    """The batch of a truth with its only order complete."""
    order = {**truth["batch"]["orders"][0], "status": "COMPLETE", "filledQuantity": 2, "averagePrice": 1.5}
    return {"orders": [order], "status": "COMPLETED", "filled": 1}


def post(product: Product, body: dict[str, Any] | bytes) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with product.api(None) as api:
        return api.post("/webhooks/orders", content=content, headers={"content-type": "application/json"})


def is_(detail_type: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: bool(event["detail-type"] == detail_type)


def outcome_is_reported(event: dict[str, Any]) -> bool:
    """Return True if the event shows that all orders are filled, not yet confirmed."""
    return (event["detail"].get("status"), event["detail"].get("confirmation")) == ("COMPLETED", "reported")


def test_a_wrong_checksum_is_refused_and_changes_nothing(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    transaction_id, truth = place(product, gateway, user)
    updates.wait_for(transaction_id, is_("OrdersPlaced"))
    # The first look changes the transaction as well, a moment after the order is placed.
    before = eventually(
        lambda: api(user).get(f"/transactions/{transaction_id}").json(), lambda view: view.get("account") == "linked"
    )

    answer = post(product, signed(truth, **filled(truth), checksum="0" * 64))

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "checksum does not match"
    assert api(user).get(f"/transactions/{transaction_id}").json() == before


def test_characters_cannot_be_moved_across_the_boundary_of_the_signed_parts(
    product: Product, gateway: GatewayDriver, user: str
) -> None:
    """The HMAC of the joined parts still matches; the grammar of each part does not."""
    _, truth = place(product, gateway, user)
    genuine = signed(truth)

    moved = genuine | {
        "timestamp": genuine["timestamp"] + genuine["smallcaseAuthId"][:1],
        "smallcaseAuthId": genuine["smallcaseAuthId"][1:],
    }

    assert post(product, moved).status_code == 401


def test_a_forged_body_on_a_genuine_checksum_is_only_ever_reported(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """The Gateway is asked, and does not agree: shown as reported, never settled."""
    transaction_id, truth = place(product, gateway, user)
    updates.wait_for(transaction_id, is_("OrdersPlaced"))
    before = pulls(product, transaction_id)

    assert post(product, signed(truth, **filled(truth))).json() == {"status": "accepted"}

    wait_for_pull(product, transaction_id, before)
    shown = api(user).get(f"/transactions/{transaction_id}").json()
    assert (shown["status"], shown["confirmation"], shown["settled"]) == ("COMPLETED", "reported", False)
    updates.poll()
    assert not [event for event in updates.of(transaction_id) if is_("OrdersSettled")(event)]
    gateway.finish(transaction_id)
    check_now(product, transaction_id)
    settled = updates.wait_for(transaction_id, is_("OrdersSettled"))
    order = gateway.truth(transaction_id)["batch"]["orders"][0]
    assert settled["detail"]["orders"][0]["averagePrice"] == Decimal(str(order["averagePrice"]))


def test_a_stale_or_repeated_webhook_changes_nothing_and_publishes_nothing(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """A late retry of PLACED is stale; PLACED with a timestamp after settling is suspicious: stored, and pulled."""
    transaction_id, placed = place(product, gateway, user)
    before_settling = timestamp_text(datetime.now(UTC))
    gateway.finish(transaction_id)
    updates.wait_for(transaction_id, is_("OrdersSettled"))
    before = api(user).get(f"/transactions/{transaction_id}/orders").json()

    assert post(product, signed(placed, timestamp=before_settling)).json() == {"status": "stale"}
    assert post(product, signed(placed)).json() == {"status": "stored"}

    assert api(user).get(f"/transactions/{transaction_id}/orders").json() == before
    sequences = [event["detail"]["sequence"] for event in updates.of(transaction_id) if "sequence" in event["detail"]]
    assert max(sequences) == before["version"]


def test_a_settled_state_is_published_only_after_the_gateway_confirmed_it(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    """While the Gateway's details are down, the final state is an event that says reported; then it is settled."""
    transaction_id, _ = place(product, gateway, user)
    gateway.faults(details={"kind": "status", "status": 503})
    gateway.finish(transaction_id)

    progressed = updates.wait_for(transaction_id, lambda event: event["detail"].get("status") == "COMPLETED")

    assert progressed["detail-type"] == "OrdersProgressed"
    assert progressed["detail"]["confirmation"] == "reported"
    item = product.aws.dynamodb.get_item(
        TableName=product.outputs["TransactionsTable"], Key={"transactionId": {"S": transaction_id}}
    )["Item"]
    assert item["pullRequestedAt"] == item["reportedAt"], "the same write requested a pull"
    gateway.faults()
    # No more webhooks come: check_due finds the transaction due and requests a pull.
    check_now(product, transaction_id)
    settled = updates.wait_for(transaction_id, is_("OrdersSettled"))
    assert settled["detail"]["confirmation"] == "confirmed"


def test_stale_timestamp_is_stored_and_pulled_instead_of_applied(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """The vendor retries for days: an old genuine webhook is not refused, and what it says is not taken from it."""
    transaction_id, truth = place(product, gateway, user)
    updates.wait_for(transaction_id, is_("OrdersPlaced"))
    old = timestamp_text(datetime.now(UTC) - timedelta(hours=24))

    answer = post(product, signed(truth, **filled(truth), timestamp=old))

    assert answer.json() == {"status": "stored"}
    assert api(user).get(f"/transactions/{transaction_id}").json()["status"] == "PLACED"


def test_a_webhook_of_another_kind_is_published_as_what_it_is(product: Product, updates: Updates, user: str) -> None:
    auth_id = "65a1b2c3d4e5f60718293a4b"
    timestamp = timestamp_text(datetime.now(UTC))
    body = {
        "securities": {"holdings": [{"ticker": "INFY", "quantity": 3, "averagePrice": 1498.2}]},
        "notes": user,
        "smallcaseAuthId": auth_id,
        "timestamp": timestamp,
        "checksum": sign(ApiSecret(API_SECRET), timestamp, auth_id),
    }

    assert post(product, body).json() == {"status": "stored"}

    def arrived() -> list[Event]:
        updates.poll(1)
        return [event for event in updates.received if event["detail"].get("body", {}).get("notes") == user]

    found = eventually(arrived)[0]
    assert found["detail-type"] == "WebhookReceived"
    assert found["detail"]["kind"] == "HOLDINGS_IMPORT"
    assert "notes" not in found["detail"], "the checksum does not cover them, and the account is not this user's"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"checksum": 1}', b"[" * 100_000], ids=lambda body: repr(body[:12])
)
def test_a_body_that_is_no_webhook_is_refused_with_a_problem(product: Product, body: bytes) -> None:
    answer = post(product, body)

    assert answer.status_code == 401
    assert answer.json()["type"].endswith(":webhook-refused")
