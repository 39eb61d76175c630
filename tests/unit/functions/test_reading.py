"""Reading: pages without lost or repeated items, conditional responses, and refreshes that spare the Gateway."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.simulation.expressions import Item
from tests.unit.functions.harness import KITE, OTHER, USER, Answer, Answered, Client, Rig

ORDER = {"tradingsymbol": "INFY", "transactionType": "BUY", "quantity": 3, "filledQuantity": 0, "status": "PLACED"}
BATCH = {"batchId": "b1", "status": "PLACED", "quantity": 1, "filled": 0, "orders": [ORDER], "unplaced": []}


def page(rig: Rig, **query: str) -> Answered:
    """A page of the user's orders."""
    answer = rig.call("GET /orders", query=query)
    assert answer.status == 200, answer.text
    return answer


def ids(answer: Answered) -> list[str]:
    """The transactions on a page."""
    return [each["transactionId"] for each in answer.body["items"]]


def walk(rig: Rig, limit: int) -> list[list[str]]:
    """The pages, one after the other, until there is no cursor."""
    pages, cursor = list[list[str]](), None
    while len(pages) < 20:
        answer = page(rig, limit=str(limit), **({"cursor": cursor} if cursor else {}))
        pages.append(ids(answer))
        cursor = answer.body.get("cursor")
        if cursor is None:
            return pages
    raise AssertionError("the pages do not end")


def made(rig: Rig, count: int) -> list[str]:
    """Transactions of a user, newest first, with others' in between."""
    own = []
    for _ in range(count):
        rig.pass_time(1)
        own.append(rig.transaction())
        rig.transaction(OTHER)
    return own[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 50])
def test_the_pages_together_are_every_order_once_newest_first(rig: Rig, limit: int) -> None:
    """With any split of the table's responses, and with a full or partial last page."""
    own = made(rig, 7)
    pages = walk(rig, limit)

    assert [each for one in pages for each in one] == own
    assert all(len(one) == limit for one in pages[:-1])


def test_what_is_created_meanwhile_neither_repeats_nor_hides_anything(rig: Rig) -> None:
    own = made(rig, 4)
    first = page(rig, limit="2")
    rig.pass_time(1)
    newest = rig.transaction()
    second = page(rig, limit="2", cursor=first.body["cursor"])

    assert ids(first) + ids(second) == own
    assert ids(page(rig, limit="1")) == [newest]


def test_transactions_of_the_same_moment_are_paged_too(rig: Rig) -> None:
    own = {rig.transaction() for _ in range(5)}
    pages = walk(rig, 2)

    assert [len(one) for one in pages] == [2, 2, 1]
    assert {each for one in pages for each in one} == own


def test_cursor_reveals_nothing_and_is_rejected_for_other_users(rig: Rig) -> None:
    made(rig, 3)
    cursor = page(rig, limit="1").body["cursor"]
    answer = rig.call("GET /orders", user=OTHER, query={"cursor": cursor})

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "cursor")


def test_a_pointer_to_what_is_gone_is_passed_over(rig: Rig) -> None:
    """An operator may have deleted the transaction on a user's demand."""
    own = made(rig, 3)
    del rig.tables["Transactions"].items[(own[1],)]

    assert ids(page(rig)) == [own[0], own[2]]


class Deleting(Client):
    """A table whose items an operator deletes right after the first read."""

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> dict[str, Any]:
        """GetItem."""
        found = super().get_item(TableName=TableName, Key=Key, ConsistentRead=ConsistentRead)
        self.tables[TableName].items.clear()
        return found


def test_refresh_does_not_adopt_a_transaction_that_was_deleted_meanwhile(rig: Rig) -> None:
    """The Gateway still knows it, but readers have no permission to create one."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionDetails": {"transactionId": transaction_id, "notes": USER}}
    rig.clients.dynamodb = Deleting(rig.world, rig.tables, lambda table, old, new: None)
    before = len(rig.gateway.requests), dict(rig.tables["Idempotency"].items)

    rig.call("GET /transactions/{transactionId}", path={"transactionId": transaction_id}, query={"refresh": "true"})

    assert rig.tables["Transactions"].items == {}
    assert (len(rig.gateway.requests), rig.tables["Idempotency"].items) == before


def stored_places(rig: Rig) -> dict[str, Any]:
    """Return the paths of the answers that have an ETag, with what is there."""
    rig.link()
    (transaction_id,) = (key[0] for key in rig.tables["Transactions"].items)
    path = {"transactionId": transaction_id}
    return {
        "GET /transactions/{transactionId}": path,
        "GET /transactions/{transactionId}/orders": path,
        "GET /orders": None,
        "GET /accounts": None,
    }


@pytest.mark.parametrize(
    "route",
    ["GET /transactions/{transactionId}", "GET /transactions/{transactionId}/orders", "GET /orders", "GET /accounts"],
)
def test_who_has_the_answer_gets_304_until_it_changes(rig: Rig, route: str) -> None:
    path = stored_places(rig)[route]
    etag = rig.call(route, path=path).headers["etag"]
    same = rig.call(route, path=path, headers={"if-none-match": etag})
    assert (same.status, same.text, same.headers["etag"]) == (304, "", etag)
    assert same.headers["cache-control"] == "private, no-cache"

    if route == "GET /accounts":
        rig.call("DELETE /accounts/{smallcaseAuthId}", path={"smallcaseAuthId": KITE})
    else:
        rig.pass_time(1)
        answer = rig.resolve(str(next(iter(rig.tables["Transactions"].items))[0]), orderBatches=[BATCH])
        assert answer.body["status"] == "PLACED"

    changed = rig.call(route, path=path, headers={"if-none-match": etag})
    assert (changed.status, changed.headers["etag"] != etag) == (200, True)


ROUTES = pytest.mark.parametrize(
    "route", ["GET /transactions/{transactionId}", "GET /transactions/{transactionId}/orders"]
)


def refreshed(rig: Rig, route: str, transaction_id: str, refresh: str = "true") -> Answered:
    """A transaction, asked for with refresh."""
    return rig.call(route, path={"transactionId": transaction_id}, query={"refresh": refresh})


def completed(transaction_id: str) -> dict[str, Any]:
    """The Gateway's details of a transaction whose order is executed."""
    order = {**ORDER, "status": "COMPLETE", "filledQuantity": 3, "averagePrice": 100.05}
    batch = {**BATCH, "status": "COMPLETED", "filled": 1, "buyAmount": 300.15, "sellAmount": 0, "orders": [order]}
    return {
        "transactionId": transaction_id,
        "status": "COMPLETED",
        "smallcaseAuthId": KITE,
        "success": {"broker": "kite", "data": {"batches": [batch]}},
    }


@ROUTES
def test_refresh_pulls_at_most_once_per_interval(rig: Rig, route: str) -> None:
    """An early caller gets the stored state, and a check is due by then."""
    transaction_id = rig.transaction()
    asked = len(rig.gateway.requests)
    rig.gateway.details[transaction_id] = {"status": "USED"}
    for _ in range(3):
        assert refreshed(rig, route, transaction_id).body["status"] == "CREATED"
        rig.pass_time(1)
    assert len(rig.gateway.requests) == asked + 1

    rig.gateway.details[transaction_id] = completed(transaction_id)
    assert refreshed(rig, route, transaction_id, "false").body["status"] == "CREATED"
    assert refreshed(rig, route, transaction_id).body["status"] == "CREATED"
    (item,) = rig.tables["Transactions"].items.values()
    due = datetime.fromisoformat(item["nextCheckAt"]["S"])
    assert 0 < (due - rig.world.clock()).total_seconds() <= 31

    rig.pass_time(31)
    now = refreshed(rig, route, transaction_id).body
    assert (now["status"], now["settled"], now["buyAmount"]) == ("COMPLETED", True, 300.15)
    assert len(rig.gateway.requests) == asked + 2


FAILURES: dict[str, tuple[Answer, int, str, str | None]] = {
    "refused": (httpx.Response(400, json={"success": False, "errors": ["no"]}), 422, "gateway-refused", None),
    "2xx that says no": (httpx.Response(200, json={"success": False, "errors": ["no"]}), 422, "gateway-refused", None),
    "2xx without a reason": (
        httpx.Response(200, json={"success": False, "errors": []}),
        503,
        "gateway-unavailable",
        "5",
    ),
    "one text": (httpx.Response(400, json={"success": False, "errors": "no"}), 422, "gateway-refused", None),
    "message": (httpx.Response(422, json={"success": False, "message": "no"}), 422, "gateway-refused", None),
    "a proxy's page": (httpx.Response(404, text="<html>"), 503, "gateway-unavailable", "5"),
    "a proxy's JSON": (httpx.Response(404, json={"detail": "not found"}), 503, "gateway-unavailable", "5"),
    "empty": (httpx.Response(400), 503, "gateway-unavailable", "5"),
    "redirect": (httpx.Response(308, headers={"location": "/x"}), 503, "gateway-unavailable", "5"),
    "request timeout": (httpx.Response(408, json={"success": False}), 503, "gateway-unavailable", "5"),
    "our secret": (httpx.Response(401, json={"errors": ["invalid secret"]}), 503, "gateway-unavailable", "60"),
    "not ours": (httpx.Response(403, json={}), 503, "gateway-unavailable", "60"),
    "limited": (httpx.Response(429, headers={"retry-after": "17"}), 503, "gateway-unavailable", "17"),
    "failing": (httpx.Response(500, text="oops"), 503, "gateway-unavailable", "5"),
    "down": (httpx.ConnectError("no route"), 503, "gateway-unavailable", "5"),
    "slow": (httpx.ReadTimeout("slow"), 503, "gateway-unavailable", "5"),
    "cut off": (httpx.RemoteProtocolError("cut"), 503, "gateway-unavailable", "5"),
    "unreadable": (httpx.Response(200, text="<html>"), 503, "gateway-unavailable", "5"),
}


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("route", ["POST /transactions", "GET /transactions/{transactionId}"])
def test_each_failure_of_the_gateway_is_a_problem_of_its_own(rig: Rig, route: str, how: str) -> None:
    """A refusal is the request's, a rejected secret the operator's, and the rest is over after Retry-After."""
    failure, status, cause, retry_after = FAILURES[how]
    transaction_id = rig.transaction()
    rig.gateway.answer = lambda request: failure
    answer = rig.create() if route.startswith("POST") else refreshed(rig, route, transaction_id)

    assert (answer.status, answer.problem, answer.headers.get("retry-after")) == (status, cause, retry_after)
    if cause == "gateway-refused":
        assert answer.body["gatewayErrors"] == ["no"]


@ROUTES
def test_a_read_does_not_need_the_gateway_and_a_failed_refresh_is_made_up_for(rig: Rig, route: str) -> None:
    transaction_id = rig.transaction()
    (before,) = rig.tables["Transactions"].items.values()
    rig.gateway.answer = lambda request: httpx.Response(503, headers={"retry-after": "60"})
    assert refreshed(rig, route, transaction_id).status == 503

    assert refreshed(rig, route, transaction_id, "false").status == 200
    (after,) = rig.tables["Transactions"].items.values()
    due = datetime.fromisoformat(after["nextCheckAt"]["S"])
    assert after["nextCheckAt"]["S"] < before["nextCheckAt"]["S"]
    assert (due - rig.world.clock()).total_seconds() >= 60


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("{}", "gatewaySecret is missing"),
        ("x", "is not JSON"),
        ('{"gatewaySecret": "12345678"}', "apiSecret is missing"),
    ],
)
def test_missing_secret_is_named_by_its_member(rig: Rig, secret: str, said: str) -> None:
    rig.secret = secret
    for answer in (rig.create(), rig.call("POST /sdk-tokens", {})):
        assert (answer.status, answer.problem) == (500, "misconfigured")
        assert said in answer.body["detail"]
    assert rig.gateway.requests == []
