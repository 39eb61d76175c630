"""POST /transactions: one transaction per Idempotency-Key, with any failure on the way."""

import time
from typing import Any

import httpx
import pytest

from securities_transactions.domain.secrets import GatewaySecret
from securities_transactions.gateway import tokens
from securities_transactions.http.idempotency import MOST_KEY_CHARACTERS
from tests.unit.functions.harness import (
    GATEWAY_SECRET,
    GROWW,
    INFY,
    KITE,
    OTHER,
    SERVICE,
    USER,
    Answer,
    Answered,
    Context,
    Rig,
    refused,
    throttled,
)

LIMIT = {**INFY, "orderType": "LIMIT", "price": 900.05}


class Gone(BaseException):
    """The process dies: no handler of errors sees it."""


def keys(rig: Rig) -> list[dict[str, Any]]:
    """The stored idempotency keys, which share their table with the users' counters."""
    return [item for (id_,), item in rig.tables["Idempotency"].items.items() if not id_.startswith("creations#")]


def failing_once_the_gateway_is_asked(rig: Rig, operation: str, failure: BaseException) -> None:
    """From then on, `operation` fails."""

    def answer(request: httpx.Request) -> Answer | None:
        rig.dynamodb.failing = {operation: failure}
        return None

    rig.gateway.answer = answer


def stored(rig: Rig) -> list[str]:
    """The ids of the transactions that are stored."""
    return [str(item["transactionId"]["S"]) for item in rig.tables["Transactions"].items.values()]


def test_repeated_request_makes_no_call_and_returns_a_valid_token(rig: Rig) -> None:
    """The transaction is the first one's; the SDK token is not: it would be as old as the first answer."""
    first = rig.create(key="k")
    rig.pass_time(3500)
    again = rig.create(key="k")

    assert (first.status, again.status) == (201, 201)
    assert len(rig.gateway.created) == 1
    for name in ("transactionId", "expireAt", "notes", "gateway"):
        assert again.body[name] == first.body[name]
    assert again.headers["location"] == first.headers["location"]
    assert again.body["sdkToken"]["expiresAt"] > first.body["sdkToken"]["expiresAt"]
    token = again.body["sdkToken"]["smallcaseAuthToken"]
    rig.pass_time(3500)
    assert tokens.verify(token, GatewaySecret(GATEWAY_SECRET), rig.world.clock())["guest"] is True


@pytest.mark.parametrize("more", [{"securities": [{**INFY, "quantity": 4}]}, {"connect": "guest"}, {"notes": USER}])
def test_other_body_under_the_same_key_is_rejected_before_any_call(rig: Rig, more: dict[str, Any]) -> None:
    rig.create(key="k")
    answer = rig.create(key="k", **more)

    assert (answer.status, answer.problem) == (422, "idempotency-key-reused")
    assert len(rig.gateway.created) == 1


def test_a_key_is_its_users_own(rig: Rig) -> None:
    """Two users may come up with the same key, and a service acts for each of them apart."""
    made = [rig.create(key="k"), rig.create(OTHER, key="k")]
    body = {"securities": [INFY], "notes": "user-44"}
    made.append(rig.call("POST /transactions", body, user="backend", scope=SERVICE, headers={"idempotency-key": "k"}))

    assert len({answer.body["transactionId"] for answer in made}) == 3


def test_same_request_in_progress_gets_409_with_retry_after(rig: Rig) -> None:
    """And makes no second transaction."""
    meanwhile: list[Answered] = []

    def answer(request: httpx.Request) -> Answer | None:
        if not meanwhile:
            meanwhile.append(rig.create(key="k"))
        return None

    rig.gateway.answer = answer
    first = rig.create(key="k")

    (second,) = meanwhile
    assert (second.status, second.problem, second.headers["retry-after"]) == (409, "request-in-progress", "2")
    assert rig.create(key="k").body["transactionId"] == first.body["transactionId"]
    assert len(rig.gateway.created) == 1


def test_without_a_key_each_request_makes_a_transaction(rig: Rig) -> None:
    assert rig.create().body["transactionId"] != rig.create().body["transactionId"]
    assert keys(rig) == []


@pytest.mark.parametrize("key", ["", "k" * (MOST_KEY_CHARACTERS + 1)])
def test_a_key_out_of_bounds_is_named(rig: Rig, key: str) -> None:
    answer = rig.create(key=key)

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "idempotency-key")
    assert rig.gateway.requests == []


@pytest.mark.parametrize("where", ["UpdateItem Idempotency", "TransactWriteItems"])
def test_a_crash_half_way_is_survived_by_asking_again_once_the_invocation_is_over(rig: Rig, where: str) -> None:
    """Before the transaction is stored or just after it: what the dead request made expires unused."""
    failing_once_the_gateway_is_asked(rig, where, Gone())
    with pytest.raises(Gone):
        rig.create(key="k")
    rig.dynamodb.failing = {}
    rig.gateway.answer = lambda request: None

    assert rig.create(key="k").problem == "request-in-progress"
    (item,) = keys(rig)
    item["in_progress_expiration"] = {"N": "1"}  # the invocation that began it would have been ended by now
    answer = rig.create(key="k")

    assert answer.status == 201
    assert answer.body["transactionId"] == stored(rig)[-1] == "TRX_2"
    assert rig.create(key="k").body["transactionId"] == "TRX_2"
    assert all("nextCheckAt" in each for each in rig.tables["Transactions"].items.values())


def test_a_request_is_under_way_for_as_long_as_its_invocation_may_last(rig: Rig) -> None:
    """Longer, and a crash would block the key; shorter, and a slow request would be made twice."""
    rig.dynamodb.failing = {"TransactWriteItems": Gone()}
    before = int(time.time() * 1000)
    with pytest.raises(Gone):
        rig.create(key="k", context=Context(12_345))

    (item,) = keys(rig)
    until = int(item["in_progress_expiration"]["N"])
    assert before + 12_345 <= until <= int(time.time() * 1000) + 12_345


FAILURES: dict[str, tuple[Answer, int]] = {
    "down": (httpx.ConnectError("refused"), 503),
    "slow": (httpx.ReadTimeout("slow"), 503),
    "failing": (httpx.Response(500), 503),
    "refusing": (refused(400, "no such ticker"), 422),
}


@pytest.mark.parametrize("how", FAILURES)
def test_failed_gateway_call_may_be_retried_under_the_same_key(rig: Rig, how: str) -> None:
    failure, status = FAILURES[how]
    rig.gateway.answer = lambda request: failure
    assert rig.create(key="k").status == status
    rig.gateway.answer = lambda request: None

    answer = rig.create(key="k")
    assert answer.status == 201
    assert stored(rig) == [answer.body["transactionId"]]


def test_failed_write_may_be_retried_under_the_same_key(rig: Rig) -> None:
    """The id that the Gateway returned the first time belongs to no user: it expires."""
    rig.dynamodb.failing = {"TransactWriteItems": throttled("TransactWriteItems")}
    answer = rig.create(key="k")
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "1")
    rig.dynamodb.failing = {}

    assert rig.create(key="k").body["transactionId"] == "TRX_2"
    assert stored(rig) == ["TRX_2"]


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_a_table_of_keys_that_does_not_answer_is_a_part_that_is_down(rig: Rig, operation: str) -> None:
    """No bug of ours, and worth asking again; without its first writes the Gateway is not asked."""
    rig.dynamodb.failing = {f"{operation} Idempotency": throttled(operation)}
    answer = rig.create(key="k")

    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert rig.gateway.created == []


def test_a_response_that_cannot_be_kept_under_its_key_is_a_part_that_is_down(rig: Rig) -> None:
    failing_once_the_gateway_is_asked(rig, "UpdateItem Idempotency", throttled("UpdateItem"))
    answer = rig.create(key="k")

    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert len(rig.gateway.created) == 1


def test_user_can_create_so_many_transactions_in_a_minute_and_more_in_the_next() -> None:
    """The Gateway is not called for more; another user is not affected, and neither is a service that names one."""
    rig = Rig(CREATIONS_PER_MINUTE="2")
    rig.pass_time(60 - rig.world.clock().second + 10)  # the clock shows ten seconds past a full minute
    body = {"securities": [INFY], "notes": "user-44"}
    allowed = [rig.create().status, rig.create(key="k").status, rig.create(OTHER).status]
    allowed.append(rig.call("POST /transactions", body, user="backend", scope=SERVICE).status)
    before = len(rig.gateway.created)
    refused_ = rig.create(key="another key")

    assert allowed == [201] * 4
    assert (refused_.status, refused_.problem) == (429, "too-many-requests")
    assert refused_.headers["retry-after"] == "50"
    assert len(rig.gateway.created) == before
    rig.pass_time(50)
    assert rig.create(key="another key").status == 201


def test_request_that_is_repeated_under_its_key_does_not_count() -> None:
    rig = Rig(CREATIONS_PER_MINUTE="2")
    first = [rig.create(key="k") for _ in range(5)]

    assert {answer.body["transactionId"] for answer in first} == {"TRX_1"}
    assert rig.create().status == 201
    assert rig.create().status == 429


def test_request_that_the_gateway_does_not_carry_out_counts() -> None:
    """The limit protects the Gateway."""
    rig = Rig(CREATIONS_PER_MINUTE="2")
    rig.gateway.answer = lambda request: httpx.Response(500)
    assert [rig.create().status for _ in range(3)] == [503, 503, 429]


def test_stored_idempotency_key_identifies_no_user(rig: Rig) -> None:
    """Neither the user nor the key itself nor the token: only what is answered again."""
    rig.link()
    created = rig.create(key="a-key-that-an-app-made").body
    kept = repr(rig.tables["Idempotency"].items)

    assert created["transactionId"] in kept
    for text in (USER, "a-key-that-an-app-made", KITE, created["sdkToken"]["smallcaseAuthToken"], "INFY"):
        assert text not in kept


def test_a_limit_order_is_refused_where_the_linked_broker_takes_none(rig: Rig) -> None:
    """Before the Gateway is asked; a guest may still choose a broker that does."""
    rig.link(KITE, "kite")
    rig.pass_time(1)
    rig.link(GROWW, "hdfc")
    before = len(rig.gateway.created)
    answer = rig.create(securities=[INFY, LIMIT])

    assert (answer.status, answer.problem) == (422, "unprocessable")
    assert answer.body["errors"] == [{"field": "securities", "detail": "hdfc accepts MARKET orders only"}]
    assert len(rig.gateway.created) == before
    assert rig.create(securities=[LIMIT], connect="guest").status == 201
    assert rig.create(securities=[LIMIT], smallcaseAuthId=KITE).status == 201
    assert rig.create(securities=[{**INFY, "orderType": "MARKET"}]).status == 201


def test_gateway_is_called_with_the_token_that_the_app_gets(rig: Rig) -> None:
    """A transaction of a connected user is made for the account that the SDK is opened with."""
    guest = rig.create().body["sdkToken"]
    rig.link()
    connected = rig.create().body["sdkToken"]

    sent = [request.headers["x-gateway-authtoken"] for request in rig.gateway.requests if request.method == "POST"]
    assert (sent[0], sent[-1]) == (guest["smallcaseAuthToken"], connected["smallcaseAuthToken"])
    claims = tokens.verify(sent[-1], GatewaySecret(GATEWAY_SECRET), rig.world.clock())
    assert tokens.auth_id_of(claims) == KITE
