"""One schedule: a seed's faults, users, attackers and operators, and the results."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import jwt

from securities_transactions.domain.times import timestamp_text
from securities_transactions.gateway.client import IDS_PARAMETERS
from tests.simulation.answers import Answers
from tests.simulation.apps import Apps
from tests.simulation.delays import Delays
from tests.simulation.forger import Forger
from tests.simulation.product import NO_BUG, Bug, Product
from tests.simulation.promises import Promises
from tests.simulation.vendor import (
    GATEWAY_SECRET,
    LIFETIME,
    MOST_LAG,
    PLANS,
    Document,
    Moods,
    Vendor,
    VendorTransaction,
    plan,
)
from tests.simulation.world import DAY, HOUR, MINUTE, SECOND, Rates, Violation, World

_RETRIES: Final = (15 * MINUTE, 24 * HOUR, 48 * HOUR)
_REST: Final = 4 * DAY
# A flood of made-up transactions shares its lease with a genuine one that is not stored: each redrive settles a few.
_REDRIVES: Final = 8


@dataclass(frozen=True)
class Outcome:
    """The result of a schedule: the broken promise, if any, its log, and its coverage."""

    seed: int
    violation: Violation | None
    covered: Counter[str]
    story: Sequence[str]


class Schedule:
    """The actors of one seed. Build it, then `run` it inside `simulated()`."""

    def __init__(self, seed: int, story: bool = False, bug: Bug = NO_BUG) -> None:
        chance = random.Random(f"schedule {seed}")  # replayable chance is the point
        calm = chance.choice([20 * MINUTE, 2 * HOUR, 26 * HOUR])
        wild = chance.random() < 0.75
        rates = Rates(
            crash=wild * chance.choice([0, 0.01, 0.04]),
            refused=wild * chance.choice([0, 0.02, 0.08]),
            repeated=wild * chance.choice([0, 0.03, 0.1]),
            answer_lost=wild * chance.choice([0, 0.02]),
            slow=wild * chance.choice([0, 0.02]),
            overtaken=wild * chance.choice([0, 0, 0.1]),
            switch=chance.choice([0.1, 0.3, 0.6]),
            calm=calm,
        )
        skews = chance.choice([(0,), (0,), (0,), (-2_000, 0, 1_500), (-90_000, 0, 60_000)])
        # To a function, the Gateway lags by what clocks differ more.
        most_lag = MOST_LAG - (max(skews) - min(skews))
        self.seed = seed
        self.world = World(seed, rates, skews, story)
        moods = Moods(
            nested=chance.random() < 0.7,
            batches=chance.choice(["full", "full", "ids", "none"]),
            lag=chance.choice([0, MINUTE, most_lag] * 2 + [3 * HOUR]),
            same_stamp=chance.random() < 0.2,
            unavailable=chance.choice([0, 0, 0.1, 0.4]),
            timeout=chance.choice([0, 0.05]),
            several_ids=chance.choice(["all", "all", "refused", "ignored", "first", "last"]),
            calm=calm,
            locked=chance.choice([(0, 0)] * 5 + [(0, 10 * MINUTE), (5 * MINUTE, HOUR), (MINUTE, 5 * HOUR)]),
        )
        self.vendor = Vendor(self.world, moods)
        confirm = chance.choice(["final", "final", "final", "every"])
        self.promises = Promises(self.world, self.vendor, confirm, skews != (0,))
        promises = self.promises
        self.answers = Answers(self.world, promises)
        self.delays = Delays(self.world, self.vendor)
        if moods.locked[1]:
            self.delays.refused_until(moods.locked[1] + 6 * MINUTE)
        settings = {
            "CONFIRM": confirm,
            "GATEWAY_IDS_PER_CALL": chance.choice(["1", "2", "50", "50"]),
            "GATEWAY_IDS_PARAMETER": chance.choice(IDS_PARAMETERS),
        }
        self.product = Product(
            self.world, self.vendor, settings, self._watch, promises.accepted, promises.requested, bug, promises
        )
        self._store("secret first stored", current="1")
        self.vendor.created = self.answers.created_at_gateway
        self.apps = Apps(self.world, self.product, self.answers, self._live, self._good_keys)
        self.restamped = chance.random() < 0.5
        self.loss = chance.choice([0, 0, 0.3, 1.0])
        self.forger = Forger(self.world, self.vendor, chance.choice([0, 0.3, 0.8]), self._post)
        self.until = calm
        self._cast(chance)

    def run(self) -> Outcome:
        """Let it happen; the first broken promise ends it."""
        violation = None
        try:
            self.world.run(self.until)
            for number in range(_REDRIVES):
                queues = (*self.product.queues.values(), self.product.settled, self.product.notices)
                if number >= 2 and not any(queue.dead for queue in queues):
                    break
                for queue in queues:
                    queue.redrive()
                self.world.run(self.world.now + _REST // 2)
            self.promises.at_rest(self.product.tables)
            self.answers.at_rest(self.product.tables)
            if not self.promises.beyond:
                self.delays.at_rest()
        except Violation as found:
            violation = found
            self.world.tell(f"VIOLATION {found}")
        return Outcome(self.seed, violation, self.world.covered, self.world.told or [])

    def _watch(self, table: str, old: Any, new: Any) -> None:
        self.promises.watch(table, old, new)
        if table == "Users":
            self.answers.linked(old, new)
        elif table == "Transactions" and new is not None:
            self.delays.written(new)

    # --- the cast

    def _cast(self, chance: random.Random) -> None:
        count = chance.choice([1, 1, 1, 2, 2, 3])
        # Two users of one account whose orders are placed at the same moment: their claims to it meet.
        twins = chance.random() < 0.2
        first: VendorTransaction | None = None
        for n in range(count):
            made = VendorTransaction(
                id=f"TRX_{n}{chance.randrange(16**8):08x}",
                notes=f"user-{chance.choice([n, n, 0])}",
                auth_id=f"{chance.choice([n, n, n, 0]):024x}",
                broker="kite",
                created=chance.randrange(0, 20 * MINUTE) * bool(n),
                plan=chance.choice(PLANS),
                ours=chance.random() < 0.85,
            )
            if twins and first is not None:
                made.twin_of, made.notes, made.auth_id = first, f"user-{n}", first.auth_id
            if made.is_corrected and self.vendor.moods.lag > MOST_LAG:
                made.plan = "completed"  # shown so late that no reader could decide which of the two holds
            if made.twin_of is not None:
                made.created, made.plan = made.twin_of.created, made.twin_of.plan
            self.world.at(made.created, partial(self._create, made))
            first = first or made
        if chance.random() < 0.25:
            when = chance.randrange(0, 30 * MINUTE)
            gaps = [0, chance.randrange(5 * SECOND), chance.randrange(3 * MINUTE), chance.randrange(3 * MINUTE, HOUR)]
            signs, calls, ours = (when + chance.choice(gaps) for _ in range(3))
            if chance.random() < 0.3:  # the vendor switches unannounced
                when = ours = max(when, signs, calls) + chance.choice(gaps)
            both = chance.random() < 0.5
            self.delays.faults_until(max(when, signs, calls, ours) + 6 * MINUTE)
            for second in range(-5, 25):
                self.world.at(max(0, signs + second * SECOND), self._forge_with_a_wrong_key)
            self.world.at(when, partial(self._store, "secret stored", next="2", current="1"))
            self.world.at(signs, self._sign_with_the_new_secret)
            self.world.at(calls, partial(self._accept_the_new_secret, both))
            self.world.at(ours, partial(self._store, "secret switched", current="2", previous="1"))
            self.world.at(max(signs, calls, ours) + 4 * DAY, partial(self._store, "secret dropped", current="2"))
        if chance.random() < 0.15:
            self.world.at(chance.randrange(0, HOUR), self._another_kind)

    def _create(self, made: VendorTransaction) -> None:
        world = self.world
        made.created = world.now
        self.until = max(self.until, made.created + LIFETIME + 4 * DAY, world.rates.calm + DAY)
        if made.ours:
            self.apps.create(made)
            return
        self.vendor.transactions[made.id] = made
        self._live(made)

    def _live(self, made: VendorTransaction) -> None:
        """The user and the Gateway go on: states become true, webhooks are sent, the app posts what the SDK said."""
        world = self.world
        chance = world.random
        plan(world, made)
        world.covered[f"plan {made.plan}"] += 1
        world.tell(f"{made.notes} has {made.id} ({made.plan}){'' if made.ours else ' elsewhere'}")
        self.until = max(self.until, made.last.at + 4 * DAY)
        self.apps.reads(made)
        for state in made.states:
            if state.batch is not None:
                world.at(state.at, partial(self._notify, made, state.batch))
        shown = next((state for state in made.states if state.batch is not None), None)
        if made.ours and chance.random() < 0.4:
            at, batch = (made.last.at, None) if shown is None else (shown.at, shown.batch)
            given_up = next((state for state in made.states if state.code is not None), None)
            if given_up is not None:
                at, batch = given_up.at, None
            self.world.at(at + chance.randrange(0, 5 * SECOND), partial(self._sdk, made, batch))

    def _notify(self, made: VendorTransaction, batch: Document) -> None:
        world, chance = self.world, self.world.random
        if chance.random() < self.loss:
            lost = "correction lost" if made.is_corrected and batch is made.last.batch else "webhook lost"
            world.covered[lost] += 1
            return
        body = self.vendor.webhook(made, batch, notes=chance.random() < 0.9)
        delay = chance.choice([0, 50, 2 * SECOND, 10 * MINUTE, 2 * HOUR]) if chance.random() < 0.3 else 200
        for _ in range(1 + (chance.random() < 0.15)):
            self._send(made, body, delay + chance.randrange(0, 300), 0)

    def _send(self, made: VendorTransaction, body: Document, delay: int, attempt: int) -> None:
        world = self.world

        def again() -> None:
            if attempt < len(_RETRIES):
                world.covered["webhook retried"] += 1
                fresh = self.vendor.webhook(made, body) if self.restamped else body
                if "notes" not in body:
                    fresh.pop("notes", None)
                self._send(made, fresh, _RETRIES[attempt], attempt + 1)

        def ended(status: int | None) -> None:
            if status == 200:
                self.forger.captured(body)
                if world.now < world.rates.calm and world.random.random() < 0.05:
                    world.covered["our 200 lost"] += 1
                    again()
            else:
                world.covered[f"webhook answered {status}"] += 1
                again()

        raw = json.dumps(body)

        def answered(status: int | None) -> None:
            self.promises.genuine(body, raw, status, self.product.tables, self._keys())
            if status == 200:
                self.delays.reported(body, self.promises.items.get(made.id))
            ended(status)

        world.at(world.now + delay, lambda: self._post("webhook", raw, answered))

    def _post(self, who: str, body: str, ended: Any) -> None:
        self.world.tell(f"{who}: {body[:300]}")
        event = {"body": body, "isBase64Encoded": False, "headers": {}}
        self.product.request(
            "ingest_webhook", event, lambda answer: ended(None if answer is None else answer["statusCode"])
        )

    def _sdk(self, made: VendorTransaction, batch: Document | None) -> None:
        chance = self.world.random
        secret = GATEWAY_SECRET
        if chance.random() < 0.2:
            secret, batch = "forged_gateway_secret_of_forty_letters_", batch and self.forger.altered(batch)
        elif chance.random() < 0.2:
            batch = batch and self.forger.altered(batch)
        auth_id = made.auth_id if secret == GATEWAY_SECRET else "f" * 24
        token = jwt.encode({"smallcaseAuthId": auth_id}, secret, algorithm="HS256")
        said: Document = {"resolved": {"smallcaseAuthToken": token, "orderBatches": [batch] if batch else []}}
        if batch is None or chance.random() < 0.2:
            said = {"rejected": {"errorCode": chance.choice([1012, 4006, 2000])}}
        self.world.covered["sdk response"] += 1
        self.world.tell(f"sdk response for {made.id}: {json.dumps(said)[:200]}")
        claims = {"authorizer": {"jwt": {"claims": {"sub": made.notes}}}}
        event = {
            "body": json.dumps(said),
            "headers": {},
            "pathParameters": {"transactionId": made.id},
            "requestContext": claims,
        }
        self.product.request("accept_sdk_response", event, self.answers.accepted)

    # --- operators

    def _keys(self) -> list[str]:
        """The API secrets that are stored, since whenever."""
        secrets = json.loads(self.product.secret)
        return [secrets[name] for name in ("apiSecret", "nextApiSecret", "previousApiSecret") if name in secrets]

    def _good_keys(self) -> set[str]:
        """The stored API secrets that the Gateway accepts now."""
        return self.vendor.accepted & {*self._keys()}

    def _store(self, step: str, **numbers: str) -> None:
        """The operator stores these API secrets: current, next or previous, by their numbers."""
        self.world.covered[step] += 1
        self.world.tell(f"{step}: {numbers}")
        names = {"current": "apiSecret", "next": "nextApiSecret", "previous": "previousApiSecret"}
        secrets = {names[role]: f"simulated_api_secret_{number}" for role, number in numbers.items()}
        self.product.secret = json.dumps({"gatewaySecret": GATEWAY_SECRET, **secrets})

    def _sign_with_the_new_secret(self) -> None:
        self.world.tell("the Gateway signs with the new API secret")
        self.vendor.api_secret = "simulated_api_secret_2"

    def _accept_the_new_secret(self, both: bool) -> None:
        self.world.tell(f"the Gateway accepts the new API secret in calls{' and the old one' if both else ' alone'}")
        new = {"simulated_api_secret_2"}
        self.vendor.known = self.vendor.known | new if both else new

    def _forge_with_a_wrong_key(self) -> None:
        body = {"timestamp": timestamp_text(self.world.clock()), "smallcaseAuthId": "e" * 24, "checksum": "0" * 64}
        self._post("forger (wrong key)", json.dumps(body), lambda status: None)

    def _another_kind(self) -> None:
        """A holdings import arrives at the same URL."""
        made = next(iter(self.vendor.transactions.values()), None)
        if made is None:
            return
        body = self.vendor.webhook(made, {"securities": [], "snapshotDate": "2026-01-15"})
        del body["transactionId"]

        raw = json.dumps(body)
        tables = self.product.tables
        self._post("webhook", raw, lambda status: self.promises.genuine(body, raw, status, tables, self._keys()))
