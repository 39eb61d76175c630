"""The console as a developer uses it: orders through the Gateway's SDK, and the backend's results."""

import json
import re
from collections.abc import Callable

import httpx
import pytest

from tests.browser.console_page import Desk
from tests.polling import eventually
from tools.console.feed import RECENT
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product

Sit = Callable[..., Desk]


@pytest.mark.parametrize(("width", "height", "theme"), [(1440, 900, "light"), (390, 844, "dark")])
def test_a_first_order_is_a_guests_and_the_second_is_connected(desk: Sit, width: int, height: int, theme: str) -> None:
    """The first order links the broker account; the second skips the choice of a broker."""
    here = desk(width, height, theme)
    here.shoot(f"{theme}-1-empty")
    here.security(1, "INFY", 3)
    here.order()
    here.said("guest SDK token")
    here.log_in("Zerodha")
    here.shoot(f"{theme}-2-sdk")
    here.confirm()
    here.said("The SDK resolved")
    here.state("settled")
    here.step("OrdersSettled")
    account = here.page.locator("#accounts code")
    account.wait_for()
    here.holds(r"INFY.*3.*\d\.\d\d")
    here.shoot(f"{theme}-3-settled")
    here.security(1, "TCS", 1)
    here.order()
    here.said("connected SDK token")
    here.log_in(broker=None)
    here.confirm()
    here.state("settled")
    here.holds(r"TCS.*1.*\d\.\d\d")
    assert account.count() == 1
    assert here.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_basket_whose_quantity_the_user_changes_shows_what_was_executed(desk: Sit) -> None:
    """The confirmed quantities count, not the requested ones, and every fill is drawn."""
    here = desk()
    here.security(1, "INFY", 30)
    here.security(2, "M&M", 20)
    here.security(3, "TCS", 10, "SELL")
    here.page.get_by_label("Basket name").fill("Spring clean")
    here.page.get_by_label("Logo URL").fill("https://cdn.example.com/basket.png")
    here.order()
    here.log_in()
    here.sdk.get_by_role("spinbutton", name="Quantity").first.fill("70")
    here.confirm()
    here.state("settled")
    here.orders("INFY.*70/70")
    here.page.get_by_role("img", name="INFY 100%, M&M 100%, TCS 100%").wait_for()
    here.page.locator("#board").get_by_role("button", name="Spring clean").first.wait_for()
    here.holds("TCS.*-10")
    here.shoot("light-4-basket")


def test_each_payload_is_one_click_away_and_each_version_shows_changes(desk: Sit, gateway: GatewayDriver) -> None:
    """The create call with its basket, the webhook with its checksum, the event with its id."""
    gateway.settings(fillSeconds=3600)
    here = desk()
    here.security(1, "INFY", 30)
    here.order()
    here.log_in()
    here.press("Confirm order")
    here.step("OrdersPlaced.*version 2.*PLACED.*BUY INFY · PLACED · filled 0 of 30")
    gateway.finish(here.page.locator("#now code").inner_text())
    here.sdk.get_by_text("Your order is complete.").wait_for()
    here.press("Done")
    here.step(r"version \d.*INFY · PLACED → COMPLETE · filled .* → 30 of 30")
    for step, payload, holds in (
        ("POST /transactions.*201", "request", '"ticker": "INFY"'),
        ("Transaction created", "request", '"intent": "TRANSACTION"'),
        ("webhook.*COMPLETED.*checksum genuine", "body", '"checksum"'),
        ("OrdersSettled", "event", '"eventId"'),
    ):
        row = here.step(step)
        row.get_by_role("button", name=payload).click()
        row.locator("pre", has_text=holds).wait_for()
    here.shoot("light-10-payloads")


def test_what_happened_shows_every_change_with_its_cause(desk: Sit, gateway: GatewayDriver) -> None:
    """As a support person sees it: the webhook that reported, the pull that settled."""
    here = desk()
    here.security(1, "INFY", 30)
    here.order()
    here.log_in()
    here.press("Confirm order")
    gateway.finish(here.page.locator("#now code").inner_text())
    here.press("Done")
    here.step("OrdersSettled")
    changes = here.page.get_by_role("list", name="History, oldest first")
    for _ in range(20):
        here.page.get_by_role("button", name="What happened?").click()
        changes.wait_for()
        if "settled" in changes.inner_text():
            break
        here.page.wait_for_timeout(1000)
    words = changes.inner_text()
    assert words.index("created") < words.index("settled")
    assert "webhook" in words
    assert "pull" in words
    here.page.get_by_text("Nothing: it is settled.").wait_for()
    here.shoot("light-11-history")


def test_limit_order_names_the_brokers_that_accept_it(desk: Sit) -> None:
    """LIMIT has a price, SL a price and a trigger price, SLM a trigger price alone; Zerodha fills them."""
    here = desk()
    row = here.security(1, "INFY", 3)
    for kind, fields in (
        ("SLM", ["Trigger ₹"]),
        ("SL", ["Price ₹", "Trigger ₹"]),
        ("MARKET", []),
        ("LIMIT", ["Price ₹"]),
    ):
        row.get_by_label("Type").select_option(kind)
        shown = [label for label in ("Price ₹", "Trigger ₹") if row.get_by_label(label).is_visible()]
        assert shown == fields, kind
    here.page.get_by_text("Only Zerodha, Groww and 5paisa").wait_for()
    row.get_by_label("Price ₹").fill("9999")
    here.order()
    here.log_in()
    here.confirm()
    here.state("settled")
    here.orders("INFY.*3/3")


def test_a_user_who_closes_the_window_has_no_orders(desk: Sit) -> None:
    """The SDK rejects with user_cancelled, and the Gateway confirms that nothing comes of it."""
    here = desk()
    here.order()
    here.screen("Choose your broker")
    here.press("Close")
    here.press("Leave")
    here.said("The SDK rejected: user_cancelled")
    here.state("FAILED")
    here.shoot("light-5-closed")


def test_a_rejected_order_is_shown_as_rejected(desk: Sit) -> None:
    """COMPLETED is not success: the state comes from the stocks."""
    here = desk()
    here.order()
    here.log_in()
    here.scenario("rejected")
    here.confirm("Nothing was executed.")
    here.state("settled")
    here.orders("REJECTED")
    here.shoot("light-6-rejected")


def test_an_amo_that_is_cancelled_is_shown_as_cancelled(desk: Sit, gateway: GatewayDriver) -> None:
    """An after-market order is open until the user cancels it at the broker."""
    gateway.settings(amoWaitSeconds=3600)
    here = desk()
    here.order()
    here.log_in()
    here.scenario("amo")
    here.press("Confirm order")
    here.sdk.get_by_text("Your order is placed with the broker.").wait_for()
    here.press("Cancel open orders")
    here.sdk.get_by_text("The order was cancelled.").wait_for()
    here.press("Done")
    here.orders("CANCELLED_AMO")
    here.state("settled")
    here.shoot("light-7-amo")


def test_faults_are_thrown_and_the_backend_holds(desk: Sit) -> None:
    """A forged webhook is refused, one with another body or a late one suspicious, a repeated one a duplicate."""
    here = desk()
    here.security(1, "INFY", 3)
    here.order()
    here.log_in()
    here.confirm()
    here.state("settled")
    for fault, verdict in (
        ("Forged", "forged.*checksum does not match.*Rejected"),
        ("Replayed", "forged.*checksum genuine.*Suspicious"),
        ("Late", "replay.*checksum genuine.*Suspicious"),
        ("Duplicate", "duplicate.*checksum genuine.*Already known"),
    ):
        here.throw(fault)
        here.step(verdict)
    here.state("settled")
    here.orders("INFY.*3/3")
    here.shoot("light-8-faults")


def test_without_webhooks_the_sdks_answer_and_the_gateway_show_all(desk: Sit) -> None:
    """Every webhook is lost; what the SDK's answer and a pull say is enough."""
    here = desk()
    here.throw("Lose webhooks")
    here.page.locator("#faults button[aria-pressed=true]", has_text="Lose webhooks").wait_for()
    here.order()
    here.log_in()
    here.confirm()
    here.step("Lost: the backend")
    here.throw("Refresh from the Gateway")
    here.state("settled")
    here.step(r"GET /transactions/…\?refresh=true.*200")


def test_while_the_gateway_is_down_no_order_is_created(desk: Sit) -> None:
    """The page reports it, and it works again as soon as the Gateway does."""
    here = desk(answers="503")
    here.throw("Gateway down")
    here.page.locator("#fault-said", has_text="503").wait_for()
    here.order()
    here.said("Gateway unavailable")
    here.state("NOT CREATED")
    here.shoot("light-9-down")
    here.throw("Gateway down")
    here.page.locator("#fault-said", has_text="over").wait_for()
    here.order()
    here.said("guest SDK token")
    here.screen("Choose your broker")


def test_a_keyboard_alone_places_an_order(desk: Sit) -> None:
    """Tab and Enter are enough, Escape closes the SDK when it is through, and the focus is back on the button."""
    here = desk()
    keyboard = here.page.keyboard
    here.page.get_by_label("Signed in as").focus()
    on_the_way = here.tab_to("Place order")
    assert on_the_way == ["ticker", "type", "quantity", "orderType", "+ Add a security", "connect", "Place order"]
    outline = "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
    assert here.page.evaluate(outline) >= 2
    keyboard.press("Enter")
    for screen, button in (
        ("Choose your broker", "Zerodha"),
        ("Log in to Zerodha", "Log in"),
        ("Confirm your order", "Confirm order"),
    ):
        here.screen(screen)
        here.tab_to(button, here.frame)
        keyboard.press("Enter")
    here.sdk.get_by_text("Your order is complete.").wait_for()
    keyboard.press("Escape")
    here.said("The SDK resolved")
    here.state("settled")
    assert here.page.evaluate("document.activeElement.innerText") == "Place order"


def test_a_long_name_does_not_widen_a_phones_page(desk: Sit, product: Product) -> None:
    """With any name of a basket, for any user."""
    securities = [{"ticker": "INFY", "type": "BUY", "quantity": 1}]
    with product.api("w" * 256) as app:
        created = app.post("/transactions", json={"securities": securities, "config": {"orderName": "N" * 100}})
    assert created.status_code == 201, created.text
    here = desk(390, 844)
    here.page.get_by_role("button", name="N" * 100).wait_for()
    assert here.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    ("ticker", "quantity", "says"),
    [
        ("IN FY", 1, "securities.0.ticker: has a character that it cannot have"),
        ("INFY", 1_000_000_001, "securities.0.quantity: must be at most 1000000000"),
        ("FOOBAR", 1, "FOOBAR"),
    ],
    ids=["character", "quantity", "refused by the Gateway"],
)
def test_each_kind_of_error_is_shown_in_the_words_of_the_api(desk: Sit, ticker: str, quantity: int, says: str) -> None:
    here = desk(answers="4..")
    here.security(1, ticker, quantity)
    here.order()
    here.said(says)
    assert "undefined" not in here.page.locator("#said").inner_text()


def test_a_reload_keeps_the_tabs_user_and_transaction_and_reads_what_it_has_not_seen(
    desk: Sit,
) -> None:
    """The journal has forgotten the order, so its state, names and user come from the API."""
    here = desk()
    here.security(1, "INFY", 3)
    here.order()
    here.log_in()
    here.confirm()
    here.state("settled")
    whose = here.page.get_by_label("Signed in as").input_value()
    here.page.route(
        "**/feed", lambda route: route.fulfill(content_type="text/event-stream", body="event: run\ndata: x\n\n")
    )
    here.page.route("**/steps/*", lambda route: route.fulfill(json={"items": []}))
    here.page.reload()
    assert here.page.get_by_label("Signed in as").input_value() == whose
    here.state("settled")
    here.orders("INFY.*3/3")
    here.page.locator("#board tr", has_text=whose).filter(has_text="INFY").filter(has_text="settled").wait_for()


def test_another_tab_of_the_same_user_does_not_take_over_the_view(desk: Sit) -> None:
    here = desk()
    here.security(1, "INFY", 3)
    here.order()
    here.screen("Choose your broker")
    mine = here.page.locator("#now code").inner_text()
    there = desk()
    there.security(1, "TCS", 1)
    there.order()
    there.screen("Choose your broker")
    theirs = there.page.locator("#now code").inner_text()
    here.page.locator(f'#board tr[data-id="{theirs}"]').wait_for()
    assert here.page.locator("#now code").inner_text() == mine != theirs


def test_a_transaction_is_continued_after_a_reload_in_each_state(desk: Sit, gateway: GatewayDriver) -> None:
    """Before the login in the SDK, which takes an id once; after it as the user in the simulator."""
    gateway.settings(fillSeconds=3600)
    here = desk()
    here.security(1, "INFY", 3)
    here.order()
    here.screen("Choose your broker")
    here.page.reload()
    here.page.get_by_role("button", name="Continue in the SDK").click()
    here.log_in()
    here.page.reload()
    here.page.get_by_role("button", name="Close the window").wait_for()
    here.page.get_by_role("button", name="Confirm the order").click()
    here.state("PLACED")
    here.page.reload()
    here.page.get_by_role("button", name="Cancel them at the broker").wait_for()
    here.page.get_by_role("button", name="Finish the orders").click()
    here.state("settled")
    here.page.locator("#resume").filter(has_not=here.page.get_by_role("button")).wait_for(state="attached")


def test_an_order_of_which_nothing_was_executed_is_not_called_bookable(desk: Sit) -> None:
    here = desk()
    here.order()
    here.log_in()
    here.scenario("rejected")
    here.confirm("Nothing was executed.")
    here.state("settled")
    here.page.get_by_text("nothing was executed, so there is nothing to book").wait_for()
    assert not here.page.get_by_text("book it").count()


def test_a_form_that_is_busy_says_what_it_waits_for_and_a_ticker_may_be_in_lower_case(desk: Sit) -> None:
    here = desk()
    here.security(1, "infy", 3)
    here.order()
    here.screen("Choose your broker")
    here.page.get_by_role("button", name="Place order").dispatch_event("click")
    here.said("the user trades in the Gateway's SDK.*finish that first")
    here.log_in()
    here.confirm()
    here.state("settled")
    here.orders("INFY.*3/3")


def test_ten_thousand_transactions_stay_quick(desk: Sit) -> None:
    """The board is windowed, and the page stays small."""
    here = desk()
    items = [
        {
            "number": number,
            "at": f"2026-01-15T04:{number // 600:02d}:{number // 10 % 60:02d}.{number % 10}00Z",
            "kind": "bus",
            "transactionId": f"TRX_{number:032d}",
            "event": {
                "detail-type": "OrdersSettled",
                "detail": {
                    "schemaVersion": "1.0",
                    "eventId": f"TRX_{number:032d}.4",
                    "occurredAt": "2026-01-15T04:30:00.000Z",
                    "transactionId": f"TRX_{number:032d}",
                    "notes": "crowd",
                    "sequence": 4,
                    "status": "COMPLETED",
                    "confirmation": "confirmed",
                    "orders": [],
                },
            },
        }
        for number in range(10_000)
    ]
    lines = "".join(f"data: {json.dumps(item)}\n\n" for item in items)
    here.page.route(
        "**/feed",
        lambda route: route.fulfill(content_type="text/event-stream", body=f"event: run\ndata: x\n\n{lines}"),
    )
    here.page.reload()
    more = here.page.get_by_role("button", name=re.compile("Show 50 of [0-9]{4,} older ones"))
    more.wait_for()
    rows = here.page.locator("#board tbody tr")
    assert rows.count() == 50
    more.click()
    here.page.wait_for_function("document.querySelectorAll('#board tbody tr').length === 100")
    assert here.page.evaluate("document.querySelectorAll('*').length") < 12_000


def test_the_feed_begins_with_the_latest_events(console: str, product: Product) -> None:
    """A page does not get the whole journal: it reads older steps of the transaction that it shows."""
    securities = [{"ticker": "INFY", "type": "BUY", "quantity": 1}]
    with product.api("feeder") as app:
        created = app.post("/transactions", json={"securities": securities})
    assert created.status_code == 201, created.text
    transaction_id = created.json()["transactionId"]
    steps = eventually(
        lambda: httpx.get(f"{console}/steps/{transaction_id}", trust_env=False).json()["items"],
        lambda items: len(items) > 1,
    )
    assert {item["kind"] for item in steps} <= {"api", "bus", "gateway"}
    assert {item.get("transactionId", transaction_id) for item in steps} == {transaction_id}
    with httpx.stream("GET", f"{console}/feed", trust_env=False, timeout=60) as answer:
        size, events = 0, 0
        for line in answer.iter_lines():
            size += len(line)
            events += line.startswith("id:")
            if line.startswith("data:") and transaction_id in line:
                break
    assert events <= RECENT + 50
    assert size < 1_500_000
