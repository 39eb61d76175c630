"""Orders placed through the API as a user places them, printed and checked step by step."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import httpx

from operations.timeline import Timeline, lines_of, order_line
from operations.updates import Event, Updates
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product

Securities = list[dict[str, Any]]

_EVENT_SECONDS: Final = 120
_MOST_STEPS: Final = 100


class Unexpected(Exception):
    """A step did not end as expected. The message names the step and its result."""


@dataclass(frozen=True)
class Order:
    """The order of a user: `securities` in the API's form, and the name of a basket."""

    title: str
    securities: Securities
    name: str | None = None

    @property
    def request(self) -> dict[str, Any]:
        config = {"config": {"orderName": self.name}} if self.name else {}
        return {"securities": self.securities, **config}


SINGLE: Final = Order("A single stock", [{"ticker": "INFY", "type": "BUY", "quantity": 3}])
BASKET: Final = Order(
    "A basket of five, buys and sells mixed",
    [
        {"ticker": "RELIANCE", "type": "BUY", "quantity": 4},
        {"ticker": "M&M", "type": "BUY", "quantity": 2},
        {"ticker": "NIFTYBEES", "type": "SELL", "quantity": 10},
        {"ticker": "BAJAJ-AUTO", "type": "BUY", "quantity": 1},
        {"ticker": "TCS", "type": "SELL", "quantity": 3},
    ],
    "Spring clean",
)


def place(product: Product, updates: Updates, user: str, order: Order, tell: Timeline, expect_token: str) -> str:
    """Place `order` for `user`, let it fill, and check every step. Returns its transactionId.

    Raises `Unexpected` at the first step that failed.
    """
    tell.title(f"{order.title} · {user}")
    with GatewayDriver(product.gateway_url) as driver, product.api(user) as api:
        transaction_id = _create(api, order, tell, expect_token)
        _await(updates, transaction_id, tell, "TransactionCreated")
        login = driver.login(transaction_id, "kite")
        tell.tell("user", f"logs in to kite {_shown(login)}".rstrip())
        driver.confirm(transaction_id, paused=True)
        tell.tell("user", "confirms the order")
        driver.advance(transaction_id)
        _await(updates, transaction_id, tell, "OrdersPlaced")
        _post_sdk_response(api, driver, transaction_id, tell)
        settled = _fill(driver, updates, transaction_id, tell)
        _compare(api, driver, order, settled, tell)
    _no_gaps(updates.of(transaction_id), tell)
    return transaction_id


def place_in_a_test_account(product: Product, updates: Updates, user: str, tell: Timeline) -> str:
    """An order at one of the vendor's test accounts, where no real money moves: marked, and not linked to the user.

    Returns its transactionId. Raises `Unexpected` at the first step that failed.
    """
    tell.title(f"A test account of the vendor · {user}")
    with GatewayDriver(product.gateway_url) as driver, product.api(user) as api:
        transaction_id = _create(api, SINGLE, tell, "guest")
        driver.login(transaction_id, "kite-leprechaun")
        tell.tell("user", "logs in to kite-leprechaun and confirms the order")
        driver.confirm(transaction_id, paused=True)
        driver.finish(transaction_id)
        settled = _await(updates, transaction_id, tell, "OrdersSettled")
        _check(settled["detail"].get("test") is True, "the event says test: true", tell)
        shown = _exact(api.get(f"/transactions/{transaction_id}/orders"))
        _check(shown.get("test") is True and shown["settled"], "so does the API, of an order that is settled", tell)
        _check(_exact(api.get("/accounts"))["items"] == [], "the account is not linked to the user", tell)
    return transaction_id


def _create(api: httpx.Client, order: Order, tell: Timeline, expect_token: str) -> str:
    answer = api.post("/transactions", json=order.request)
    if answer.status_code != 201:
        raise Unexpected(f"POST /transactions answered {answer.status_code}: {answer.text}")
    created = answer.json()
    token = created["sdkToken"]
    tell.tell("created", f"{created['transactionId']}, to be used before {created['expireAt']}")
    tell.tell("SDK token", f"{token['kind']}, valid until {token['expiresAt']}")
    _check(token["kind"] == expect_token, f"the SDK token is a {expect_token} one", tell)
    return str(created["transactionId"])


def _post_sdk_response(api: httpx.Client, driver: GatewayDriver, transaction_id: str, tell: Timeline) -> None:
    """The SDK resolves once the order is placed, and the app posts its result."""
    resolved = driver.sdk_result(transaction_id)["value"]
    answer = api.post(f"/transactions/{transaction_id}/sdk-response", json={"resolved": resolved})
    if answer.status_code != 202:
        raise Unexpected(f"POST …/sdk-response answered {answer.status_code}: {answer.text}")
    tell.tell("app", f"posts the SDK's response: {answer.json()['status']}, account {answer.json().get('account')}")


def _await(updates: Updates, transaction_id: str, tell: Timeline, kind: str) -> Event:
    """Print every new event of the transaction until one of `kind` has arrived."""
    already = len(updates.of(transaction_id))
    for number, event in enumerate(updates.arriving(transaction_id, _EVENT_SECONDS)):
        if number >= already:
            tell.tell("event", *lines_of(event))
        if event["detail-type"] == kind:
            return event
    raise Unexpected(f"no {kind} of {transaction_id} arrived within {_EVENT_SECONDS} s")


def _fill(driver: GatewayDriver, updates: Updates, transaction_id: str, tell: Timeline) -> Event:
    """Do the steps of the order one by one, each printed when the consumer receives it, until it is settled."""
    for _ in range(_MOST_STEPS):
        heard = len(updates.of(transaction_id))
        if not driver.advance(transaction_id)["more"]:
            final_at = time.monotonic()
            settled = _await(updates, transaction_id, tell, "OrdersSettled")
            tell.tell("settled", f"{time.monotonic() - final_at:.1f} s after the Gateway was final")
            return settled
        for number, event in enumerate(updates.arriving(transaction_id, _EVENT_SECONDS)):
            if number >= heard:
                tell.tell("event", *lines_of(event))
                break
        else:
            raise Unexpected(f"a fill of {transaction_id} was not received within {_EVENT_SECONDS} s")
    raise Unexpected(f"{transaction_id} is not final after {_MOST_STEPS} steps")


def _compare(api: httpx.Client, driver: GatewayDriver, order: Order, settled: Event, tell: Timeline) -> None:
    """Read the orders back and compare them with the request, the events and the actual trades."""
    transaction_id = settled["detail"]["transactionId"]
    answer = api.get(f"/transactions/{transaction_id}/orders")
    if answer.status_code != 200:
        raise Unexpected(f"GET …/orders answered {answer.status_code}: {answer.text}")
    details = _exact(answer)
    tell.tell("read back", f"{details['status']}, {details.get('confirmation')}", *map(order_line, details["orders"]))
    asked = [(s["ticker"], s["type"], s["quantity"]) for s in order.securities]
    executed = [(o["tradingsymbol"], o["transactionType"], o["filledQuantity"]) for o in details["orders"]]
    _check(details["status"] == "COMPLETED" and details["settled"], "the order is settled: final and confirmed", tell)
    _check(sorted(executed) == sorted(asked), "all ordered shares were traded", tell)
    told = [_facts(o) for o in settled["detail"]["orders"]]
    _check(told == [_facts(o) for o in details["orders"]], "the event and the API agree", tell)
    newest = _exact(api.get("/orders", params={"limit": 1}))["items"]
    _check([o["transactionId"] for o in newest] == [transaction_id], "it is the user's newest order", tell)


def _no_gaps(events: Sequence[Event], tell: Timeline) -> None:
    steps = {e["detail"]["sequence"]: e["detail"]["previousSequence"] for e in events if "sequence" in e["detail"]}
    numbers = sorted(steps)
    unbroken = numbers == list(range(1, len(numbers) + 1))
    linked = all(steps[number] == number - 1 for number in numbers)
    _check(unbroken and linked, f"{len(numbers)} changes, no gap in the events", tell)


def _facts(order: dict[str, Any]) -> tuple[Any, ...]:
    names = ("tradingsymbol", "transactionType", "status", "filledQuantity", "averagePrice")
    return tuple(order.get(name) for name in names)


def _exact(answer: httpx.Response) -> Any:
    return answer.json(parse_float=Decimal)


def _shown(login: Any) -> str:
    auth_id = login.get("smallcaseAuthId") if isinstance(login, dict) else None
    return f"(smallcaseAuthId {auth_id})" if auth_id else ""


def _check(good: bool, text: str, tell: Timeline) -> None:
    tell.check(good, text)
    if not good:
        raise Unexpected(f"failed: {text}")
