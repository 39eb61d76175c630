"""Open cases: which callers see them, in which order, page by page, with all that is known."""

import json
from typing import Any

import pytest

from tests.unit.functions.harness import KITE, OPERATOR, OTHER, SERVICE, USER, Answered, Context, Rig
from tests.unit.functions.scenarios import batch, details, hook, order

LIST = "GET /cases"
ANN: Any = {"user": "ann", "scope": OPERATOR}


def pull(rig: Rig, transaction_id: str, *, user: str = USER, status: str = "COMPLETED", orders: list[Any]) -> None:
    """The Gateway shows `orders`, and a check pulls them."""
    shown = details(transaction_id)
    shown["success"]["notes"] = user
    shown["status"] = status
    shown["success"]["data"]["batches"] = [batch(orders=orders)]
    rig.gateway.details[transaction_id] = shown
    rig.pass_time(700)
    record = {"messageId": "m", "body": json.dumps({"transactionId": transaction_id})}
    assert rig.handler("reconcile")({"Records": [record]}, Context()) == {"batchItemFailures": []}


def report(rig: Rig, transaction_id: str, *, user: str = USER, orders: list[Any]) -> None:
    """A webhook of `orders`."""
    body = json.dumps(hook(rig, batch(transactionId=transaction_id, notes=user, orders=orders)))
    assert rig.call("POST /webhooks/orders", body).status == 200


LOST = order(status="ERROR", filledQuantity=0, averagePrice=0, errorCode="adapterError", exchangeOrderId="E1")


def case(rig: Rig, user: str = USER, orders: list[Any] | None = None) -> str:
    """A transaction of which the Gateway cannot say what became of an order."""
    transaction_id = rig.transaction(user)
    pull(rig, transaction_id, user=user, orders=orders or [LOST])
    return transaction_id


def listed(rig: Rig, who: Any = None, **query: str) -> Answered:
    return rig.call(LIST, query=query, **(who or ANN))


def ids(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.text
    return [each["transactionId"] for each in answer.body["items"]]


def test_case_shows_since_when_why_and_all_that_is_known(rig: Rig) -> None:
    id_ = case(rig)
    (found,) = listed(rig).body["items"]

    assert (found["transactionId"], found["notes"], found["status"]) == (id_, USER, "ERROR")
    assert (found["reason"], found["gatewayStatus"], found["since"]) == ("lost order", "COMPLETED", found["updatedAt"])
    (shown,) = found["orders"]
    assert (shown["exchangeOrderId"], shown["errorCode"]) == ("E1", "adapterError")
    assert shown["statusMessage"]  # the broker's own text is for operators
    assert found["requested"]["orderConfig"]["securities"]


@pytest.mark.parametrize(
    "who",
    [
        {"user": "ann", "scope": OPERATOR},
        {"user": "ann", "scope": f"openid {OPERATOR} {SERVICE}"},
        {"user": "orders-service", "scope": SERVICE},
    ],
)
def test_operators_and_services_see_the_cases_of_every_user(rig: Rig, who: Any) -> None:
    assert ids(listed(rig, who)) == []
    expected = [case(rig), case(rig, OTHER)]
    assert ids(listed(rig, who)) == expected


@pytest.mark.parametrize("scope", ["", "openid", OPERATOR + "s", "securities-transactions", "operator"])
def test_no_other_caller_sees_them(rig: Rig, scope: str) -> None:
    case(rig)
    answer = listed(rig, {"user": USER, "scope": scope})
    assert (answer.status, answer.problem) == (403, "forbidden")
    assert KITE not in answer.text


# Tokens that issuers give to a client: RFC 9068, Auth0, Microsoft Entra ID (v1 and v2), Keycloak.
CLIENTS = [
    {"client_id": "ann"},
    {"azp": "ann"},
    {"cid": "ann"},
    {"sub": "AbC123@clients", "azp": "AbC123"},
    {"gty": "client-credentials", "azp": "x"},
    {"idtyp": "app", "appid": "x"},
    {"oid": "ann", "appid": "x"},
    {"preferred_username": "service-account-reporting", "azp": "reporting"},
]


@pytest.mark.parametrize("claims", CLIENTS)
def test_operators_scope_counts_only_in_a_persons_token(rig: Rig, claims: dict[str, Any]) -> None:
    case(rig)
    assert listed(rig, {**ANN, "claims": claims}).status == 403


@pytest.mark.parametrize(
    "claims", [{"client_id": "desk"}, {"azp": "desk", "gty": "password"}, {"appid": "desk", "oid": "1"}, {}]
)
def test_persons_token_of_any_client_counts(rig: Rig, claims: dict[str, Any]) -> None:
    id_ = case(rig)
    assert ids(listed(rig, {**ANN, "claims": claims})) == [id_]


def test_pages_show_each_case_once_longest_open_first(rig: Rig) -> None:
    expected = [case(rig, f"user-{number}") for number in range(5)]
    table = rig.tables["Transactions"].items
    for id_ in expected[1:4]:  # three at the same moment
        table[(id_,)] = {**table[(id_,)], "escalatedAt": table[(expected[1],)]["escalatedAt"]}
    found, query = [], {"limit": "2"}
    for _ in range(9):
        answer = listed(rig, **query)
        found += ids(answer)
        if "cursor" not in answer.body:
            break
        query["cursor"] = answer.body["cursor"]
    assert (found[0], sorted(found[1:4]), found[4]) == (expected[0], sorted(expected[1:4]), expected[4])


def test_what_is_settled_or_failed_meanwhile_is_left_out_of_its_page(rig: Rig) -> None:
    first, second = case(rig), case(rig)
    pull(rig, first, orders=[order()])
    assert ids(listed(rig)) == [second]


def test_case_that_cannot_be_read_keeps_its_place(rig: Rig) -> None:
    first, second = case(rig), case(rig)
    rig.tables["Transactions"].items[(first,)] |= {"account": {"S": "unheard of"}}
    answer = listed(rig)
    assert ids(answer) == [first, second]
    assert answer.body["items"][0]["status"] == "UNREADABLE"


@pytest.mark.parametrize("cursor", ["", "x", "MjAyNg", "Y2FzZXM"])
def test_cursor_of_another_list_is_refused(rig: Rig, cursor: str) -> None:
    answer = listed(rig, cursor=cursor)
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "cursor")


def test_unchanged_page_is_not_sent_again(rig: Rig) -> None:
    case(rig)
    etag = listed(rig).headers["etag"]
    assert rig.call(LIST, headers={"if-none-match": etag}, **ANN).status == 304
