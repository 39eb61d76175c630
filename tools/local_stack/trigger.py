"""`python -m tools.local_stack.trigger STORY`: something happens on the product that `make run` keeps up.

Each story is a user of its own, at the API as an app is and in the Gateway as a person is, and says what became of it.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tools.local_stack import env_file
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.process_supervisor import Failed
from tools.local_stack.walkthrough import BASKET, SINGLE, Order

_SETTLED_SECONDS: Final = 120


@dataclass
class Scene:
    """A new user's app, and the Gateway that the user is in. `report` receives each step."""

    api: httpx.Client
    gateway: GatewayDriver
    user: str
    report: Callable[[str], None]
    transaction_id: str = field(default="")

    def create(self, request: Mapping[str, Any]) -> None:
        """The app creates a transaction, and the user logs in to kite."""
        answer = self.api.post("/transactions", json=request)
        _expect(answer, 201)
        self.transaction_id = answer.json()["transactionId"]
        self.report(f"{self.user} gets {self.transaction_id}, with a {answer.json()['sdkToken']['kind']} SDK token")
        self.gateway.login(self.transaction_id)

    def confirm(self, **how: Any) -> None:
        """The user confirms, and every step that is left happens."""
        self.gateway.confirm(self.transaction_id, paused=True, **how)
        self.gateway.advance(self.transaction_id)
        self.report("the user confirms the order")

    def post_sdk_response(self) -> None:
        """The app posts what the SDK resolved or rejected with, as real apps do."""
        result = self.gateway.sdk_result(self.transaction_id)
        body = {"resolved" if result["outcome"] == "resolve" else "rejected": result["value"]}
        answer = self.api.post(f"/transactions/{self.transaction_id}/sdk-response", json=body)
        _expect(answer, 202)
        self.report(f"the app posts what the SDK {result['outcome']}s with: {answer.json()['status']}")

    def settled(self, *, refresh: bool = False) -> dict[str, Any]:
        """The orders once they are settled or failed; `Failed` where that takes more than two minutes."""
        began = time.monotonic()
        query = {"refresh": "true"} if refresh else {}
        while True:
            answer = self.api.get(f"/transactions/{self.transaction_id}/orders", params=query)
            _expect(answer, 200)
            shown: dict[str, Any] = answer.json()
            if shown["final"]:
                break
            if time.monotonic() - began > _SETTLED_SECONDS:
                raise Failed(
                    f"{self.transaction_id} is not settled after {_SETTLED_SECONDS} s: it is {shown['status']}"
                )
            time.sleep(0.5)
        self.report(f"{shown['status']}, {shown['confirmation']}, after {time.monotonic() - began:.1f} s")
        for order in (*shown["orders"], *shown["unplaced"]):
            self.report(f"  {order['transactionType']} {order['tradingsymbol']}: {_outcome(order)}")
        return shown


def guest_order(scene: Scene) -> None:
    """A first order: guest token, account linked, filled."""
    _filled(scene, SINGLE)


def basket(scene: Scene) -> None:
    """Five securities, buys and sells mixed, filled one after the other."""
    _filled(scene, BASKET)


def _filled(scene: Scene, order: Order) -> None:
    scene.create(order.request)
    scene.confirm(scenario="complete")
    scene.post_sdk_response()
    scene.gateway.finish(scene.transaction_id)
    scene.settled()


def rejected(scene: Scene) -> None:
    """The broker rejects the order: COMPLETED at the Gateway, nothing filled."""
    scene.create(SINGLE.request)
    scene.confirm(scenario="rejected")
    scene.gateway.finish(scene.transaction_id)
    scene.post_sdk_response()
    scene.settled()


def amo_cancelled(scene: Scene) -> None:
    """An after-market order that the user cancels at the broker."""
    scene.create(SINGLE.request)
    scene.confirm(scenario="amo")
    scene.post_sdk_response()
    scene.gateway.ask("POST", f"/transactions/{scene.transaction_id}/cancel", {})
    scene.report("the user cancels the order at the broker")
    scene.settled()


def forged(scene: Scene) -> None:
    """A webhook whose checksum is wrong is refused, and one that lies under a genuine checksum is overruled."""
    scene.create(SINGLE.request)
    scene.confirm(scenario="complete")
    unsigned = scene.gateway.forge(transactionId=scene.transaction_id, checksum="wrong_key")
    scene.report(f"a webhook signed with another key: {_answered(unsigned)}")
    lie = scene.gateway.forge(transactionId=scene.transaction_id, changes={"status": "CANCELLED", "orders": []})
    scene.report(f"a lie under a genuine checksum: {_answered(lie)}")
    scene.gateway.finish(scene.transaction_id)
    shown = scene.settled()
    if shown["status"] != "COMPLETED":
        raise Failed(f"the lie stands: {shown['status']}")


def lost_webhook(scene: Scene) -> None:
    """No webhook arrives: the app's refresh asks the Gateway, as a check does later."""
    scene.create(SINGLE.request)
    scene.gateway.transaction_faults(scene.transaction_id, webhooks={"lost": 1})
    scene.confirm(scenario="complete")
    scene.gateway.finish(scene.transaction_id)
    scene.report("the order is filled, and every webhook is lost")
    scene.settled(refresh=True)


def abandoned(scene: Scene) -> None:
    """The user leaves after the login: the SDK rejects, and the transaction fails."""
    scene.create(SINGLE.request)
    scene.gateway.close(scene.transaction_id)
    scene.post_sdk_response()
    scene.settled()


STORIES: Final[Mapping[str, Callable[[Scene], None]]] = {
    story.__name__.replace("_", "-"): story
    for story in (guest_order, basket, rejected, amo_cancelled, forged, lost_webhook, abandoned)
}


def trigger(name: str, values: Mapping[str, str], report: Callable[[str], None]) -> str:
    """Let a story happen; its transactionId. `values` are those of the env file. `Failed` where it ends otherwise."""
    user = f"{name}-{uuid.uuid4().hex[:6]}"
    answer = httpx.post(f"{values['ISSUER']}/token", json={"sub": user}, trust_env=False)
    _expect(answer, 200)
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    limits = httpx.Limits(keepalive_expiry=1)  # the engine ends idle connections
    with (
        httpx.Client(base_url=values["API"], headers=headers, timeout=60, limits=limits, trust_env=False) as api,
        GatewayDriver(values["GATEWAY"]) as gateway,
    ):
        scene = Scene(api, gateway, user, report)
        STORIES[name](scene)
        return scene.transaction_id


def main(arguments: list[str]) -> int:
    """0 where the story ended as expected, 1 where it did not or nothing runs."""
    listed = "\n".join(f"  {name:<14} {story.__doc__}" for name, story in STORIES.items())
    parser = argparse.ArgumentParser(
        prog="make trigger SCENARIO=…",
        epilog=f"scenarios:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Let something happen on the product that `make run` keeps up.",
    )
    parser.add_argument("scenario", choices=STORIES, nargs="?", metavar="scenario")
    name = parser.parse_args(arguments).scenario
    if name is None:
        parser.print_help()
        return 2
    try:
        trigger(name, env_file.read(), lambda line: print(line, flush=True))
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    except httpx.ConnectError as error:
        print(f"{error.request.url} does not answer: is `make run` still up?", file=sys.stderr)
        return 1
    return 0


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise Failed(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text}")


def _outcome(order: Mapping[str, Any]) -> str:
    filled = f"{order.get('filledQuantity', 0)} of {order['quantity']}"
    why = f", {order['errorCode']}" if order.get("errorCode") else ""
    return f"{order['status']}, filled {filled}{why}"


def _answered(hit: Mapping[str, Any]) -> str:
    attempts = hit.get("attempts") or [{}]
    return f"the product answers {attempts[-1].get('status')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
