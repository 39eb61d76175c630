"""A value that no table, number or encoding can hold is a client error, not a server error."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from securities_transactions.domain.order_config import MOST_NOTES_CHARACTERS
from securities_transactions.http import cursor, problems
from securities_transactions.http.problems import Problem
from securities_transactions.http.request import MOST_ID_BYTES, Caller, Request
from tests.application import FakeClients, application, claims_event, handler

NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)


class NoOrders:
    """The tables of a user without transactions; any other request to DynamoDB fails the test."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    def query(self, *, Limit: int, **_: Any) -> dict[str, Any]:
        self.limits.append(Limit)
        return {"Items": []}


def page(tables: NoOrders, **query: str) -> dict[str, Any]:
    """The response to user-42's request for a page with these query parameters. There is no Gateway to call."""
    fetch = handler("fetch_orders", application(FakeClients(dynamodb=tables), lambda: NOW, lambda: 0.5))
    answer: dict[str, Any] = fetch(claims_event("GET /orders", "user-42", queryStringParameters=query), None)
    return answer


def field_at_fault(answer: dict[str, Any]) -> str:
    """The field that the problem in a response names."""
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["type"]) == (400, problems.INVALID_REQUEST.uri)
    return str(problem["errors"][0]["field"])


@pytest.mark.parametrize("limit", ["0", "51", "-1", "+5", "5.0", "1e1", "", " 5", "٣", "5,5", "9" * 5000, "0" * 5000])
def test_a_limit_that_is_no_number_from_1_to_50_is_named(limit: str) -> None:
    tables = NoOrders()

    assert field_at_fault(page(tables, limit=limit)) == "limit"
    assert tables.limits == []


@pytest.mark.parametrize(
    ("query", "meant"), [({}, 20), ({"limit": "1"}, 1), ({"limit": "50"}, 50), ({"limit": "007"}, 7)]
)
def test_limit_is_used_as_given(query: dict[str, str], meant: int) -> None:
    tables = NoOrders()

    assert page(tables, **query)["statusCode"] == 200
    assert tables.limits == [meant]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "€",
        "a",
        "====",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        cursor.encode("user-43", "transaction#1"),
        cursor.encode("user-42", "account#1"),
        cursor.encode("user-42", "transaction#" + "x" * 1024),
        cursor.encode("user-42", "transaction#" + "€" * 400),
    ],
)
def test_a_cursor_that_no_list_of_the_user_gave_is_named(given: str) -> None:
    """Nor one that is too long to be a key, which the table would refuse."""
    tables = NoOrders()

    assert field_at_fault(page(tables, cursor=given)) == "cursor"
    assert tables.limits == []


@pytest.mark.parametrize("notes", ["", "x" * (MOST_NOTES_CHARACTERS + 1)])
@pytest.mark.parametrize("is_service", [True, False])
def test_notes_that_cannot_be_a_user_id_are_named_for_every_caller(notes: str, is_service: bool) -> None:
    with pytest.raises(Problem) as caught:
        Caller("user-42", is_service).acting_for(notes)

    assert caught.value.type == problems.INVALID_REQUEST
    assert caught.value.errors[0]["field"] == "notes"


def test_notes_are_counted_in_characters() -> None:
    notes = "€" * MOST_NOTES_CHARACTERS
    assert Caller("user-42", True).acting_for(notes) == notes


@pytest.mark.parametrize("value", ["x" * (MOST_ID_BYTES + 1), "€" * (MOST_ID_BYTES // 3 + 1)])
def test_id_too_long_for_a_key_is_not_found(value: str) -> None:
    with pytest.raises(Problem) as caught:
        Request({"pathParameters": {"transactionId": value}}).path("transactionId")

    assert caught.value.type == problems.NOT_FOUND


def test_the_longest_id_is_passed_on() -> None:
    value = "x" * MOST_ID_BYTES
    assert Request({"pathParameters": {"transactionId": value}}).path("transactionId") == value
