"""Headless Chromium: an installed one, else the one of Playwright."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from playwright import sync_api as playwright

INSTALLED: Final = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Playwright's browser while the context lasts; `FileNotFoundError` where there is no Chromium."""
    with playwright.sync_playwright() as driver:
        path = INSTALLED or driver.chromium.executable_path
        if not Path(path).exists():
            raise FileNotFoundError("no Chromium here: `make chromium` installs one, CHROMIUM names one")
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()
