"""A partner's page with the SDK on it, driven in a real browser."""

from pathlib import Path
from typing import Any

import httpx
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # the package ships no types

from tests.simulator.harness import API_SECRET, order, token

SHOTS = Path(__file__).parents[2] / "artifacts" / "gateway"

# Written from the vendor's public SDK documentation alone; only the script's address is ours.
PAGE = """<!doctype html><html lang="en"><title>Partner</title><h1>Partner</h1>
<script src="{gateway}/scdk/2.0.0/scdk.js"></script>
<script>
  window.buy = (transactionId, smallcaseAuthToken, more = {{}}) => {{
    const gw = new window.scDK({{ gateway: "demo-gw", smallcaseAuthToken, config: {{ amo: true }} }});
    window.result = null;
    gw.triggerTransaction({{ transactionId, ...more }})
      .then((value) => {{ window.result = ["resolved", value]; }})
      .catch((error) => {{ window.result = ["rejected", {{ message: error.message, code: error.code }}]; }});
  }};
</script></html>"""

# The same page in other styles. A component that adds the script when it mounts and removes it when it goes away, and
# mounts twice; a module that imports it; a bundle, in which there is no script element and no `this`.
_BUY = """
  window.buy = (transactionId, userData, more = {{}}) => {{
    window.result = null;
    const gateway = new window.scDK({{ gateway: "demo-gw", userData, config: {{ amo: true }} }});
    gateway.init({{ userData }}).then(() => gateway.triggerTransaction({{ transactionId, ...more }})).then(
      (value) => {{ window.result = ["resolved", value]; }},
      ({{ message, code }}) => {{ window.result = ["rejected", {{ message, code }}]; }},
    );
  }};
"""
_START = """<!doctype html><html lang="en"><title>Partner</title><h1>Partner</h1><script type="module">"""
PAGES = {
    "": PAGE,
    "twice": _START
    + """
  const mount = () => new Promise((resolve) => {{
    const script = document.createElement("script");
    script.src = "{gateway}/scdk/2.0.0/scdk.js";
    script.async = true;
    script.onload = () => resolve(() => script.remove());
    document.head.append(script);
  }});
  const unmount = await mount();
  const first = new window.scDK({{ gateway: "demo-gw", userData: "{token}" }});
  unmount();
  await Promise.all([mount(), mount()]);
  window.same = first === new window.scDK({{ gateway: "demo-gw", userData: "{token}" }});
"""
    + _BUY
    + "</script></html>",
    "import": _START + 'await import("{gateway}/scdk/2.0.0/scdk.js");' + _BUY + "</script></html>",
    "bundle": _START + "(function () {{ {script} }}).call(undefined);" + _BUY + "</script></html>",
}


class World:
    """A Gateway, a partner's page on another origin, and a browser on that page."""

    def __init__(self, gateway: str, page: Any) -> None:
        self.gateway, self.page = gateway, page
        self.frame = page.frame_locator("iframe")
        headers = {"x-gateway-secret": API_SECRET, "x-gateway-authtoken": token()}
        self.http = httpx.Client(base_url=gateway, headers=headers, trust_env=False)

    def create(self, **more: Any) -> str:
        answer = self.http.post("/gateway/demo-gw/transaction", json=order(**more))
        return str(answer.json()["data"]["transactionId"])

    def settings(self, **changes: Any) -> None:
        self.http.put("/_sim/settings", json=changes).raise_for_status()

    def buy(self, transaction_id: str, auth: str | None = None, **more: Any) -> None:
        self.page.evaluate("([id, auth, more]) => window.buy(id, auth, more)", [transaction_id, auth or token(), more])

    def press(self, name: str) -> None:
        self.frame.get_by_role("button", name=name, exact=True).click()

    def result(self) -> tuple[str, Any]:
        self.page.wait_for_function("window.result !== null")
        outcome, value = self.page.evaluate("window.result")
        return outcome, value

    def shoot(self, name: str) -> None:
        """Keep a picture of this state; check it with axe."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")
        inside = next(frame for frame in self.page.frames if frame.url.endswith("/flow.html"))
        check_accessible(inside)


def check_accessible(frame: Any) -> None:
    """Fail with what axe has against a page or frame."""
    violations = Axe().run(frame).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []
