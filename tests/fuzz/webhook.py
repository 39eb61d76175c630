"""`python -m tests.fuzz.webhook --n 100000`: strange bodies at the real `ingest_webhook`, event in, response out.

The tables are in memory. After each body: no exception, no 5xx, nothing stored that should not be, and all that was
stored can be read by every route and every consumer, also once the Gateway has confirmed it.
"""

import argparse
import base64
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any, Final

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Transaction
from tests.fuzz.bodies import API_SECRET, AUTH_ID, GATEWAY_SECRET, KNOWN, NOTES, Bodies, Event, sign
from tests.fuzz.readers import Readers, Unread
from tests.simulation.product import Product, simulated
from tests.simulation.vendor import Moods, State, Vendor, VendorTransaction
from tests.simulation.world import Rates, World

_CHUNK: Final = 2_000
_EVERY: Final = 200
_MOST_DEPTH: Final = 64
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


# Whether a body as received carries a genuine checksum.
Oracle = Callable[[bytes], bool]


class Broken(Exception):
    """A body did what it must not; the message has its start."""


def is_genuine(raw: bytes) -> bool:
    """Return True if a body has a checksum of our secret. This is independent of the tested code."""
    try:
        body = json.loads(raw.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict) or _is_deep(body):
        return False
    timestamp, subject = body.get("timestamp"), body.get("smallcaseAuthId", body.get("transactionId"))
    if not (isinstance(timestamp, str) and isinstance(subject, str) and isinstance(body.get("checksum"), str)):
        return False
    # The fixed form of one of the two parts fixes where the other begins or ends.
    fixed = re.fullmatch("[0-9a-f]{24}", subject) if "smallcaseAuthId" in body else _TIMESTAMP.fullmatch(timestamp)
    return bool(fixed) and bool(body["checksum"].lower() == sign(timestamp, subject))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_deep(value: Any) -> bool:
    """True if a body is nested deeper than is read (docs/reference/guarantees.md)."""
    level = [value]
    for _ in range(_MOST_DEPTH):
        level = [
            each
            for holder in level
            if isinstance(holder, dict | list)
            for each in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return any(isinstance(each, dict | list) for each in level)


class Target:
    """The handler with one known transaction in its tables."""

    def __init__(self, seed: int, genuine: Oracle) -> None:
        self.genuine = genuine
        self.world = World(seed, Rates(), (0,), story=False)
        vendor = Vendor(self.world, Moods())
        self.product = Product(
            self.world, vendor, {"CONFIRM": "final"}, lambda table, old, new: None, lambda event: None
        )
        self.product.secret = json.dumps({"gatewaySecret": GATEWAY_SECRET, "apiSecret": API_SECRET})
        self.handler = self.product.handlers["ingest_webhook"]
        self.bodies = Bodies(random.Random(seed), self.world.clock())
        self.readers = Readers(self.product, KNOWN, NOTES)
        self.renew()

    def renew(self) -> None:
        """The known transaction as it was, and nothing else."""
        for table in self.product.tables.values():
            table.items.clear()
            table.stream.clear()
        known = Transaction(
            transaction_id=KNOWN,
            user_id=NOTES,
            status=Status.CREATED,
            version=1,
            created_at=self.world.moment(0) - timedelta(minutes=1),
            expire_at=self.world.moment(0) + timedelta(minutes=14),
            requested=Deferred.of({}),
        )
        self.product.application.users.create(known)
        for table in self.product.tables.values():
            table.stream.clear()

    def hit(self, event: Event) -> int:
        """The status that `event` is answered with; `Broken` where a rule is."""
        raw = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
        streams = [self.product.tables[name].stream for name in ("Transactions", "Webhooks")]
        before = [len(stream) for stream in streams]
        start = f"{raw[:400]!r}"
        try:
            answer = self.handler(event, None)
        except Exception as error:
            raise Broken(f"raised {error!r}: {start}") from error
        status = int(answer["statusCode"])
        records = [record for stream, at in zip(streams, before, strict=True) for record in stream[at:]]
        if status not in (200, 400, 401) and not (status == 413 and len(raw) > 1024 * 1024):
            raise Broken(f"answered {status} {answer.get('body')}: {start}")
        if (status == 200) > self.genuine(raw):
            raise Broken(f"accepted without a genuine checksum: {start}")
        if (status == 401) and self.genuine(raw):
            raise Broken(f"refused with a genuine checksum: {start}")
        if records and status != 200:
            raise Broken(f"stored and refused: {start}")
        if not isinstance(json.loads(answer["body"]), dict):
            raise Broken(f"answered {answer['body']}: {start}")
        for record in records:
            self._check(record, start)
        if records:
            self._read(records, start)
            self._settle(raw, start)
        return status

    def _read(self, records: list[dict[str, Any]], start: str) -> None:
        try:
            self.readers.read(records)
        except Unread as error:
            raise Broken(f"stored and not readable: {error}: {start}") from error

    def _settle(self, raw: bytes, start: str) -> None:
        """The Gateway says the same in its own details: what is confirmed and settled has to be readable too."""
        body = json.loads(raw.decode("utf-8-sig"), parse_int=_number)
        if body.get("transactionId") != KNOWN or not isinstance(body.get("batchId"), str):
            return
        known = VendorTransaction(KNOWN, NOTES, AUTH_ID, "kite", 0, "fuzzed", login=0)
        known.states = [State(0, "COMPLETED", {"status": None, **body}, requested=True)]
        self.product.vendor.transactions[KNOWN] = known
        stream = self.product.tables["Transactions"].stream
        before = len(stream)
        message = {"messageId": "m", "body": json.dumps({"transactionId": KNOWN})}
        self.product.handlers["reconcile"]({"Records": [message]}, None)
        self._read(stream[before:], start)
        self.renew()

    def _check(self, record: dict[str, Any], start: str) -> None:
        new = record["dynamodb"]["NewImage"]
        if "webhookId" not in new:
            if new["transactionId"]["S"] != KNOWN or new["notes"]["S"] != NOTES:
                raise Broken(f"wrote another transaction: {start}")
            if new.get("confirmation", {}).get("S") != "reported" or "settledAt" in new or "account" in new:
                raise Broken(f"decided by itself: {start}")
            if new.get("smallcaseAuthId", {"S": AUTH_ID})["S"] not in (AUTH_ID, "f" * 24):
                raise Broken(f"stored an odd smallcaseAuthId: {start}")


def _number(digits: str) -> int | str:
    """Python itself writes no more digits."""
    return int(digits) if len(digits) < 4_000 else digits


def fuzz(seed: int, count: int, genuine: Oracle = is_genuine) -> tuple[Counter[str], list[str]]:
    """Counts of kinds and answers, and what broke; call it inside `simulated()`."""
    target, seen, broken = Target(seed, genuine), Counter[str](), []
    for n in range(count):
        if n % _EVERY == 0:
            target.renew()
        kind, event = target.bodies.event()
        try:
            seen[f"{kind} → {target.hit(event)}"] += 1
        except Broken as error:
            broken.append(f"seed {seed}, body {n}, {kind}: {error}")
    return seen, broken


def _chunk(seed: int) -> tuple[Counter[str], list[str]]:
    with simulated():
        return fuzz(seed, _CHUNK)


def main() -> int:
    """0 where nothing broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.webhook", description=__doc__)
    parser.add_argument("--n", type=int, default=100_000, help="how many bodies")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    start, seen, broken = time.monotonic(), Counter[str](), list[str]()
    chunks = -(-options.n // _CHUNK)
    with ProcessPoolExecutor(options.workers) as pool:
        for counts, found in pool.map(_chunk, range(chunks)):
            seen += counts
            broken += found
    for what, times in sorted(seen.items()):
        print(f"  {times:>8,}  {what}")
    for what in broken[:10]:
        print(f"BROKEN {what}")
    print(f"{chunks * _CHUNK:,} bodies in {time.monotonic() - start:.0f} s, {len(broken)} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
