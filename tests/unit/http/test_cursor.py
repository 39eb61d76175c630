"""Cursors are opaque, and each is valid only for the user of its pages."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securities_transactions.http import cursor, problems
from securities_transactions.http.problems import Problem

ENTRY = "transaction#2026-01-15T04:30:00.000Z#TRX_1"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_a_cursor_leads_back_to_where_its_page_ended(notes: str) -> None:
    """For any user id, and made of letters that need no escaping in a URL."""
    made = cursor.encode(notes, ENTRY, "side=BUY&tradingsymbol=M%26M")
    assert cursor.decode(notes, made) == (ENTRY, "side=BUY&tradingsymbol=M%26M")
    assert made.isascii()
    assert made.replace("-", "").replace("_", "").isalnum()


def test_no_cursor_is_the_first_page() -> None:
    assert cursor.decode("user-42", None) is None


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT)
def test_another_users_cursor_is_refused(mine: str, theirs: str) -> None:
    if mine != theirs:
        refused(mine, cursor.encode(theirs, ENTRY))


def refused(notes: str, text: str) -> None:
    """Expect a problem that names the field and nothing of what it holds."""
    with pytest.raises(Problem) as caught:
        cursor.decode(notes, text)
    assert caught.value.type is problems.INVALID_REQUEST
    assert caught.value.errors == [{"field": "cursor", "detail": "is not a cursor of this list"}]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_other_cursor_is_rejected(text: str) -> None:
    refused("user-42", text)


@pytest.mark.parametrize("entry", ["account#65a1b2c3d4e5f60718293a4b", "owner", "", "transactio"])
def test_a_cursor_leads_nowhere_but_into_transactions(entry: str) -> None:
    """A user's accounts stand in the same partition."""
    refused("user-42", base64.urlsafe_b64encode(f"{entry}\n\nuser-42".encode()).decode().rstrip("="))


@pytest.mark.parametrize("text", ["", "=", "a", "%%%", "TRX", "\x00", "é", "a" * 10_000, "/+/+"])
def test_text_that_is_no_base64_is_refused(text: str) -> None:
    refused("user-42", text)
