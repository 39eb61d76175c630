"""The pictures in the README, taken of the running console: `.venv/bin/python -m tests.browser.pictures`."""

from pathlib import Path
from typing import Final

from tests.browser.chromium import chromium
from tests.browser.console_page import Desk
from tools.console.app import serving
from tools.local_stack.product import running

_IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
_WIDTH, _HEIGHT = 1440, 900


def main() -> None:
    """An order on its way in the light, and faults thrown at a settled one in the dark."""
    with running() as product, serving(product) as url, chromium() as browser:
        # The bus is in the first alone.
        for theme, name, scene, width in (
            ("light", "console", on_its_way, _WIDTH),
            ("dark", "console-faults", faults, 1122),
        ):
            context = browser.new_context(
                viewport={"width": _WIDTH, "height": _HEIGHT},
                # As wide as a README is shown, and small enough to be kept.
                device_scale_factor=0.8,
                color_scheme=theme,
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.set_default_timeout(60_000)
            page.goto(url)
            scene(Desk(page, {"light": "asha", "dark": "ravi"}[theme]))
            clip = {"x": 0, "y": 0, "width": width, "height": _HEIGHT}
            page.screenshot(path=_IMAGES / f"{name}.png", clip=clip)
            context.close()


def on_its_way(here: Desk) -> None:
    """A basket that the broker is filling, beside the SDK in which the user watches it."""
    here.security(1, "TCS", 2)
    here.order()
    here.log_in()
    here.confirm()
    here.holds("TCS")
    basket(here, broker=None)
    here.press("Confirm order")
    here.step("OrdersProgressed.*version 5|version 5.*OrdersProgressed")


def faults(here: Desk) -> None:
    """The results of a forged webhook, of one with another body, of a late one and of a duplicate."""
    basket(here, broker="Zerodha")
    here.confirm()
    here.holds("RELIANCE")
    for fault in ("Forged", "Replayed", "Late", "Duplicate"):
        here.throw(fault)
        here.page.locator("#fault-said", has_text=f"{fault}: injected").wait_for()
    here.step("duplicate.*Already known")


def basket(here: Desk, broker: str | None) -> None:
    """A basket up to its confirmation in the SDK."""
    here.security(1, "RELIANCE", 40)
    here.security(2, "M&M", 20)
    here.security(3, "NIFTYBEES", 50, "SELL")
    here.page.get_by_label("Basket name").fill("Spring clean")
    here.order()
    here.log_in(broker)


if __name__ == "__main__":
    main()
