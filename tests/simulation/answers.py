"""The API's promises: one transaction a key, nothing of another user's, nothing that goes back, no 500."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from tests.simulation.promises import Promises, material
from tests.simulation.vendor import GATEWAY_SECRET, Document, VendorTransaction
from tests.simulation.world import Violation, World

Answer = dict[str, Any] | None
Key = tuple[str, str]
# Refusals that a call to an unaltered route may meet while a part is down; a caller repeats the request.
_REPEATED: Final = (409, 429, 502, 503)
_NOT_CREATED: Final = (400, 409, 422, 429)


@dataclass(frozen=True)
class Asked:
    """A request as it began: who asked, and which versions had been answered or stored by then."""

    user: str
    versions: Mapping[str, int]
    stored: frozenset[str]


class Answers:
    """The answers so far, and whether they keep what is promised."""

    def __init__(self, world: World, promises: Promises) -> None:
        self.world = world
        self.promises = promises
        self.owners: dict[str, str] = {}
        self.ids: dict[Key, str] = {}
        self.creations: Counter[Key] = Counter()
        self.failures: Counter[Key] = Counter()
        self._keys: dict[int, Key | None] = {}
        self._versions: dict[str, int] = {}
        self._shown: dict[tuple[str, int], Document] = {}
        self._tags: dict[str, tuple[str, int]] = {}

    # --- after every write and every creation at the Gateway

    def linked(self, old: Any, new: Any) -> None:
        """The Users table was written."""
        each = new or old
        if each["entry"]["S"] != "owner":
            return
        auth_id = each["notes"]["S"].removeprefix("owner#")
        if new is None:
            self.owners.pop(auth_id)
            self.promises.unlinked.add(auth_id)
        else:
            self.owners[auth_id] = new["owner"]["S"]

    def creates(self, key: Key | None) -> None:
        """The running invocation is a request to create, with this user and Idempotency-Key."""
        self._keys[id(self.world.running)] = key

    def created_at_gateway(self, planned: VendorTransaction, made: VendorTransaction) -> None:
        """The Gateway created a transaction for the running invocation."""
        key = self._keys.get(id(self.world.running))
        if key is None:
            return
        self.creations[key] += 1
        if key in self.ids:
            raise Violation("one key, one transaction", f"{key} has {self.ids[key]} and creates {made.id}")

    # --- after every answer

    def begin(self, user: str) -> Asked:
        """A request of `user` begins."""
        stored = {name: int(item["version"]["N"]) for name, item in self.promises.items.items()}
        own = {name for name, item in self.promises.items.items() if item["notes"]["S"] == user}
        versions = {name: max(version, self._versions.get(name, 0)) for name, version in stored.items()}
        return Asked(user, versions, frozenset(own))

    def check(self, route: str, answer: Answer) -> int | None:
        """The status of an answer, `None` where the function died; no route answers 500, nor 5xx in calm times."""
        if answer is None:
            return None
        status = int(answer["statusCode"])
        self.world.covered[f"{route} answered {status}"] += 1
        if status == 500 or not 200 <= status < 600:
            raise Violation("every route answers", f"{route}: {status} {answer.get('body')}")
        return status

    def accepted(self, answer: Answer) -> None:
        """An SDK response was answered."""
        self.check("accept_sdk_response", answer)

    def created(self, key: Key | None, user: str, again: bool, answer: Answer) -> str | None:
        """A request to create was answered; the transactionId where there is one. `again`: with another body."""
        status = self.check("create_transaction", answer)
        if key is not None and status not in (201, *_NOT_CREATED):
            self.failures[key] += 1
        if status != 201 or answer is None:
            return None
        body = json.loads(answer["body"])
        made: str = body["transactionId"]
        if again:
            raise Violation("one key, one request", f"{key} with another body was answered {made}")
        if body["notes"] != user or self.promises.vendor.transactions[made].notes != user:
            raise Violation("only one's own", f"{made} of {body['notes']} was created for {user}")
        self._token(user, body["sdkToken"])
        if key is not None and self.ids.setdefault(key, made) != made:
            raise Violation("one key, one transaction", f"{key} was answered {self.ids[key]} and {made}")
        self.promises.created.add(made)
        if made not in self.promises.items:
            raise Violation("nothing accepted is lost", f"{made} was answered and is not stored")
        return made

    def one(self, asked: Asked, made: str, service: bool, route: str, answer: Answer) -> None:
        """A transaction or its orders were read."""
        status = self.check(route, answer)
        if answer is None or status in _REPEATED:
            return
        own = service or made in asked.stored
        if status == 404:
            if own and made in asked.versions:
                raise Violation("what is stored can be read", f"{route}: 404 for {made} of {asked.user}")
        elif status == 304:
            self._unchanged(asked, made, answer)
        elif status == 200:
            if not own and self.promises.items[made]["notes"]["S"] != asked.user:
                raise Violation("only one's own", f"{asked.user} was shown {made}")
            self._read(asked, json.loads(answer["body"]))
            self._tags[answer["headers"]["etag"]] = (made, self._versions[made])
        else:
            raise Violation("every route answers", f"{route}: {status} for {made}")

    def page(self, asked: Asked, seen: list[str], answer: Answer) -> str | None:
        """A page of a user's orders was read; its cursor. `seen` collects the transactionIds of the pages before."""
        status = self.check("fetch_orders", answer)
        if answer is None or status in _REPEATED:
            return None
        if status != 200:
            raise Violation("every route answers", f"fetch_orders: {status} {answer.get('body')}")
        body = json.loads(answer["body"])
        for item in body["items"]:
            if item["transactionId"] in seen:
                raise Violation("a list is whole", f"{item['transactionId']} is on two pages")
            if item["status"] == "UNREADABLE":
                raise Violation("what is stored can be read", f"{item['transactionId']} is unreadable")
            seen.append(item["transactionId"])
            self._read(asked, item)
        cursor: str | None = body.get("cursor")
        if cursor is None and asked.stored - set(seen):
            raise Violation("a list is whole", f"{asked.user} is not shown {asked.stored - set(seen)}")
        return cursor

    def foreign_cursor(self, answer: Answer) -> None:
        """A cursor of another user's was sent."""
        if self.check("fetch_orders", answer) == 200:
            raise Violation("only one's own", "a cursor of another user's was accepted")

    def token(self, user: str, auth_id: str | None, answer: Answer) -> None:
        """A token was asked for, for the account `auth_id` where that is given."""
        status = self.check("issue_sdk_token", answer)
        if answer is not None and status == 201:
            self._token(user, json.loads(answer["body"]), auth_id)

    def accounts(self, user: str, answer: Answer) -> None:
        """A user's accounts were read."""
        if self.check("broker_accounts", answer) == 200 and answer is not None:
            for account in json.loads(answer["body"])["items"]:
                self._owned(user, account["smallcaseAuthId"])

    def unlinks(self, user: str, auth_id: str, answer: Answer) -> None:
        """An account was unlinked, by its user or by another."""
        users = {each.notes for each in self.promises.vendor.transactions.values() if each.auth_id == auth_id}
        if self.check("broker_accounts", answer) == 204 and user not in users:
            raise Violation("only one's own", f"{user} unlinked {auth_id} of {users}")

    # --- at rest

    def at_rest(self, tables: Mapping[str, Any]) -> None:
        """Everything has come to rest."""
        for key, count in self.creations.items():
            if count > 1 + self.failures[key]:
                raise Violation("one key, one transaction", f"{key} made {count}, {self.failures[key]} had failed")
        said = {
            (detail["transactionId"], detail["sequence"]): detail
            for detail in self.promises.events.values()
            if "sequence" in detail and "status" in detail
        }
        for (made, version), shown in self._shown.items():
            event = said.get((made, version))
            if event is None:
                raise Violation("read and bus agree", f"{made} was shown with version {version}, not published")
            for name in ("status", "confirmation"):
                if name in event and event[name] != shown.get(name):
                    raise Violation("read and bus agree", f"{made} v{version} was {name} {shown.get(name)}")
            if "orders" in shown and "orders" in event and material(event) != material(shown):
                raise Violation("read and bus agree", f"{made} v{version} was shown as {material(shown)}")
        settled = [each for each in self.promises.events.values() if self._is_settlement(each)]
        for (made, version), shown in self._shown.items():
            published = (each["sequence"] <= version for each in settled if each["transactionId"] == made)
            if shown["settled"] and not any(published):
                raise Violation("read and bus agree", f"{made} v{version} was shown as settled, not published")
        told = Counter((item["notes"]["S"], item["message"]["S"]) for item in tables["Messages"].items.values())
        due = Counter((each["notes"], f"{each['occurredAt']}#{each['eventId']}") for each in settled)
        if told != due:
            raise Violation("each is told once", f"{told - due} were told, {due - told} were not")

    def _is_settlement(self, detail: Document) -> bool:
        return self.promises.types[detail["eventId"]] == "OrdersSettled"

    # --- how

    def _read(self, asked: Asked, shown: Document) -> None:
        made, version = shown["transactionId"], shown["version"]
        if shown["notes"] != asked.user and made not in asked.versions:
            raise Violation("only one's own", f"{asked.user} was shown {made} of {shown['notes']}")
        if version < asked.versions.get(made, 0):
            raise Violation("a read never goes back", f"{made} v{version} after v{asked.versions[made]}")
        if version > int(self.promises.items[made]["version"]["N"]):
            raise Violation("read and bus agree", f"{made} v{version} is not stored")
        self._versions[made] = max(version, self._versions.get(made, 0))
        known = self._shown.setdefault((made, version), shown)
        if "orders" in shown and "orders" not in known:
            self._shown[made, version] = shown

    def _unchanged(self, asked: Asked, made: str, answer: Document) -> None:
        of, version = self._tags[answer["headers"]["etag"]]
        if of != made or version < asked.versions[made]:
            raise Violation("a read never goes back", f"304 for {made}: v{version} of {of} is not the latest")

    def tag(self, made: str) -> str | None:
        """The latest ETag of a transaction."""
        return next((tag for tag, (of, _) in reversed(self._tags.items()) if of == made), None)

    def _token(self, user: str, token: Document, auth_id: str | None = None) -> None:
        claims = jwt.decode(token["smallcaseAuthToken"], GATEWAY_SECRET, ["HS256"], options={"verify_exp": False})
        named = claims.get("smallcaseAuthId")
        if named != token.get("smallcaseAuthId") or (named is None) != (token["kind"] == "guest"):
            raise Violation("only one's own", f"the token names {named}")
        if auth_id is not None and named != auth_id:
            raise Violation("only one's own", f"a token for {named}, not for {auth_id}")
        if named is not None:
            self._owned(user, named)

    def _owned(self, user: str, auth_id: str) -> None:
        if self.owners.get(auth_id, user) != user:
            raise Violation("only one's own", f"{user} uses {auth_id} of {self.owners[auth_id]}")
