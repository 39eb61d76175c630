"""The console of the running product, and Chromium to view it."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.chromium import chromium
from tests.browser.console_page import Desk
from tools.console.app import serving
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product


@pytest.fixture(scope="session")
def console(product: Product) -> Iterator[str]:
    """The URL of the console."""
    with serving(product) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window.

    Not for the session: Playwright leaves an event loop running, and a test that comes later may want one of its own.
    """
    with contextlib.ExitStack() as up:
        try:
            browser = up.enter_context(chromium())
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        yield browser


@pytest.fixture
def desk(browser: Any, console: str, gateway: GatewayDriver, user: str) -> Iterator[Callable[..., Desk]]:
    """A function that opens the console as a new user. It takes `width=`, `height=` and `theme=`.

    An error on the browser's console, or an exception in the page, fails the test at the end. Chromium logs every
    response of 400 and above as one; `answers=` is a pattern of the statuses that the test causes on purpose.
    """
    gateway.settings(fillWebhooks="always")
    trouble: list[str] = []
    contexts: list[Any] = []

    def sit(width: int = 1440, height: int = 900, theme: str = "light", answers: str = "none") -> Desk:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        # As long as the integration tests wait for what comes about by events: the machine may be busy.
        page.set_default_timeout(180_000)

        def note(message: Any) -> None:
            if message.type == "error" and not re.search(rf"status of ({answers})\b", message.text):
                trouble.append(f"{message.text} {message.location['url']}")

        page.on("console", note)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(console)
        return Desk(page, user)

    yield sit
    for context in contexts:
        context.close()
    assert trouble == []
