"""The users' apps: they create with an Idempotency-Key, repeat what was not answered, poll, list, and try what is not
theirs."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from tests.application import claims_event
from tests.simulation.answers import Answer, Answers, Key
from tests.simulation.product import Product
from tests.simulation.vendor import VendorTransaction
from tests.simulation.world import HOUR, MINUTE, SECOND, Violation, World

SERVICE: Final = "securities-transactions:service"
_ATTEMPTS: Final = 5
# After this an app gives up: what it asked for can expire before the user has read the screen.
_PATIENCE: Final = 4 * MINUTE


class Apps:
    """Every user's app.

    `live` is called once for each transaction that an app has got. `good_keys` gives the stored API secrets that the
    Gateway accepts.
    """

    def __init__(
        self,
        world: World,
        product: Product,
        answers: Answers,
        live: Callable[[VendorTransaction], None],
        good_keys: Callable[[], set[str]],
    ) -> None:
        self.world = world
        self.product = product
        self.answers = answers
        self.live = live
        self.good_keys = good_keys
        self._numbers: Counter[str] = Counter()
        self._got: set[str] = set()

    # --- creating

    def create(self, made: VendorTransaction) -> None:
        """Create a transaction of `made`'s user, with a key as a rule."""
        chance = self.world.random
        self._numbers[made.notes] += 1
        key = f"order-{self._numbers[made.notes]}" if chance.random() < 0.85 else None
        self._send(made, key, self.world.now, 1)
        if key is not None and chance.random() < 0.15:  # the user taps twice
            self.world.at(self.world.now + chance.randrange(300), partial(self._send, made, key, self.world.now, 2))

    def _send(self, made: VendorTransaction, key: str | None, begun: int, attempt: int, quantity: int = 10) -> None:
        world, user = self.world, made.notes
        named: Key | None = None if key is None else (user, key)
        securities = [{"ticker": "INFY", "type": "BUY", "quantity": quantity}]
        headers = {} if key is None else {"idempotency-key": key}
        body = json.dumps({"securities": securities, "connect": "guest"})
        event = claims_event("POST /transactions", user, body=body, isBase64Encoded=False, headers=headers)

        good = set[str]()

        def began() -> None:
            good.update(self.good_keys())
            self.answers.creates(named)
            self.product.vendor.making[id(world.running)] = made

        def ended(answer: Answer) -> None:
            created = self.answers.created(named, user, quantity != 10, answer)
            if answer is not None and "credentials" in answer["body"] and good & self.good_keys():
                raise Violation("a stored secret is used", f"{made.id} is not created: {answer['body']}")
            if quantity != 10:
                return
            if created is not None:
                self._has(made, key, created)
            elif key is not None and attempt < _ATTEMPTS and world.now < begun + _PATIENCE:
                wait = world.random.choice([200, 2 * SECOND, 25 * SECOND])
                world.at(world.now + wait, partial(self._send, made, key, begun, attempt + 1))

        self.product.request("create_transaction", event, ended, began)

    def _has(self, planned: VendorTransaction, key: str | None, created: str) -> None:
        if created in self._got:
            return
        self._got.add(created)
        made = self.product.vendor.transactions[created]
        if self.world.now > made.created + _PATIENCE:
            return
        self.live(made)
        chance = self.world.random
        if key is not None and chance.random() < 0.2:  # the answer did not reach the app after all
            self.world.covered["create repeated"] += 1
            later = self.world.now + chance.choice([SECOND, MINUTE, HOUR])
            self.world.at(later, partial(self._send, planned, key, later, _ATTEMPTS))
        if key is not None and chance.random() < 0.1:
            self.world.covered["create with another body"] += 1
            self.world.at(self.world.now + SECOND, partial(self._send, planned, key, self.world.now, _ATTEMPTS, 11))

    # --- reading

    def reads(self, made: VendorTransaction) -> None:
        """Make the apps' calls while a transaction goes on, and some time after."""
        chance = self.world.random
        for _ in range(chance.choice([0, 1, 2, 5])):
            end = chance.choice([made.created + 10 * MINUTE, made.last.at + 5 * SECOND, made.last.at + HOUR])
            when = chance.randrange(self.world.now, max(end, self.world.now + 1))
            if chance.random() < 0.3:  # the user looks again and again when it is about to end
                when = made.last.at - chance.randrange(20 * SECOND)
            self.world.at(when, partial(chance.choice(_READS), self, made))

    def _one(self, made: VendorTransaction) -> None:
        chance = self.world.random
        user = chance.choice([made.notes] * 5 + ["user-0", "user-1", "stranger"])
        service = chance.random() < 0.1
        route = chance.choice(["fetch_transaction", "fetch_orders"])
        query = {"refresh": "true"} if chance.random() < 0.3 else {}
        tag = self.answers.tag(made.id) if chance.random() < 0.3 and not service else None
        event = claims_event(
            "GET",
            user,
            SERVICE if service else "",
            pathParameters={"transactionId": made.id},
            queryStringParameters=query,
        )
        asked = self.answers.begin(user)
        self._ask(
            route,
            {**event, "headers": {"if-none-match": tag} if tag else {}},
            partial(self.answers.one, asked, made.id, service, route),
        )

    def _list(self, made: VendorTransaction) -> None:
        asked, seen = self.answers.begin(made.notes), list[str]()

        def page(cursor: str | None) -> None:
            query = {"limit": str(self.world.random.choice([1, 2, 20]))} | ({"cursor": cursor} if cursor else {})
            self._ask("fetch_orders", claims_event("GET", made.notes, queryStringParameters=query), partial(read))

        def read(answer: Answer) -> None:
            cursor = self.answers.page(asked, seen, answer)
            if cursor is None:
                return
            if self.world.random.random() < 0.2:
                stolen = claims_event("GET", "stranger", queryStringParameters={"cursor": cursor})
                self._ask("fetch_orders", stolen, self.answers.foreign_cursor)
            page(cursor)

        page(None)

    def _token(self, made: VendorTransaction) -> None:
        chance = self.world.random
        user = chance.choice([made.notes, made.notes, "stranger"])
        auth_id = chance.choice([None, made.auth_id])
        wanted = {"connect": "auto"} | ({"smallcaseAuthId": auth_id} if auth_id else {})
        event = claims_event("POST", user, body=json.dumps(wanted), isBase64Encoded=False)
        self._ask("issue_sdk_token", event, partial(self.answers.token, user, auth_id))

    def _accounts(self, made: VendorTransaction) -> None:
        user = self.world.random.choice([made.notes, "stranger"])
        self._ask("broker_accounts", claims_event("GET", user), partial(self.answers.accounts, user))

    def _unlink(self, made: VendorTransaction) -> None:
        user = self.world.random.choice([made.notes, "stranger"])
        event = claims_event("DELETE", user, pathParameters={"smallcaseAuthId": made.auth_id})
        self._ask("broker_accounts", event, partial(self.answers.unlinks, user, made.auth_id))

    def _ask(self, name: str, event: Mapping[str, Any], ended: Callable[[Answer], None]) -> None:
        self.world.tell(f"{name} {event.get('pathParameters')} {event.get('queryStringParameters')}")
        self.product.request(name, event, ended)


_READS: Final = (Apps._one, Apps._one, Apps._one, Apps._list, Apps._token, Apps._accounts, Apps._unlink)
