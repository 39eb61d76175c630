"""The Gateway of the simulation: its own state, its API with all its faults, and its webhooks.

The state of a transaction is a chain of states with times, fixed when the transaction is created. The API may show an
earlier state (it lags), refuse, limit, fail or not respond.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from securities_transactions.domain.times import timestamp_text
from securities_transactions.gateway.exchange import Answer
from tests.simulation.world import DAY, HOUR, MINUTE, SECOND, World

GATEWAY_SECRET: Final = "simulated_gateway_secret_of_forty_letters"
LIFETIME: Final = 15 * MINUTE
MOST_LAG: Final = 9 * MINUTE

Document = dict[str, Any]


@dataclass(frozen=True)
class State:
    """The Gateway's state from `at` on. `batch` uses the vendor's words, `code` an SDK error's."""

    at: int
    status: str
    batch: Document | None = None
    requested: bool = False
    code: int | None = None

    @property
    def final(self) -> bool:
        """True if every order is final."""
        return self.batch is not None and self.batch["completedDate"] is not None


@dataclass
class VendorTransaction:
    """A transaction at the Gateway, with everything that will become of it."""

    id: str
    notes: str
    auth_id: str
    broker: str
    created: int
    plan: str
    login: int = 10**15
    placed: int = 10**15
    twin_of: "VendorTransaction | None" = None
    states: list[State] = field(default_factory=list)
    ours: bool = True
    stamped: int | None = None

    @property
    def is_corrected(self) -> bool:
        """True if a final state changes once more."""
        return self.plan.startswith("corrected")

    @property
    def last(self) -> State:
        """The last state."""
        return self.states[-1]

    def state(self, at: int) -> State:
        """The true state at `at`."""
        return next(state for state in reversed(self.states) if state.at <= max(at, self.created))


@dataclass(frozen=True)
class Moods:
    """The behavior of the Gateway's API until `calm`: shares of calls, and how far it lags, in milliseconds.

    `several_ids` is what becomes of a call of the orders API with several, at any time: all of them are honored, the
    first or the last alone, or they are ignored or refused.
    """

    nested: bool = True
    batches: str = "full"
    lag: int = 0
    same_stamp: bool = False
    unavailable: float = 0.0
    timeout: float = 0.0
    several_ids: str = "all"
    calm: int = 0
    # From when until when it refuses every credential in calls.
    locked: tuple[int, int] = (0, 0)


class Vendor:
    """The Gateway. `request` stands in for that of `gateway.exchange.BoundedClient`."""

    def __init__(self, world: World, moods: Moods) -> None:
        self.world = world
        self.moods = moods
        self.api_secret = "simulated_api_secret_1"
        self.known = {self.api_secret}
        self.transactions: dict[str, VendorTransaction] = {}
        self.pulls: dict[str, list[int]] = {}
        # What each running invocation is about to create, by its `id`, and the callback for each creation.
        self.making: dict[int, VendorTransaction] = {}
        self.created: Callable[[VendorTransaction, VendorTransaction], None] = lambda planned, made: None

    @property
    def accepted(self) -> set[str]:
        """The API secrets that it accepts in calls now."""
        since, until = self.moods.locked
        return set() if since <= self.world.now < until else self.known

    def sign(self, timestamp: str, subject: str) -> str:
        """The checksum that the Gateway puts on a webhook."""
        return hmac.new(self.api_secret.encode(), (timestamp + subject).encode(), hashlib.sha256).hexdigest()

    def webhook(self, made: VendorTransaction, batch: Document, notes: bool = True) -> Document:
        """The webhook body for a batch, signed now."""
        now = self.world.now
        if self.moods.same_stamp and made.stamped is not None and now - made.stamped < 10 * MINUTE:
            now = made.stamped  # seen in the field: two states under one timestamp and checksum
        made.stamped = now
        timestamp = timestamp_text(self.world.moment(now))
        identity = {
            "transactionId": made.id,
            "broker": made.broker,
            "smallcaseAuthId": made.auth_id,
            "timestamp": timestamp,
            "checksum": self.sign(timestamp, made.auth_id),
        }
        return {**batch, **identity, **({"notes": made.notes} if notes else {})}

    # --- the API

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]],
        content: str | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
        """A call of the product's, with everything that can befall it."""
        world = self.world
        world.pause()
        busy = world.now < self.moods.calm
        if busy and world.random.random() < self.moods.timeout:
            world.covered["gateway timed out"] += 1
            world.pause(8 * SECOND)
            raise httpx.ReadTimeout("no answer")
        if busy and world.random.random() < self.moods.unavailable:
            status = world.random.choice([429, 500, 502, 503])
            world.covered[f"gateway {status}"] += 1
            return Answer(status, {"retry-after": "7"} if status == 429 else {}, b"{}")
        if headers["x-gateway-secret"] not in self.accepted:
            world.covered["gateway 401"] += 1
            return _refusal(401, "invalid secret")
        answer = self._answer(method, url, params, content)
        if busy and world.random.random() < self.moods.timeout / 2:
            world.covered["gateway answer lost"] += 1
            raise httpx.ReadTimeout("the answer is lost")
        world.pause()
        return answer

    def _answer(self, method: str, path: str, params: Sequence[tuple[str, str]], content: str | None) -> Answer:
        if method == "POST":
            return self._create(json.loads(content or "{}")["notes"])
        ids = [id_ for name, value in params if name.startswith("transactionId") for id_ in value.split(",")]
        if path == "/v1/simulated/engine/transactiondetails":
            found = self.transactions.get(ids[0])
            self.pulls.setdefault(ids[0], []).append(self.world.now)
            return _refusal(400, "unknown transaction") if found is None else _success(self._details(found))
        if path != "/v1/simulated/engine/orders/sst":
            return _refusal(404, "not found")
        if len(ids) > 1:
            self.world.covered[f"several ids in a call: {self.moods.several_ids}"] += 1
            honored = {"first": ids[:1], "last": ids[-1:], "ignored": []}
            ids = honored.get(self.moods.several_ids, ids)
            if self.moods.several_ids == "refused":
                return _refusal(400, "one transactionId")
        batch_ids = {value for name, value in params if name == "batchId"}
        rows = [row for each in self.transactions.values() for row in self._rows(each, ids, batch_ids)]
        return _success({"orders": rows})

    def _create(self, notes: str) -> Answer:
        """Each call makes another transaction: this API knows no Idempotency-Key. It expires unless it is used."""
        now, planned = self.world.now, self.making[id(self.world.running)]
        number = sum(each.startswith(planned.id) for each in self.transactions)
        made = replace(planned, id=f"{planned.id}_{number}") if number else planned
        made.notes, made.created = notes, now
        made.states = [State(now, "INITIALIZED"), State(now + LIFETIME, "EXPIRED")]
        self.transactions[made.id] = made
        self.created(planned, made)
        return _success({"transactionId": made.id, "expireAt": timestamp_text(self.world.moment(now + LIFETIME))})

    def _seen(self, made: VendorTransaction) -> State:
        lag = 0
        if self.moods.lag and self.world.now < self.moods.calm:
            lag = self.world.random.choice([0, self.world.random.randrange(self.moods.lag)])
            self.world.covered["gateway lags"] += made.state(self.world.now - lag) != made.state(self.world.now)
        return made.state(self.world.now - lag)

    def _details(self, made: VendorTransaction) -> Document:
        state = self._seen(made)
        begun = state.at >= made.login
        batch = state.batch
        if batch is not None and self.moods.batches == "ids":
            batch = {"batchId": batch["batchId"], "status": batch["status"]}
        shown = [batch] if batch is not None and self.moods.batches != "none" else []
        details = {
            "transactionId": made.id,
            "intent": "TRANSACTION",
            "status": state.status,
            "expired": state.status == "EXPIRED",
            "expireAt": timestamp_text(self.world.moment(made.created + LIFETIME)),
            "createdAt": timestamp_text(self.world.moment(made.created)),
            "flags": {"isOrderRequested": state.requested},
            "orderConfig": {"type": "SECURITIES"},
            "error": {"value": state.code is not None, "message": None, "code": state.code},
        }
        if begun:
            details["authId"] = made.auth_id
            details["success"] = {"broker": made.broker, "notes": made.notes, "data": {"batches": shown}}
        return {"transactionDetails": details} if self.moods.nested else details

    def _rows(self, made: VendorTransaction, ids: Sequence[str], batch_ids: set[str]) -> Iterator[Document]:
        state = self._seen(made)
        if state.batch is None:
            return
        if (made.id in ids and state.status == "COMPLETED") or state.batch["batchId"] in batch_ids:
            yield {**state.batch, "transactionId": made.id, "broker": made.broker, "notes": made.notes}


def _success(data: Document) -> Answer:
    return Answer(200, {}, json.dumps({"success": True, "errors": None, "data": data}).encode())


def _refusal(status: int, error: str) -> Answer:
    return Answer(status, {}, json.dumps({"success": False, "errors": [error], "data": None}).encode())


# --- what becomes of transactions

_NAMES: Final = ("INFY", "M&M", "NIFTYBEES")
# Times after the user confirmed; each step: status, what each order is at, and how many shares each has filled.
_ENDS: Final[dict[str, tuple[tuple[int, str, str], ...]]] = {
    "completed": ((0, "PROCESSING", "PLACED"), (20 * SECOND, "COMPLETED", "COMPLETE")),
    "completed at once": ((2 * SECOND, "COMPLETED", "COMPLETE"),),
    "amo completed": ((0, "PROCESSING", "PLACED"), (14 * HOUR, "COMPLETED", "COMPLETE")),
    "amo cancelled": ((0, "PROCESSING", "PLACED"), (3 * HOUR, "COMPLETED", "CANCELLED AMO")),
    "partly filled": (
        (0, "PROCESSING", "PLACED"),
        (3 * MINUTE, "PROCESSING", "FILLING"),
        (2 * HOUR, "COMPLETED", "PARTIAL"),
    ),
    "filling": (
        (0, "PROCESSING", "PLACED"),
        (1 * MINUTE, "PROCESSING", "FILLING"),
        (4 * MINUTE, "PROCESSING", "FILLED MORE"),
        (6 * MINUTE, "COMPLETED", "COMPLETE"),
    ),
    "rejected": ((0, "PROCESSING", "PLACED"), (5 * SECOND, "COMPLETED", "REJECTED")),
    "unplaced": ((1 * SECOND, "COMPLETED", "UNPLACED"),),
    "unknown": ((0, "PROCESSING", "PLACED"), (1 * MINUTE, "COMPLETED", "ERROR")),
    "unknown then completed": (
        (0, "PROCESSING", "PLACED"),
        (1 * MINUTE, "PROCESSING", "ERROR"),
        (1 * DAY, "COMPLETED", "COMPLETE"),
    ),
    "open": ((0, "PROCESSING", "PLACED"),),
    "corrected": (
        (0, "PROCESSING", "PLACED"),
        (20 * SECOND, "COMPLETED", "COMPLETE"),
        (20 * HOUR, "COMPLETED", "PARTIAL"),
    ),
    "corrected soon": (
        (0, "PROCESSING", "PLACED"),
        (20 * SECOND, "COMPLETED", "COMPLETE"),
        (3 * MINUTE, "COMPLETED", "PARTIAL"),
    ),
}
PLANS: Final = (*_ENDS, "abandoned before login", "abandoned after login", "cancelled", "pending then completed")


def plan(world: World, made: VendorTransaction) -> None:
    """Fix what becomes of a transaction of which the app knows since now."""
    chance = world.random
    begun = max(world.now, made.created)
    login = begun + chance.randrange(5 * SECOND, 3 * MINUTE)
    confirmed = login + chance.randrange(5 * SECOND, 3 * MINUTE)
    if chance.random() < 0.15:
        confirmed = made.created + LIFETIME - chance.randrange(1, 5 * SECOND)
    twin = made.twin_of
    if twin is not None and begun < twin.placed - 2 * SECOND and twin.placed < LIFETIME + made.created:
        login, confirmed = max(begun, twin.login), twin.placed - SECOND
    start = State(made.created, "INITIALIZED")
    used = State(login, "USED")
    expired = State(made.created + LIFETIME + chance.choice([0, HOUR, 8 * HOUR]), "EXPIRED")
    if made.plan != "abandoned before login":
        made.login = login
    if made.plan == "abandoned before login":
        made.states = [start, expired]
    elif made.plan == "abandoned after login":
        made.states = [start, used] + ([expired] if chance.random() < 0.5 else [])
    elif made.plan == "cancelled":
        made.states = [start, used, State(confirmed, "ERRORED", code=1012)]
    else:
        ends = _ENDS.get(made.plan, _ENDS["completed"])
        made.states = [start, used, State(confirmed, "USED", requested=True)]
        if made.plan == "pending then completed":
            made.states += [State(confirmed + 30 * SECOND, "ERRORED", code=4006)]
            confirmed += 5 * MINUTE
        batch_id = hashlib.md5(made.id.encode(), usedforsecurity=False).hexdigest()[:24]
        size = chance.choice([1, 1, 2, 3])
        confirmed += SECOND if twin is not None else chance.randrange(100, 2_000)
        made.placed = confirmed
        for after, status, kind in ends:
            batch = _batch(batch_id, kind, size, amo=made.plan.startswith("amo"))
            made.states.append(State(confirmed + after, status, batch, requested=True))


def _batch(batch_id: str, kind: str, size: int, amo: bool) -> Document:
    orders = [_order(n, kind, size) for n in range(size)]
    open_ = kind in ("PLACED", "FILLING", "FILLED MORE", "ERROR")
    unplaced = orders if kind == "UNPLACED" else []
    placed = [] if kind == "UNPLACED" else orders
    return {
        "batchId": batch_id,
        "variety": "amo" if amo else "regular",
        "quantity": size,
        "filled": sum(order["status"] == "COMPLETE" for order in orders),
        "buyAmount": sum(order["filledQuantity"] for order in orders) * 100.5,
        "sellAmount": 0,
        "completedDate": None if open_ else "2026-01-16T10:00:00.000Z",
        "status": "PLACED" if open_ else "COMPLETED",
        "orders": placed,
        "unplaced": unplaced,
    }


def _order(n: int, kind: str, size: int) -> Document:
    quantity = 10 + n
    filled = {"COMPLETE": quantity, "PARTIAL": 7, "FILLING": 3, "FILLED MORE": 5}.get(kind, 0)
    status = {"FILLING": "PLACED", "FILLED MORE": "PLACED", "UNPLACED": "ERROR"}.get(kind, kind)
    if (kind in ("FILLING", "FILLED MORE") and n == 0 and size > 1) or (kind == "PARTIAL" and n == 0 and size > 1):
        status, filled = "COMPLETE", quantity
    return {
        "tradingsymbol": _NAMES[n],
        "transactionType": "BUY" if n % 2 == 0 else "SELL",
        "orderType": "MARKET",
        "status": status,
        "quantity": quantity,
        "filledQuantity": filled,
        "averagePrice": 100.5 if filled else 0,
        "errorCode": "marginsExceeded" if kind == "UNPLACED" else None,
    }
