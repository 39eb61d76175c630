"""A result comes back by the SDK's response, by webhook or by pull: each ends in the same state and the same events."""

from collections.abc import Callable
from typing import Any

import httpx

from operations.updates import Event, Updates
from securities_transactions.domain.secrets import GatewaySecret
from securities_transactions.domain.times import parse_time
from securities_transactions.gateway import tokens
from tests.integration.conftest import check_now
from tests.polling import eventually
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import GATEWAY_SECRET, Product

Api = Callable[..., httpx.Client]

INFY = {"ticker": "INFY", "type": "BUY", "quantity": 5}
TCS = {"ticker": "TCS", "type": "SELL", "quantity": 2}
# What differs between two transactions that went alike.
OF_ONE = frozenset(
    {
        *("transactionId", "notes", "smallcaseAuthId", "batchId", "exchangeOrderId", "eventId"),
        *("createdAt", "updatedAt", "completedDate", "occurredAt", "orderTimestamp"),
        *("version", "sequence", "previousSequence", "changes"),
    }
)


def create(app: httpx.Client, *securities: dict[str, Any], **more: Any) -> str:
    answer = app.post("/transactions", json={"securities": list(securities) or [INFY], **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["transactionId"])


def confirm(gateway: GatewayDriver, transaction_id: str, **how: Any) -> None:
    """The user logs in to kite and confirms; what follows waits for `advance` and `finish`."""
    gateway.login(transaction_id)
    gateway.confirm(transaction_id, paused=True, **how)


def respond(app: httpx.Client, transaction_id: str, **said: Any) -> httpx.Response:
    return app.post(f"/transactions/{transaction_id}/sdk-response", json=said)


def orders(app: httpx.Client, transaction_id: str) -> dict[str, Any]:
    return dict(app.get(f"/transactions/{transaction_id}/orders").json())


def is_(kind: str) -> Callable[[Event], bool]:
    return lambda event: bool(event["detail-type"] == kind)


def alike(document: Any) -> Any:
    """`document` without what is one transaction's own."""
    if isinstance(document, dict):
        return {name: alike(value) for name, value in document.items() if name not in OF_ONE}
    return [alike(each) for each in document] if isinstance(document, list) else document


def as_the_gateway_has_it(gateway: GatewayDriver, shown: dict[str, Any]) -> None:
    """Every field of the batch and of each order is what the Gateway's own books say; what is null there is absent.

    The broker's own text is for the service scope alone.
    """
    batch = gateway.truth(shown["transactionId"])["batch"]
    for name in ("batchId", "variety", "quantity", "filled", "buyAmount", "sellAmount", "completedDate"):
        assert shown.get(name) == batch[name], name
    assert shown["batchStatus"] == batch["status"]
    for name in ("orders", "unplaced"):
        seen = [{field: value for field, value in each.items() if field != "userMessage"} for each in shown[name]]
        assert seen == [
            {k: v for k, v in each.items() if v is not None and k != "statusMessage"} for each in batch[name]
        ]


def once_each(updates: Updates, transaction_id: str) -> list[dict[str, Any]]:
    """The details of a transaction's events, with their kind, each once and in their order."""
    found = {e["detail"]["eventId"]: e["detail"] | {"kind": e["detail-type"]} for e in updates.of(transaction_id)}
    return sorted(found.values(), key=lambda detail: int(detail["sequence"]))


def test_the_three_ways_end_in_the_same_state_and_the_same_events(
    gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """Each way alone, the other two shut: the account linked once, the order settled once, equal to the last paisa."""
    ways = ("sdk", "webhook", "pull")
    apps = {way: api(f"{user}-{way}") for way in ways}
    made = {way: create(apps[way], INFY, TCS) for way in ways}
    fixed = {"INFY": {"status": "COMPLETE", "averagePrice": 1498.35}, "TCS": {"status": "REJECTED"}}
    for way, transaction_id in made.items():
        if way != "webhook":
            gateway.transaction_faults(transaction_id, webhooks={"lost": 1})
        confirm(gateway, transaction_id, scenario=fixed)
        gateway.finish(transaction_id)

    answer = respond(apps["sdk"], made["sdk"], resolved=gateway.sdk_result(made["sdk"])["value"])
    assert answer.status_code == 202, answer.text
    assert answer.json()["account"] == "linked"
    pulled = apps["pull"].get(f"/transactions/{made['pull']}", params={"refresh": "true"}).json()
    assert (pulled["account"], pulled["settled"], pulled["confirmation"]) == ("linked", True, "confirmed")

    settled = {way: updates.wait_for(made[way], is_("OrdersSettled"))["detail"] for way in ways}
    for way in ways:
        updates.wait_for(made[way], is_("BrokerAccountLinked"))
    shown = {way: orders(apps[way], made[way]) for way in ways}
    states = {way: alike(shown[way]) for way in ways}
    accounts = {way: [each["broker"] for each in apps[way].get("/accounts").json()["items"]] for way in ways}
    assert states["sdk"] == states["webhook"] == states["pull"]
    assert alike(settled["sdk"]) == alike(settled["webhook"]) == alike(settled["pull"])
    assert accounts == {way: ["kite"] for way in ways}
    assert (states["pull"]["status"], states["pull"]["settled"]) == ("PARTIALLYFILLED", True)
    for way in ways:
        as_the_gateway_has_it(gateway, shown[way])
        told = once_each(updates, made[way])
        kinds = [detail["kind"] for detail in told]
        once = [kinds.count(kind) for kind in ("TransactionCreated", "BrokerAccountLinked", "OrdersSettled")]
        assert once == [1, 1, 1], way
        between = [detail for detail in told if detail["kind"] in ("OrdersPlaced", "OrdersProgressed")]
        assert {detail["confirmation"] for detail in between} <= {"reported"}, way
        sequences = sorted({detail["sequence"] for detail in told})
        assert sequences == list(range(1, len(sequences) + 1)), way


def pulled_by_the_system(app: httpx.Client, transaction_id: str) -> dict[str, Any]:
    """The transaction after a pull: only a pull shows the Gateway's own status."""

    def shown() -> dict[str, Any]:
        return dict(app.get(f"/transactions/{transaction_id}").json())

    return eventually(shown, lambda transaction: "gatewayStatus" in transaction)


def test_a_rejected_sdk_response_never_fails_a_transaction_by_itself(
    product: Product, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """After any rejection of the SDK the Gateway is pulled.

    Only the Gateway's state, cancelled or executed, ends it.
    """
    app = api(user)
    untouched, pending, left = create(app), create(app), create(app)

    # The Gateway knows of no error: the app may say what it likes.
    for code, message in ((1012, "user_cancelled"), (2000, "internal_error"), (4003, "timed_out"), (7, "brand_new")):
        answer = respond(app, untouched, rejected={"message": message, "errorCode": code})
        assert answer.status_code == 202, answer.text
        shown = answer.json()
        assert (shown["status"], shown["sdkError"]) == ("CREATED", {"code": code, "message": message})
    assert pulled_by_the_system(app, untouched)["status"] == "CREATED"

    # order_pending: the SDK gave up looking, and the order is placed after all.
    confirm(gateway, pending, scenario="complete")
    gave_up = gateway.sdk_result(pending)
    assert (gave_up["outcome"], gave_up["value"]["errorCode"]) == ("reject", 4006)
    assert respond(app, pending, rejected=gave_up["value"]).json()["status"] == "CREATED"
    assert pulled_by_the_system(app, pending)["status"] == "CREATED"
    gateway.finish(pending)
    updates.wait_for(pending, lambda event: event["detail"].get("status") == "COMPLETED")
    check_now(product, pending)

    # The user really left, and the Gateway says so.
    gateway.login(left)
    gateway.close(left)
    assert respond(app, left, rejected=gateway.sdk_result(left)["value"]).status_code == 202
    failed = updates.wait_for(left, is_("TransactionFailed"))["detail"]
    assert (failed["reason"], failed["errorCode"]) == ("errored", 1012)

    updates.wait_for(pending, is_("OrdersSettled"))
    assert not [event for each in (untouched, pending) for event in updates.of(each) if is_("TransactionFailed")(event)]


def test_a_forged_sdk_token_is_refused_and_links_nothing(
    gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """The token is verified, not just decoded, and counts for this user's transaction only."""
    app = api(user)
    transaction_id = create(app)
    now = parse_time("2026-01-15T04:30:12.345Z")
    assert now is not None
    auth_id = "65a1b2c3d4e5f60718293a4b"
    before = app.get(f"/transactions/{transaction_id}").json()
    gateway.login(transaction_id)
    genuine = gateway.sdk_result(transaction_id)["value"]["data"]["smallcaseAuthToken"]
    head, claims, mark = genuine.split(".")
    theirs = tokens.mint_connected(GatewaySecret("not the secret that the Gateway signs with"), auth_id, now)
    forged = {
        "another key": theirs,
        "another's claims": ".".join((head, theirs.split(".")[1], mark)),
        "no signature": f"{head}.{claims}.",
        "expired": tokens.mint_connected(GatewaySecret(GATEWAY_SECRET), auth_id, now),
        "a guest's": tokens.mint_guest(GatewaySecret(GATEWAY_SECRET), now, tokens.LIFETIME * 24 * 3650),
        "no token": "x",
    }

    for how, token in forged.items():
        answer = respond(app, transaction_id, resolved={"smallcaseAuthToken": token, "broker": "kite"})
        assert answer.status_code == 422, how
        assert answer.json()["errors"][0]["field"] == "resolved.smallcaseAuthToken", how
    bound = {"transactionId": "TRX_another", "smallcaseAuthToken": genuine}
    assert respond(app, transaction_id, resolved=bound).status_code == 422
    assert respond(api(f"{user}-other"), transaction_id, resolved={"smallcaseAuthToken": genuine}).status_code == 404

    assert app.get("/accounts").json() == {"items": []}
    assert app.get(f"/transactions/{transaction_id}").json() == before
    assert not [event for event in updates.of(transaction_id) if is_("BrokerAccountLinked")(event)]
