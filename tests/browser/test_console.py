"""The console as a developer uses it: orders through the Gateway's SDK, and what the backend makes of them."""

from collections.abc import Callable

import pytest

from tests.browser.desk import Desk

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
    here.confirm()
    here.said("the SDK resolved")
    here.state("settled")
    here.step("OrdersSettled")
    account = here.page.locator("#accounts code")
    account.wait_for()
    here.page.locator("#positions td", has_text="INFY").wait_for()
    here.shoot(f"{theme}-2-settled")
    here.security(1, "TCS", 1)
    here.order()
    here.said("connected SDK token")
    here.log_in(broker=None)
    here.confirm()
    here.state("settled")
    assert account.count() == 1
    assert here.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_basket_whose_quantity_the_user_changes_shows_what_was_executed(desk: Sit) -> None:
    """What the user confirms counts, not what was asked for; and every fill is drawn."""
    here = desk()
    here.security(1, "INFY", 3)
    here.security(2, "M&M", 2)
    here.security(3, "TCS", 1, "SELL")
    here.page.get_by_label("Basket name").fill("Spring clean")
    here.order()
    here.log_in()
    here.sdk.get_by_role("spinbutton", name="Quantity").first.fill("7")
    here.confirm()
    here.state("settled")
    here.page.locator("#now li", has_text="INFY 7/7").wait_for()
    here.page.get_by_role("img", name="INFY 100%, M&M 100%, TCS 100%").wait_for()
    here.page.locator("#board").get_by_role("button", name="Spring clean").first.wait_for()
    here.shoot("light-3-basket")


def test_a_user_who_closes_the_window_has_no_orders(desk: Sit) -> None:
    """The SDK rejects with user_cancelled, and the Gateway confirms that nothing comes of it."""
    here = desk()
    here.order()
    here.press("Close")
    here.press("Leave")
    here.said("the SDK rejected: user_cancelled")
    here.state("FAILED")
    here.shoot("light-4-closed")


def test_a_rejected_order_is_shown_as_rejected(desk: Sit) -> None:
    """COMPLETED is not success: the state comes from the stocks."""
    here = desk()
    here.order()
    here.log_in()
    here.scenario("rejected")
    here.confirm("Nothing was executed.")
    here.state("settled")
    here.page.locator("#now li", has_text="REJECTED").wait_for()
    here.shoot("light-5-rejected")


def test_an_amo_that_is_cancelled_is_shown_as_cancelled(desk: Sit) -> None:
    """An after-market order is open until the user cancels it at the broker."""
    here = desk()
    here.order()
    here.log_in()
    here.scenario("amo")
    here.press("Confirm order")
    here.sdk.get_by_text("Your order is placed with the broker.").wait_for()
    here.press("Cancel open orders")
    here.sdk.get_by_text("The order was cancelled.").wait_for()
    here.press("Done")
    here.page.locator("#now li", has_text="CANCELLED").wait_for()
    here.shoot("light-6-amo")


def test_faults_are_thrown_and_the_backend_holds(desk: Sit) -> None:
    """A forged webhook is refused, one under a genuine seal doubted, a late one is stale, a repeated one is known."""
    here = desk()
    here.security(1, "INFY", 3)
    here.order()
    here.log_in()
    here.confirm()
    here.state("settled")
    for fault, verdict in (
        ("Forged", "refused: checksum"),
        ("Replayed with another body", "doubted"),
        ("Late", "older than what is known"),
        ("Duplicate", "known already"),
    ):
        here.throw(fault)
        here.step(verdict)
    here.page.locator("#now li", has_text="INFY 3/3").wait_for()
    here.shoot("light-7-faults")


def test_without_webhooks_asking_the_gateway_tells_all(desk: Sit) -> None:
    """Every webhook is lost; what the SDK's answer and a pull say is enough."""
    here = desk()
    here.throw("Lose webhooks")
    here.order()
    here.log_in()
    here.confirm()
    here.step("lost on the way")
    here.throw("Ask the Gateway now")
    here.state("settled")
    here.throw("Lose webhooks")


def test_while_the_gateway_is_down_no_order_is_created(desk: Sit) -> None:
    """The user is told, and it works again as soon as the Gateway does."""
    here = desk()
    here.throw("Gateway down")
    here.page.locator("#fault-said", has_text="503").wait_for()
    here.order()
    here.said("cannot be reached")
    here.throw("Gateway down")
    here.page.locator("#fault-said", has_text="over").wait_for()
    here.order()
    here.said("guest SDK token")
