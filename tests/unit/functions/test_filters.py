"""GET /orders with filters: what a plain reading of the same transactions gives, page by page."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Failure, FailureReason, Transaction
from securities_transactions.http import cursor
from tests.unit.factories import CREATED, DONE, PLACED, batch, stored
from tests.unit.functions.harness import OTHER, USER, Answered, Rig

TCS_SOLD: Final = {"tradingsymbol": "TCS", "transactionType": "SELL", "status": "COMPLETE", "quantity": 1}
BOUGHT_INFY: Final = {"orderConfig": {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}]}}
ANY_TCS: Final = {"orderConfig": {"securities": [{"ticker": "TCS"}]}}
# Each kind of transaction with the words that a reader would file it under, written down by hand.
KINDS: Final[Sequence[tuple[Transaction, dict[str, set[str]]]]] = (
    (
        stored(requested=Deferred.of(BOUGHT_INFY)),
        {"state": {"open"}, "traded": {"INFY BUY"}},
    ),
    (
        stored(requested=Deferred.of(ANY_TCS)),
        {"state": {"open"}, "traded": {"TCS BUY", "TCS SELL"}},
    ),
    (
        stored(PLACED, requested=Deferred.of(ANY_TCS)),
        {"state": {"open"}, "traded": {"INFY BUY"}},
    ),
    (
        stored(batch("COMPLETE", 10, TCS_SOLD), settled_at=CREATED + timedelta(hours=1)),
        {"state": {"settled"}, "traded": {"INFY BUY", "TCS SELL"}},
    ),
    (
        stored(status=Status.FAILED, failure=Failure(FailureReason.EXPIRED), requested=Deferred.of(BOUGHT_INFY)),
        {"state": {"failed"}, "traded": {"INFY BUY"}},
    ),
    (
        stored(batch("ERROR"), escalated_at=CREATED + timedelta(hours=1)),
        {"state": {"open", "needs-attention"}, "traded": {"INFY BUY"}},
    ),
    (
        stored(DONE, settled_at=CREATED + timedelta(hours=2), escalated_at=CREATED + timedelta(hours=1)),
        {"state": {"settled"}, "traded": {"INFY BUY"}},
    ),
    (
        stored(requested=Deferred.of({})),
        {"state": {"open"}, "traded": set()},
    ),
)


def put(rig: Rig, *transactions: Transaction, user: str = USER) -> list[str]:
    """Store transactions of a user, a second apart in the order of creation; their ids."""
    users, ids = rig.application().users, []
    for number, each in enumerate(transactions):
        ids.append(f"TRX_{user}_{number}")
        created = CREATED + timedelta(seconds=number)
        assert users.create(replace(each, transaction_id=ids[-1], user_id=user, created_at=created))
    return ids


def listed(rig: Rig, **query: str) -> Answered:
    """A page. `since` stands for `from`, which Python keeps for itself."""
    names = {"since": "from"}
    return rig.call("GET /orders", query={names.get(name, name): value for name, value in query.items()})


def walked(rig: Rig, **query: str) -> list[list[str]]:
    """The ids on each page, all filters given with the first page alone."""
    pages, answer = [], listed(rig, **query)
    while True:
        assert answer.status == 200, answer.text
        pages.append([each["transactionId"] for each in answer.body["items"]])
        if "cursor" not in answer.body:
            return pages
        answer = listed(rig, cursor=answer.body["cursor"], **{k: v for k, v in query.items() if k == "limit"})


def at(second: float) -> str:
    """Return the time at which the transaction with this number was created."""
    return (CREATED + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


CHOICES: Final = {
    "state": ["open", "settled", "failed", "needs-attention"],
    "tradingsymbol": ["INFY", "infy", "TCS", "SBIN"],
    "side": ["BUY", "SELL"],
    "sort": ["newest", "oldest"],
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(range(len(KINDS))), max_size=12),
    filters=st.fixed_dictionaries({}, optional={name: st.sampled_from(words) for name, words in CHOICES.items()}),
    since=st.none() | st.integers(0, 12),
    until=st.none() | st.integers(0, 12),
    limit=st.integers(1, 4),
)
def test_filters_give_what_a_plain_reading_gives(
    kinds: list[int], filters: dict[str, str], since: int | None, until: int | None, limit: int
) -> None:
    rig = Rig()
    put(rig, *[KINDS[0][0]] * 3, user=OTHER)
    ids = put(rig, *(KINDS[kind][0] for kind in kinds))
    if since is not None and until is not None and since >= until:
        until = None
    moments = {name: at(each) for name, each in (("since", since), ("to", until)) if each is not None}

    def is_wanted(number: int) -> bool:
        filed = KINDS[kinds[number]][1]
        symbol, side, state = (filters.get(name) for name in ("tradingsymbol", "side", "state"))
        traded = [each.split() for each in filed["traded"]]
        fits = any(symbol in (None, a, a.lower()) and side in (None, b) for a, b in traded)
        return (
            (state is None or state in filed["state"])
            and (fits or (symbol is None and side is None))
            and (since is None or number >= since)
            and (until is None or number < until)
        )

    expected = [id_ for number, id_ in enumerate(ids) if is_wanted(number)]
    pages = walked(rig, limit=str(limit), **moments, **filters)
    assert [id_ for page in pages for id_ in page] == (expected if filters.get("sort") == "oldest" else expected[::-1])
    assert all(len(page) <= limit for page in pages)


class Counted(Rig):
    """A harness that counts the transactions that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()
        answered = self.dynamodb.batch_get_item

        def batch_get_item(*, RequestItems: Any) -> dict[str, Any]:
            answer = answered(RequestItems=RequestItems)
            self.read |= {each["transactionId"]["S"] for each in answer["Responses"]["Transactions"]}
            return answer

        self.dynamodb.batch_get_item = batch_get_item  # type: ignore[method-assign]  # of this test's client


def test_page_reads_200_transactions_and_has_a_cursor_also_when_it_is_empty() -> None:
    rig = Counted()
    ids = put(rig, KINDS[3][0], *[KINDS[0][0]] * 450)
    answers: list[Answered] = []
    cursor_: str | None = None
    while cursor_ is not None or not answers:
        rig.read.clear()
        answers.append(listed(rig, cursor=cursor_) if cursor_ else listed(rig, state="settled"))
        assert len(rig.read) <= 200
        cursor_ = answers[-1].body.get("cursor")
    assert [[each["transactionId"] for each in answer.body["items"]] for answer in answers] == [[], [], [ids[0]]]


def test_what_cannot_be_read_is_left_out_of_no_filtered_page() -> None:
    """It may be what is wanted."""
    rig = Rig()
    ids = put(rig, KINDS[0][0], KINDS[0][0], KINDS[0][0])
    items = rig.tables["Transactions"].items
    items[(ids[0],)] = items[(ids[0],)] | {"version": {"S": "?"}}
    items[(ids[1],)] = items[(ids[1],)] | {"snapshot": {"B": b"\x01not deflated"}}
    answer = listed(rig, tradingsymbol="SBIN")
    assert [(each["transactionId"], each["status"]) for each in answer.body["items"]] == [
        (ids[1], "UNREADABLE"),
        (ids[0], "UNREADABLE"),
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "OPEN"}, "state"),
        ({"state": ""}, "state"),
        ({"side": "buy"}, "side"),
        ({"sort": "-createdAt"}, "sort"),
        ({"tradingsymbol": ""}, "tradingsymbol"),
        ({"tradingsymbol": "x" * 65}, "tradingsymbol"),
        ({"from": "2026-01-15"}, "from"),
        ({"from": "2026-01-15T00:00:00"}, "from"),
        ({"from": "2026-01-15T00:00:00 05:30"}, "from"),
        ({"from": "0001-01-01T00:00:00+05:30"}, "from"),
        ({"to": "1768435200"}, "to"),
        ({"to": "yesterday"}, "to"),
        ({"from": "2026-01-15T00:00:00Z", "to": "2026-01-15T05:30:00+05:30"}, "to"),
        ({"from": "2026-01-16T00:00:00Z", "to": "2026-01-15T00:00:00Z"}, "to"),
    ],
)
def test_filter_that_is_not_valid_is_named(rig: Rig, query: dict[str, str], field: str) -> None:
    answer = rig.call("GET /orders", query=query)
    assert answer.status == 400
    assert [each["field"] for each in answer.body["errors"]] == [field]


def test_time_may_be_in_any_zone(rig: Rig) -> None:
    ids = put(rig, *[KINDS[0][0]] * 3)
    second = CREATED + timedelta(seconds=1)
    ist = (second + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat() + "+05:30"
    assert walked(rig, since=ist) == [[ids[2], ids[1]]]
    assert walked(rig, to=ist) == [[ids[0]]]


FILTERED: Final = {"state": "open", "from": "2026-01-15T04:30:00Z", "sort": "oldest"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (FILTERED, None),
        ({}, None),
        (FILTERED | {"from": "2026-01-15T10:00:00+05:30"}, None),
        (FILTERED | {"state": "settled"}, "state"),
        (FILTERED | {"side": "BUY"}, "side"),
        ({"state": "open"}, "from"),
        ({"sort": "newest"}, "from"),
    ],
)
def test_cursor_keeps_its_filters(rig: Rig, given: dict[str, str], field: str | None) -> None:
    """The same filters may be given with it, or none; others are named."""
    put(rig, *[KINDS[0][0]] * 3)
    first = rig.call("GET /orders", query={**FILTERED, "limit": "1"})
    answer = rig.call("GET /orders", query={**given, "cursor": first.body["cursor"], "limit": "1"})
    if field is None:
        assert answer.body["items"][0]["transactionId"] == f"TRX_{USER}_1"
    else:
        assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize(
    ("entry", "filters"),
    [
        ("transaction#2026-01-15T04:29:59.999Z#TRX_1", "from=2026-01-15T04:30:00Z"),
        ("transaction#2026-01-16T00:00:00.001Z#TRX_1", "to=2026-01-16T00:00:00Z"),
        ("transaction#~~", ""),
        ("transaction#2026-01-15T04:30:00.000Z#TRX_1", "limit=3"),
        ("transaction#2026-01-15T04:30:00.000Z#TRX_1", "notes=user-43"),
    ],
)
def test_cursor_that_this_list_has_not_given_is_named(rig: Rig, entry: str, filters: str) -> None:
    """A client can write one: the table would refuse to begin outside what is queried."""
    answer = rig.call("GET /orders", query={"cursor": cursor.encode(USER, entry, filters)})
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "cursor")


def test_filters_of_a_written_cursor_are_checked(rig: Rig) -> None:
    answer = rig.call("GET /orders", query={"cursor": cursor.encode(USER, "transaction#2026", "state=everything")})
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "state")


def test_tag_of_a_page_is_that_of_its_filters(rig: Rig) -> None:
    """A filtered page is not taken for the whole list by a cache."""
    put(rig, KINDS[0][0], KINDS[3][0])
    tags = {json.dumps(query): listed(rig, **query).headers["etag"] for query in ({}, {"state": "open"})}
    assert len(set(tags.values())) == 2
