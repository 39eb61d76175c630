"""The SDK drop-in in a real browser, row by row of docs/reference/gateway.md §8."""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import uvicorn
from playwright import sync_api as playwright

from tests.polling import eventually
from tests.simulator.harness import API_SECRET, GATEWAY_SECRET, token
from tests.simulator.sdk_world import PAGES, World, check_accessible
from tools.gateway_simulator.app import create_app
from tools.gateway_simulator.settings import Settings

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH; CHROMIUM names one"),
    pytest.mark.xdist_group("gateway-browser"),
]


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """A Gateway on a port of its own."""
    app = create_app(
        Settings(gateway_secret=GATEWAY_SECRET, api_secret=API_SECRET, fill_seconds=0.05, amo_wait_seconds=600)
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def partner(gateway: str) -> Iterator[str]:
    """The partner's page, on another origin."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = PAGES.get(self.path[1:])
            self.send_response(204 if page is None else 200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            if page is not None:
                script = httpx.get(f"{gateway}/scdk/2.0.0/scdk.js", trust_env=False).text
                self.wfile.write(page.format(gateway=gateway, token=token(), script=script).encode())

        def log_message(self, *_: object) -> None:
            """Nothing: a test's output is the test's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light"])
def world(request: pytest.FixtureRequest, browser: Any, gateway: str, partner: str) -> Iterator[World]:
    """A fresh page; a console error or an exception in it fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=request.param)
    page = context.new_page()
    page.set_default_timeout(60_000)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(partner)
    world = World(gateway, page)
    yield world
    world.settings(market="open", sdkWindow="overlay")
    world.http.close()
    context.close()
    assert [text for text in trouble if not re.search(r"status of 4\d\d", text)] == []


@pytest.mark.parametrize("world", ["light", "dark"], indirect=True)
def test_a_guest_completes_an_order(world: World, request: pytest.FixtureRequest) -> None:
    """§8: chooser, login, confirmation, status; resolves with the documented keys; each screen passes axe."""
    theme = request.node.callspec.params["world"]
    transaction_id = world.create(config={"orderName": "Smart basket"})
    world.buy(transaction_id)
    world.frame.get_by_role("heading", name="Choose your broker").wait_for()
    world.shoot(f"{theme}-1-chooser")
    world.press("Zerodha")
    world.frame.get_by_role("heading", name="Log in to Zerodha").wait_for()
    world.shoot(f"{theme}-2-login")
    world.press("Log in")
    world.frame.get_by_role("heading", name="Confirm your order").wait_for()
    world.frame.get_by_role("spinbutton", name="Quantity").first.fill("7")
    world.shoot(f"{theme}-3-confirm")
    world.press("Confirm order")
    world.frame.get_by_text("Your order is complete.").wait_for()
    world.shoot(f"{theme}-4-status")
    world.press("Done")
    outcome, value = world.result()
    assert outcome == "resolved"
    assert value.keys() >= {"transactionId", "smallcaseAuthToken", "broker", "notes", "orderBatches", "success"}
    assert (value["transactionId"], value["broker"]) == (transaction_id, "kite")
    assert [each["quantity"] for each in value["orderBatches"][0]["orders"]] == [7, 5]
    assert not {"checksum", "timestamp", "smallcaseAuthId"} & value["orderBatches"][0].keys()


def test_a_quantity_that_cannot_be_is_named_and_zero_leaves_a_security_out(world: World) -> None:
    world.buy(world.create())
    world.press("Zerodha")
    world.press("Log in")
    world.frame.get_by_role("heading", name="Confirm your order").wait_for()
    quantities = world.frame.get_by_role("spinbutton", name="Quantity")
    for wrong in ("-1", "1.5", ""):
        quantities.first.fill(wrong)
        world.press("Confirm order")
        world.frame.get_by_text("quantity INFY: a whole number, or 0 to leave it out").wait_for()
    for number in range(quantities.count()):
        quantities.nth(number).fill("0")
    world.press("Confirm order")
    world.frame.get_by_text("Every quantity is 0: nothing would be ordered.").wait_for()
    quantities.first.fill("2")
    world.press("Confirm order")
    world.frame.get_by_text("Your order is complete.").wait_for()
    world.press("Done")
    assert [each["quantity"] for each in world.result()[1]["orderBatches"][0]["orders"]] == [2]


def test_the_keyboard_is_enough(world: World) -> None:
    """Every step works without a pointer, and the focus follows the screens."""
    world.buy(world.create())
    world.frame.get_by_role("heading", name="Choose your broker").wait_for()
    for _ in range(14):
        world.page.keyboard.press("Tab")
    world.page.keyboard.press("Enter")
    world.frame.get_by_role("heading", name="Log in to Zerodha").wait_for()
    world.page.keyboard.press("Tab")
    world.page.keyboard.press("Enter")
    world.frame.get_by_role("heading", name="Confirm your order").wait_for()
    world.frame.get_by_role("spinbutton", name="Quantity").first.focus()
    world.page.keyboard.press("Enter")
    world.frame.get_by_text("Your order is complete.").wait_for()
    world.page.keyboard.press("Escape")
    assert world.result()[0] == "resolved"


def test_a_returning_user_goes_straight_to_the_login(world: World) -> None:
    """§5, §8: a connected token skips the chooser; another account there is a user_mismatch."""
    world.buy(world.create(), brokers=["kite"])
    for name in ("Zerodha", "Log in", "Confirm order"):
        world.press(name)
    world.frame.get_by_text("Your order is complete.").wait_for()
    world.press("Done")
    connected = world.result()[1]["smallcaseAuthToken"]
    transaction_id = world.create()
    world.page.evaluate("(t) => new window.scDK({}).init({ smallcaseAuthToken: t })", connected)
    world.buy(transaction_id)
    world.frame.get_by_label("Client ID").fill("someone else")
    world.press("Log in")
    world.frame.get_by_text("That is not the account linked here.").wait_for()
    world.press("Back to the app")
    outcome, value = world.result()
    assert (outcome, value["message"], value["code"]) == ("rejected", "user_mismatch", 1001)


@pytest.mark.parametrize(("steps", "code"), [([], 1010), (["Zerodha"], 1011), (["Zerodha", "Log in"], 1012)])
def test_leaving_rejects_by_stage(world: World, steps: list[str], code: int) -> None:
    """§6.2: user_cancelled with 1010, 1011 or 1012; the user is asked once."""
    world.buy(world.create())
    for name in steps:
        world.press(name)
    if code == 1012:
        world.frame.get_by_role("heading", name="Confirm your order").wait_for()
    world.press("Close")
    world.shoot(f"leaving-{code}")
    world.press("Stay")
    world.page.keyboard.press("Escape")
    world.press("Leave")
    assert world.result() == ("rejected", {"message": "user_cancelled", "code": code})


def test_no_broker_account_rejects_with_no_broker(world: World) -> None:
    """§6.2: no_broker."""
    world.buy(world.create())
    world.press("I have no broker account")
    assert world.result() == ("rejected", {"message": "no_broker", "code": 1007})


def test_only_requested_brokers_are_shown(world: World) -> None:
    """§8: triggerTransaction({brokers}) narrows the chooser."""
    world.buy(world.create(), brokers=["groww", "upstox"])
    world.frame.get_by_role("heading", name="Choose your broker").wait_for()
    assert world.frame.get_by_role("listitem").all_text_contents() == ["Groww", "Upstox"]


def test_a_used_id_is_refused(world: World) -> None:
    """§2.1, §6.2: transaction_expired 3001 for an id that was triggered before."""
    transaction_id = world.create()
    world.buy(transaction_id)
    world.press("I have no broker account")
    world.result()
    world.buy(transaction_id)
    assert world.result() == ("rejected", {"message": "transaction_expired", "code": 3001})


def test_an_unknown_id_is_refused(world: World) -> None:
    """§6.2: invalid_transactionId."""
    world.buy("TRX_0")
    assert world.result() == ("rejected", {"message": "invalid_transactionId", "code": 3002})


def test_a_bad_token_is_refused(world: World) -> None:
    """§6.2: invalid_jwt."""
    world.buy(world.create(), auth="a.b.c")
    assert world.result() == ("rejected", {"message": "invalid_jwt", "code": 90})


def test_one_transaction_at_a_time(world: World) -> None:
    """§6.2: transaction_in_process while another is running."""
    world.buy(world.create())
    world.frame.get_by_role("heading", name="Choose your broker").wait_for()
    world.buy(world.create())
    assert world.result()[1]["message"] == "transaction_in_process"


def test_the_sdk_is_a_singleton(world: World) -> None:
    """§8: a later `new scDK` gives the first instance; gateway and token are required."""
    same = "() => new window.scDK({ gateway: 'demo-gw', smallcaseAuthToken: 'a' }) === new window.scDK({})"
    assert world.page.evaluate(same) is True


@pytest.mark.parametrize(
    ("options", "message"),
    [("{ smallcaseAuthToken: 'a' }", "invalid_gateway"), ("{ gateway: 'demo-gw' }", "invalid_user_data")],
)
def test_gateway_and_token_are_required(world: World, options: str, message: str) -> None:
    """§6.2, §8: triggerTransaction reports the missing option."""
    said = world.page.evaluate(
        f"() => new window.scDK({options}).triggerTransaction({{ transactionId: 'x' }}).catch((e) => e.message)"
    )
    assert said == message


def test_a_rejected_order_is_shown_and_resolves(world: World) -> None:
    """§2.2, §8: COMPLETED is not success; the SDK resolves and the stocks say REJECTED."""
    world.buy(world.create())
    world.press("Zerodha")
    world.press("Log in")
    world.frame.get_by_text("Simulator: choose the outcome").click()
    world.frame.get_by_label("Scenario").select_option("rejected")
    world.press("Confirm order")
    world.frame.get_by_text("Nothing was executed.").wait_for()
    world.press("Done")
    outcome, value = world.result()
    assert (outcome, value["orderBatches"][0]["status"]) == ("resolved", "UNFILLED")


def test_an_amo_can_be_cancelled(world: World) -> None:
    """§7: with config.amo a closed market takes an after-market order, which the user cancels."""
    world.settings(market="closed")
    world.buy(world.create())
    world.press("Zerodha")
    world.press("Log in")
    world.press("Confirm order")
    world.frame.get_by_text("Your order is placed with the broker.").wait_for()
    world.press("Cancel open orders")
    world.frame.get_by_text("The order was cancelled.").wait_for()
    world.press("Done")
    batch = world.result()[1]["orderBatches"][0]
    assert (batch["variety"], {each["status"] for each in batch["orders"]}) == ("amo", {"CANCELLED AMO"})


def test_an_id_that_expires_in_the_flow_is_1005(world: World) -> None:
    """§2.1, §6.2: transaction_expired; the screen says so, and the user can leave."""
    world.buy(world.create())
    world.press("Zerodha")
    world.frame.get_by_role("heading", name="Log in to Zerodha").wait_for()
    world.http.put("/_sim/clock", json={"advanceSeconds": 3600}).raise_for_status()
    world.press("Log in")
    world.frame.get_by_text("the transaction has expired").wait_for()
    world.press("Close")
    world.press("Leave")
    assert world.result() == ("rejected", {"message": "transaction_expired", "code": 1005})


def test_a_pending_order_rejects_after_fifteen_looks(world: World) -> None:
    """§6.3: 15 polls 2 s apart, then order_pending; the order may still be placed."""
    world.page.clock.install()
    world.buy(world.create())
    world.press("Zerodha")
    world.press("Log in")
    world.frame.get_by_text("Simulator: choose the outcome").click()
    world.frame.get_by_label("Scenario").select_option("slow")
    looks: list[str] = []
    world.press("Confirm order")
    world.frame.get_by_text("Placing your order…").wait_for()
    world.press("Done")
    world.page.on("requestfinished", lambda request: looks.append(request.url) if "polledOut" in request.url else None)

    def has_result_a_second_later() -> bool:
        world.page.clock.run_for(1000)
        world.page.wait_for_timeout(20)  # lets the page's requests through, which a sleep of ours would not
        return bool(world.page.evaluate("window.result !== null"))

    eventually(has_result_a_second_later)
    assert world.result() == ("rejected", {"message": "order_pending", "code": 4006})
    assert 14 <= len(looks) <= 16


def test_test_mode_offers_test_accounts(world: World) -> None:
    """§8, §9: config.leprechaunEnabled; the broker carries the suffix, brokers without test accounts are not shown."""
    world.page.evaluate(
        "(options) => { new window.scDK(options) }",
        {"gateway": "demo-gw", "smallcaseAuthToken": token(), "config": {"leprechaunEnabled": True}},
    )
    world.buy(world.create(), brokers=["kite", "groww"])
    world.press("Zerodha (test)")
    world.press("Log in")
    world.press("Confirm order")
    world.frame.get_by_text("Your order is complete.").wait_for()
    world.press("Done")
    assert world.result()[1]["broker"] == "kite-leprechaun"


def test_the_page_to_try_it_shows_what_the_promise_came_to(world: World) -> None:
    """page.html: a form, the SDK, the result."""
    values = f"gateway=demo-gw&token={token()}&transactionId={world.create()}"
    world.page.goto(f"{world.gateway}/scdk/2.0.0/page.html#{values}")
    world.page.get_by_role("button", name="Trigger transaction").click()
    world.press("I have no broker account")
    world.page.get_by_text('"message": "no_broker"').wait_for()
    check_accessible(world.page)


def test_limit_orders_are_for_brokers_that_take_them(world: World) -> None:
    """§7: Zerodha shows the order type, Upstox does not."""
    world.buy(world.create(), brokers=["upstox"])
    world.press("Upstox")
    world.press("Log in")
    world.frame.get_by_role("heading", name="Confirm your order").wait_for()
    assert world.frame.get_by_label("Order type").count() == 0


@pytest.mark.parametrize("style", ["twice", "import", "bundle"])
def test_page_of_another_style_completes_an_order(world: World, partner: str, style: str) -> None:
    """§8: loaded again by a component that mounts again, by import(), and as part of a bundle; `userData`."""
    world.page.goto(partner + style)
    world.page.wait_for_function("window.buy !== undefined")
    transaction_id = world.create()
    world.buy(transaction_id)
    for name in ("Zerodha", "Log in", "Confirm order"):
        world.press(name)
    world.frame.get_by_text("Your order is complete.").wait_for()
    world.press("Done")
    outcome, value = world.result()
    assert (outcome, value["transactionId"]) == ("resolved", transaction_id)
    assert style != "twice" or world.page.evaluate("window.same") is True


@pytest.mark.parametrize("method", ["connect", "openSmallplug", "triggerSmallcaseOrder"])
def test_method_that_is_not_simulated_rejects_by_name(world: World, method: str) -> None:
    """§8: public clients call them; there is nothing here for them to do."""
    said = world.page.evaluate(
        "(method) => new window.scDK({ gateway: 'demo-gw', userData: 'a' })[method]({}).catch((e) => e.message)",
        method,
    )
    assert said == f"{method} is not simulated"


def in_its_window(world: World) -> playwright.Page:
    """The window that the SDK opens for a new transaction."""
    with world.page.expect_popup() as opened:
        world.buy(world.create())
    window: playwright.Page = opened.value
    window.get_by_role("heading", name="Choose your broker").wait_for()
    return window


@pytest.mark.parametrize("kind", ["popup", "tab"])
def test_order_in_a_window_of_its_own(world: World, kind: str) -> None:
    """§8: the window closes when the user is through, and the promise resolves."""
    world.settings(sdkWindow=kind)
    window = in_its_window(world)
    for name in ("Zerodha", "Log in", "Confirm order"):
        window.get_by_role("button", name=name, exact=True).click()
    window.get_by_text("Your order is complete.").wait_for()
    with window.expect_event("close"):
        window.get_by_role("button", name="Done", exact=True).click()
    assert world.result()[0] == "resolved"


@pytest.mark.parametrize(("steps", "code"), [([], 1011), (["Zerodha", "Log in"], 1012)])
def test_window_that_the_user_closes_rejects_and_sends_the_gateway_nothing(
    world: World, steps: list[str], code: int
) -> None:
    """§2.2, §6.3: the transaction stays INITIALIZED or USED; the SDK goes by that."""
    world.settings(sdkWindow="popup")
    window = in_its_window(world)
    for name in steps:
        window.get_by_role("button", name=name, exact=True).click()
    if steps:
        window.get_by_role("heading", name="Confirm your order").wait_for()
    window.close()
    assert world.result() == ("rejected", {"message": "user_cancelled", "code": code})
    (newest, *_) = world.http.get("/_sim/transactions").json()["transactions"]
    assert newest["status"] == ("USED" if steps else "INITIALIZED")


BLOCK = "window.blocked = window.open; window.open = () => null"


def test_window_that_the_browser_blocks_is_opened_by_a_click(world: World) -> None:
    """§8: a blocked window is offered again."""
    world.settings(sdkWindow="popup")
    world.page.evaluate(BLOCK)
    world.buy(world.create())
    world.page.get_by_text("Your browser blocked the window of your broker.").wait_for()
    check_accessible(world.page)
    world.page.evaluate("window.open = window.blocked")
    with world.page.expect_popup() as opened:
        world.page.get_by_role("button", name="Open it").click()
    window = opened.value
    window.get_by_role("button", name="I have no broker account").click()
    assert world.result() == ("rejected", {"message": "no_broker", "code": 1007})


@pytest.mark.parametrize("how", ["Cancel", "Escape"])
def test_user_may_leave_a_blocked_window_alone(world: World, how: str) -> None:
    """§6.2: user_cancelled, 1010."""
    world.settings(sdkWindow="tab")
    world.page.evaluate(BLOCK)
    world.buy(world.create())
    world.page.get_by_text("Your browser blocked the window of your broker.").wait_for()
    if how == "Escape":
        world.page.keyboard.press("Escape")
    else:
        world.page.get_by_role("button", name="Cancel").click()
    assert world.result() == ("rejected", {"message": "user_cancelled", "code": 1010})
