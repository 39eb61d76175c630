"""The console of the running product, and Chromium to look at it with."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright import sync_api as playwright

from local.console.app import serving
from local.driver import GatewayDriver
from local.product import Product
from tests.browser.desk import Desk

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def console(product: Product) -> Iterator[str]:
    """The URL of the console."""
    with serving(product) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH; CHROMIUM names one")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def desk(browser: Any, console: str, gateway: GatewayDriver, user: str) -> Iterator[Callable[..., Desk]]:
    """`desk(width=, height=, theme=)` opens the console as a user nobody else is.

    An error on the browser's console, or an exception in the page, fails the test in the end.
    """
    gateway.settings(fillWebhooks="always")
    trouble: list[str] = []
    contexts: list[Any] = []

    def sit(width: int = 1440, height: int = 900, theme: str = "light") -> Desk:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(console)
        return Desk(page, user)

    yield sit
    for context in contexts:
        context.close()
    # Chromium logs every answer of 400 and above; the SDK is refused with those on purpose.
    assert [text for text in trouble if not re.search(r"status of 4\d\d", text)] == []
