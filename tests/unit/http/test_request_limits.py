"""What no table, number or encoding could hold is the caller's mistake, said as one, and no failure of ours."""

import base64
from typing import Any

import pytest

from securities_transactions.domain.order_config import MOST_NOTES_CHARACTERS
from securities_transactions.http import cursor, problems
from securities_transactions.http.api import MOST_ID_BYTES, Caller, Request
from securities_transactions.http.problems import Problem
from securities_transactions.services.read_orders import Fetcher
from securities_transactions.storage.users import Page


def asking(**query: str) -> Request:
    """A request of user-42 with these query parameters."""
    claims = {"sub": "user-42", "scope": ""}
    return Request({"queryStringParameters": query, "requestContext": {"authorizer": {"jwt": {"claims": claims}}}})


class NoOrders:
    """The tables of a user without transactions."""

    def transactions_of(self, notes: str, limit: int, after: str | None) -> Page:
        self.limit = limit
        return Page([], None)

    def get_many(self, transaction_ids: Any) -> dict[str, Any]:
        return {}


def page(request: Request) -> NoOrders:
    tables: Any = NoOrders()
    Fetcher(tables, lambda: pytest.fail("the Gateway is not asked"), "securities-transactions:service").page(
        request, tables
    )
    return tables  # type: ignore[no-any-return]  # it stands in for both tables


@pytest.mark.parametrize("limit", ["0", "51", "-1", "+5", "5.0", "1e1", "", " 5", "٣", "5,5", "9" * 5000, "0" * 5000])
def test_a_limit_that_is_no_number_from_1_to_50_is_named(limit: str) -> None:
    with pytest.raises(Problem) as caught:
        page(asking(limit=limit))

    assert caught.value.type == problems.INVALID_REQUEST
    assert caught.value.errors[0]["field"] == "limit"


@pytest.mark.parametrize(("limit", "meant"), [("1", 1), ("50", 50), ("007", 7)])
def test_a_limit_is_taken_as_it_is_said(limit: str, meant: int) -> None:
    assert page(asking(limit=limit)).limit == meant


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
    with pytest.raises(Problem) as caught:
        page(asking(cursor=given))

    assert caught.value.errors[0]["field"] == "cursor"


@pytest.mark.parametrize("notes", ["", "x" * (MOST_NOTES_CHARACTERS + 1)])
@pytest.mark.parametrize("is_service", [True, False])
def test_notes_that_can_be_no_user_s_are_named_for_whoever_asks(notes: str, is_service: bool) -> None:
    with pytest.raises(Problem) as caught:
        Caller("user-42", is_service).acting_for(notes)

    assert caught.value.type == problems.INVALID_REQUEST
    assert caught.value.errors[0]["field"] == "notes"


def test_notes_are_counted_in_characters() -> None:
    notes = "€" * MOST_NOTES_CHARACTERS
    assert Caller("user-42", True).acting_for(notes) == notes


@pytest.mark.parametrize("value", ["x" * (MOST_ID_BYTES + 1), "€" * (MOST_ID_BYTES // 3 + 1)])
def test_an_id_that_is_too_long_for_a_key_is_nobody_s(value: str) -> None:
    with pytest.raises(Problem) as caught:
        Request({"pathParameters": {"transactionId": value}}).path("transactionId")

    assert caught.value.type == problems.NOT_FOUND


def test_the_longest_id_is_passed_on() -> None:
    value = "x" * MOST_ID_BYTES
    assert Request({"pathParameters": {"transactionId": value}}).path("transactionId") == value
