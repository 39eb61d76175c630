"""An attacker that sees genuine webhooks and signs other bodies with their checksums."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from tests.simulation.vendor import Document, Vendor
from tests.simulation.world import MINUTE, SECOND, Violation, World

Post = Callable[[str, str, Any], None]
_KINDS: Final = (
    "filled",
    "open",
    "shrunk",
    "other batch",
    "other transaction",
    "made-up transaction",
    "other notes",
    "no batch",
    "moved boundary",
    "wrong key",
    "flood",
)


class Forger:
    """Forges after a share of the genuine webhooks that were answered. `post` sends to the webhook's URL."""

    def __init__(self, world: World, vendor: Vendor, share: float, post: Post) -> None:
        self.world = world
        self.vendor = vendor
        self.share = share
        self.post = post

    def captured(self, body: Document) -> None:
        """A genuine webhook was seen."""
        chance = self.world.random
        if self.world.now >= self.world.rates.calm or chance.random() >= self.share:
            return
        kind = chance.choice(_KINDS)
        self.world.covered[f"forged: {kind}"] += 1
        delay = chance.choice([0, 5 * SECOND, 2 * MINUTE, 14 * MINUTE, 40 * MINUTE])
        if kind == "open":
            delay = chance.choice([0, 5 * SECOND, 2 * MINUTE])
        for n in range(12 if kind == "flood" else 1):
            forged = self.forge(kind, body, n)
            self.world.at(self.world.now + delay + 10 * n, partial(self._send, kind, forged))

    def _send(self, kind: str, forged: Document) -> None:
        def ended(status: int | None) -> None:
            if kind in ("moved boundary", "wrong key") and status == 200:
                raise Violation("forged is refused", kind)

        self.post(f"forger ({kind})", json.dumps(forged), ended)

    def altered(self, batch: Document) -> Document:
        """A batch that never was: more filled, at a price of the forger's."""
        orders = batch["orders"] or batch["unplaced"]
        filled = [
            {**order, "status": "COMPLETE", "filledQuantity": order["quantity"], "averagePrice": 666.25}
            for order in orders
        ]
        return {
            **batch,
            "status": "COMPLETED",
            "completedDate": "2026-01-15T05:00:00Z",
            "orders": filled,
            "unplaced": [],
        }

    def ahead(self, batch: Document) -> Document:
        """Open orders that are further than they will be for hours: nearly all filled, at a price of the forger's."""
        orders = [
            {**order, "status": "PLACED", "filledQuantity": order["quantity"] - 1, "averagePrice": 777}
            for order in batch["orders"] or batch["unplaced"]
        ]
        return {"status": "PLACED", "completedDate": None, "orders": orders, "unplaced": []}

    def forge(self, kind: str, body: Document, n: int = 0) -> Document:
        """A body of the forger's on a genuine timestamp, smallcaseAuthId and checksum."""
        if kind == "filled":
            return {**self.altered(body), "broker": "groww"}
        if kind == "open":
            return {**body, **self.ahead(body)}
        if kind == "shrunk":
            order = (body["orders"] or body["unplaced"])[0]
            cancelled = {**order, "status": "CANCELLED", "filledQuantity": 0, "averagePrice": 0}
            return {**body, "orders": [cancelled], "unplaced": []}
        if kind == "other batch":
            return {**self.altered(body), "batchId": "f" * 24}
        if kind == "other transaction":
            others = [each for each in self.vendor.transactions if each != body["transactionId"]]
            unused = [each for each in others if self.vendor.transactions[each].login > self.world.now]
            other = self.world.random.choice((unused or others) * 2 + others) if others else "TRX_nobodys"
            forged = {**self.altered(body), "transactionId": other, "batchId": "e" * 24}
            forged.pop("notes", None)
            return forged
        if kind in ("made-up transaction", "flood"):
            return {**body, "transactionId": f"TRX_made_up_{n}"}
        if kind == "other notes":
            return {**self.altered(body), "notes": "somebody-else"}
        if kind == "no batch":
            return {**body, "orders": "none"}
        if kind == "moved boundary":
            timestamp, auth_id = body["timestamp"], body["smallcaseAuthId"]
            return {**body, "timestamp": timestamp + auth_id[:1], "smallcaseAuthId": auth_id[1:]}
        return {**body, "checksum": "0" * 64}
