"""Access on every route: users see their own resources, services those of the user that they name, others none."""

from collections.abc import Callable
from typing import Any

import pytest

from securities_transactions.http.request import Request
from tests.unit.functions.harness import INFY, KITE, OTHER, SERVICE, USER, Answered, Rig, routes

# Each names the user that it is for. Without the service scope, only that user may call it.
NAMING: dict[str, Callable[..., Answered]] = {
    "POST /transactions": lambda rig, notes, **who: rig.call(
        "POST /transactions", {"securities": [INFY], "notes": notes}, **who
    ),
    "POST /sdk-tokens": lambda rig, notes, **who: rig.call("POST /sdk-tokens", {"notes": notes}, **who),
    "GET /orders": lambda rig, notes, **who: rig.call("GET /orders", query={"notes": notes}, **who),
    "GET /accounts": lambda rig, notes, **who: rig.call("GET /accounts", query={"notes": notes}, **who),
    "DELETE /accounts/{smallcaseAuthId}": lambda rig, notes, **who: rig.call(
        "DELETE /accounts/{smallcaseAuthId}", query={"notes": notes}, path={"smallcaseAuthId": KITE}, **who
    ),
}
# Each names a transaction of another user.
OF_A_TRANSACTION: dict[str, Any] = {
    "GET /transactions/{transactionId}": None,
    "GET /transactions/{transactionId}/orders": None,
    "GET /transactions/{transactionId}/history": None,
    "POST /transactions/{transactionId}/sdk-response": {"rejected": {"message": "user_cancelled"}},
}
# What concerns every user: for operators and services (test_cases.py).
OF_OPERATORS = {
    "GET /cases",
    "POST /cases/{transactionId}",
    *(f"POST /cases/{{transactionId}}/{step}" for step in ("claim", "comments", "resolution", "approval")),
}
# The Gateway's own way in: it has no caller.
OPEN = {"POST /webhooks/orders", "POST /webhooks/orders/{segment+}"}

naming = pytest.mark.parametrize("route", NAMING)
of_a_transaction = pytest.mark.parametrize("route", OF_A_TRANSACTION)


def test_every_route_is_tried_here() -> None:
    assert {*NAMING, *OF_A_TRANSACTION, *OF_OPERATORS, *OPEN} == set(routes())


def everything(rig: Rig) -> str:
    """Everything stored."""
    return repr({name: table.items for name, table in rig.tables.items()})


@naming
@pytest.mark.parametrize("scope", ["", "openid securities-transactions:services"])
def test_a_user_may_not_name_another(rig: Rig, route: str, scope: str) -> None:
    rig.link(user=OTHER)
    before, asked = everything(rig), len(rig.gateway.requests)
    answer = NAMING[route](rig, OTHER, user=USER, scope=scope)

    assert (answer.status, answer.problem) == (403, "forbidden")
    assert KITE not in answer.text
    assert (everything(rig), len(rig.gateway.requests)) == (before, asked)


@naming
def test_user_may_name_only_themselves_and_a_service_any_user(rig: Rig, route: str) -> None:
    """And both get the same."""
    rig.link(user=OTHER)
    own = NAMING[route](rig, OTHER, user=OTHER)
    rig.link(user=OTHER) if route.startswith("DELETE") else None
    services = NAMING[route](rig, OTHER, user="backend", scope=f"openid {SERVICE}")

    assert own.status == services.status < 300
    if route != "POST /transactions":
        assert own.text == services.text
    else:
        assert own.body["notes"] == services.body["notes"] == OTHER


@pytest.mark.parametrize("route", ["GET /orders", "GET /accounts", "POST /sdk-tokens"])
def test_request_without_notes_is_for_the_caller_even_a_service(rig: Rig, route: str) -> None:
    """The service scope is no reason to be shown everybody's."""
    rig.link(user=OTHER)
    body: Any = {} if route.startswith("POST") else None
    answer = rig.call(route, body, user="backend", scope=SERVICE)

    assert answer.status in (200, 201)
    assert OTHER not in answer.text
    assert KITE not in answer.text


@of_a_transaction
def test_anothers_transaction_is_answered_as_one_that_does_not_exist(rig: Rig, route: str) -> None:
    """To the letter, and without a call of the Gateway: its existence is not revealed."""
    theirs, body = rig.transaction(OTHER), OF_A_TRANSACTION[route]
    before, asked = everything(rig), len(rig.gateway.requests)
    query = {"refresh": "true"} if route.startswith("GET") and not route.endswith("/history") else {}
    foreign = rig.call(route, body, path={"transactionId": theirs}, query=query)
    none = rig.call(route, body, path={"transactionId": "TRX_0"}, query=query)

    assert (foreign.status, foreign.problem) == (404, "not-found")
    assert (foreign.text, dict(foreign.headers)) == (none.text, dict(none.headers))
    assert (everything(rig), len(rig.gateway.requests)) == (before, asked)


@of_a_transaction
def test_a_transaction_is_its_users_and_the_services_to_see(rig: Rig, route: str) -> None:
    theirs = rig.transaction(OTHER)
    for user, scope in ((OTHER, ""), ("backend", SERVICE)):
        answer = rig.call(route, OF_A_TRANSACTION[route], path={"transactionId": theirs}, user=user, scope=scope)
        assert answer.status in (200, 202), answer.text
        assert answer.body["notes"] == OTHER


def test_a_service_that_posts_an_sdk_response_links_the_account_to_the_transactions_user(rig: Rig) -> None:
    """Never to itself."""
    theirs = rig.transaction(OTHER)
    rig.resolve(theirs, user=OTHER)
    accounts = {user: rig.call("GET /accounts", user=user).body["items"] for user in (OTHER, "backend")}

    assert [each["smallcaseAuthId"] for each in accounts[OTHER]] == [KITE]
    assert accounts["backend"] == []


@pytest.mark.parametrize("sub", ["owner#65a1b2c3d4e5f60718293a4b", "transaction#", "user-42\n", "ü" * 256])
def test_a_user_with_a_strange_id_meets_nothing_of_another_s(rig: Rig, sub: str) -> None:
    """Ids are the team's own; in our tables they stand beside keys of ours."""
    rig.link(user=USER)
    assert rig.call("GET /accounts", user=sub).body == {"items": []}
    assert rig.call("GET /orders", user=sub).body == {"items": []}
    assert rig.call("DELETE /accounts/{smallcaseAuthId}", user=sub, path={"smallcaseAuthId": KITE}).status == 404

    created = rig.create(sub)
    assert (created.status, created.body["sdkToken"]["kind"]) == (201, "guest")
    listed = rig.call("GET /orders", user=sub).body["items"]
    assert [each["transactionId"] for each in listed] == [created.body["transactionId"]]


# --- how issuers write scopes


SCOPE = SERVICE
CLAIMS: list[dict[str, Any]] = [
    {"scope": f"openid {SCOPE}"},
    {"scp": SCOPE},
    {"scp": [SCOPE, "openid"]},
    {"scope": ["openid", SCOPE]},
    {"scp": f"[openid {SCOPE}]"},
    {"scope": f"[{SCOPE}]", "scp": "openid"},
]
OTHERS: list[dict[str, Any]] = [
    {"scope": f"{SCOPE}s"},
    {"scope": f"not:{SCOPE}"},
    {"scope": f"{SCOPE}]"},
    {"permissions": SCOPE},
    {"scp": {SCOPE: True}},
    {"scp": [[SCOPE]]},
    {"scope": None, "scp": 1},
    {},
]


@pytest.mark.parametrize(("claims", "is_service"), [(c, True) for c in CLAIMS] + [(c, False) for c in OTHERS])
def test_service_scope_is_read_as_each_issuer_writes_it(claims: dict[str, Any], is_service: bool) -> None:
    """In `scope` or `scp`; as text, as a list, or as API Gateway passes a list on."""
    event = {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": USER, **claims}}}}}
    assert Request(event).caller(SCOPE).is_service is is_service
