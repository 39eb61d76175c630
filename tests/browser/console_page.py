"""The console in a real browser, and the Gateway's SDK that it opens."""

import re
from pathlib import Path
from typing import Any

from tests.simulator.sdk_world import check_accessible

SHOTS = Path(__file__).parents[2] / "artifacts" / "console"


class Desk:
    """A developer at the console: `page` is Playwright's, `sdk` the frame in which the user trades."""

    def __init__(self, page: Any, user: str) -> None:
        self.page, self.sdk = page, page.frame_locator("iframe")
        page.get_by_text("live", exact=True).wait_for()
        page.get_by_label("Signed in as").fill(user)
        page.get_by_label("Signed in as").press("Tab")
        # The user's data is read again: a first order must not be mistaken for the order of a known user.
        page.get_by_text("the next order uses a guest token").wait_for()

    def security(self, number: int, ticker: str, quantity: int, side: str = "BUY") -> Any:
        """Fill in the security of that number, adding it where it is not there yet; its group of fields."""
        group = self.page.get_by_role("group", name=f"Security {number}", exact=True)
        if not group.count():
            self.page.get_by_role("button", name="Add a security").click()
        group.get_by_label("Ticker").fill(ticker)
        group.get_by_label("Quantity").fill(str(quantity))
        group.get_by_label("Side").select_option(side)
        return group

    def order(self) -> None:
        self.page.get_by_role("button", name="Place order").click()

    def press(self, name: str) -> None:
        """Press a button of the SDK."""
        self.sdk.get_by_role("button", name=name, exact=True).click()

    @property
    def frame(self) -> Any:
        """The SDK's frame, to evaluate in."""
        return next(frame for frame in self.page.frames if frame.url.endswith("/flow.html"))

    def tab_to(self, name: str, frame: Any = None) -> list[str]:
        """Press Tab until what is called `name` has the focus; what had it on the way, fields by their names."""
        walked: list[str] = []
        while name not in walked:
            assert len(walked) < 40, walked
            self.page.keyboard.press("Tab")
            focused = "document.activeElement.name || document.activeElement.innerText"
            walked.append((frame or self.page).evaluate(focused))
        return walked

    def screen(self, heading: str) -> None:
        """Wait for a screen of the SDK."""
        self.sdk.get_by_role("heading", name=heading).wait_for()

    def log_in(self, broker: str | None = "Zerodha") -> None:
        """Choose the broker, where the user is a guest, and log in."""
        if broker:
            self.press(broker)
        self.press("Log in")
        self.screen("Confirm your order")

    def scenario(self, name: str) -> None:
        self.sdk.get_by_text("Simulator: choose the outcome").click()
        self.sdk.get_by_label("Scenario").select_option(name)

    def confirm(self, says: str = "Your order is complete.") -> None:
        """Confirm, read what the SDK says in the end, and go back to the app."""
        self.press("Confirm order")
        self.sdk.get_by_text(says).wait_for()
        self.press("Done")

    def throw(self, fault: str) -> None:
        self.page.get_by_role("button", name=fault, exact=True).click()

    def step(self, pattern: str) -> Any:
        """The newest step in the life of the transaction that reads like `pattern`, once there is one."""
        found = self.page.locator("#steps > li").filter(has_text=re.compile(pattern)).first
        found.wait_for()
        return found

    def state(self, word: str) -> None:
        """Wait until the transaction shown is in this state."""
        self.page.locator("#now .headline .badge").filter(has_text=re.compile(f"^{word}$")).first.wait_for()

    def orders(self, pattern: str) -> None:
        """Wait until one of the orders of the transaction shown reads like `pattern`."""
        self.page.locator("#now .orders tbody tr").filter(has_text=re.compile(pattern)).first.wait_for()

    def holds(self, pattern: str) -> None:
        """Wait until one of the user's positions reads like `pattern`."""
        self.page.locator("#positions tbody tr").filter(has_text=re.compile(pattern)).wait_for()

    def said(self, pattern: str) -> None:
        self.page.locator("#said").filter(has_text=re.compile(pattern)).wait_for()

    def shoot(self, name: str) -> None:
        """Keep a picture of the page as it is, and hold it to axe."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")
        check_accessible(self.page)
