"""A team's own reference of a transaction: unique for the user, also with failures and at the same time."""

from typing import Any

import httpx
import pytest

from securities_transactions.domain.errors import Contended
from securities_transactions.events.builder import of_transaction
from securities_transactions.storage.reference_leases import LEASE, ReferenceLeases
from tests.unit.factories import stored
from tests.unit.functions.harness import OTHER, Answered, Rig, refused, said, throttled

REFERENCE = "order-7/1"


def found(rig: Rig, reference: str = REFERENCE, **query: str) -> list[str]:
    """The ids that a search for a reference gives."""
    answer = rig.call("GET /orders", query={"reference": reference, **query})
    assert answer.status == 200, answer.text
    assert "cursor" not in answer.body
    return [each["transactionId"] for each in answer.body["items"]]


def named(rig: Rig, **more: Any) -> Answered:
    """The answer to a request with the reference."""
    return rig.create(reference=REFERENCE, **more)


def test_reference_is_in_every_answer_about_its_transaction(rig: Rig) -> None:
    created = named(rig).body
    path = {"transactionId": created["transactionId"]}
    assert created["reference"] == REFERENCE
    for route in ("GET /transactions/{transactionId}", "GET /transactions/{transactionId}/orders"):
        assert rig.call(route, path=path).body["reference"] == REFERENCE
    assert [each["reference"] for each in rig.call("GET /orders").body["items"]] == [REFERENCE]
    assert "reference" not in rig.create().body


def test_reference_is_in_events() -> None:
    assert of_transaction(None, stored(reference=REFERENCE))[0].model_dump(exclude_none=True)["reference"] == REFERENCE
    assert "reference" not in of_transaction(None, stored())[0].model_dump(exclude_none=True)


def test_transaction_is_found_by_its_reference(rig: Rig) -> None:
    rig.create(reference="order-7")
    transaction_id = named(rig).body["transactionId"]
    rig.create(reference="order-7/10")
    assert found(rig) == [transaction_id]
    assert found(rig, "order-8") == []


def test_reference_is_combined_with_other_filters(rig: Rig) -> None:
    transaction_id = named(rig).body["transactionId"]
    assert found(rig, state="open", side="BUY") == [transaction_id]
    assert found(rig, state="settled") == []
    assert found(rig, to="2001-01-01T00:00:00Z") == []


@pytest.mark.parametrize("later", [0, 3 * LEASE.total_seconds()], ids=["at once", "later"])
def test_second_use_names_the_first_and_asks_the_gateway_nothing(rig: Rig, later: float) -> None:
    first = named(rig).body["transactionId"]
    rig.pass_time(later)
    again = named(rig)
    assert (again.status, again.problem, again.body["transactionId"]) == (409, "reference-taken", first)
    assert len(rig.gateway.created) == 1


def test_reference_is_another_users_too(rig: Rig) -> None:
    theirs = named(rig, user=OTHER)
    mine = named(rig)
    assert (theirs.status, mine.status) == (201, 201)
    assert found(rig) == [mine.body["transactionId"]]


@pytest.mark.parametrize(
    "answer",
    [refused(400, "ticker XYZ is not valid"), httpx.ReadTimeout("slow"), httpx.ConnectError("down"), said({})],
    ids=["refused", "timeout", "down", "unreadable"],
)
def test_reference_is_free_after_a_failure_of_the_gateway(rig: Rig, answer: Any) -> None:
    rig.gateway.answer = lambda request: answer
    assert named(rig).status >= 400
    rig.gateway.answer = lambda request: None
    assert named(rig).status == 201


def test_reference_is_free_after_a_failure_to_store(rig: Rig) -> None:
    rig.dynamodb.failing = {"TransactWriteItems": throttled("TransactWriteItems")}
    assert named(rig).status == 503
    rig.dynamodb.failing = {}
    created = named(rig)
    assert created.status == 201
    assert found(rig) == [created.body["transactionId"]]


def test_failure_to_release_does_not_hide_why(rig: Rig) -> None:
    rig.gateway.answer = lambda request: refused(400, "ticker XYZ is not valid")
    rig.dynamodb.failing = {"DeleteItem": throttled("DeleteItem")}
    assert named(rig).problem == "gateway-refused"


@pytest.mark.parametrize("at", ["GatewayCall", "TransactWriteItems"])
def test_after_a_crash_the_reference_is_reserved_for_a_minute(rig: Rig, at: str) -> None:
    """The invocation is killed before its transaction is stored: nothing releases the lease."""
    killed = SystemExit("killed")

    def die(request: httpx.Request) -> httpx.Response:
        raise killed

    if at == "GatewayCall":
        rig.gateway.answer = die
    else:
        rig.dynamodb.failing = {at: killed}
    with pytest.raises(SystemExit):
        named(rig)
    rig.gateway.answer, rig.dynamodb.failing = lambda request: None, {}
    asked = len(rig.gateway.created)

    early = named(rig)
    assert (early.status, early.problem, early.headers["retry-after"]) == (409, "request-in-progress", "2")
    assert len(rig.gateway.created) == asked
    rig.pass_time(LEASE.total_seconds() + 1)
    assert named(rig).status == 201


def test_two_requests_at_once_make_one_transaction(rig: Rig) -> None:
    second: list[Answered] = []

    def meanwhile(request: httpx.Request) -> None:
        if not second:
            second.append(named(rig))

    rig.gateway.answer = meanwhile
    first = named(rig)
    assert (first.status, second[0].status, second[0].problem) == (201, 409, "request-in-progress")
    assert found(rig) == [first.body["transactionId"]]
    assert len(rig.call("GET /orders").body["items"]) == 1


def test_first_to_store_has_the_reference_where_a_lease_ran_out(rig: Rig) -> None:
    """The slow one's id is shown to no user, nor is it stored."""
    quick: list[Answered] = []

    def slow(request: httpx.Request) -> httpx.Response | None:
        if quick:
            return None
        rig.pass_time(LEASE.total_seconds() + 1)
        quick.append(Answered(0, {}, ""))
        quick[0] = named(rig)
        return said({"transactionId": "TRX_late", "expireAt": "2026-01-15T04:45:00.000Z"})

    rig.gateway.answer = slow
    late = named(rig)
    assert quick[0].status == 201
    assert (late.problem, late.body["transactionId"]) == ("reference-taken", quick[0].body["transactionId"])
    assert [each["transactionId"] for each in rig.call("GET /orders").body["items"]] == found(rig)


def test_slow_request_does_not_release_the_lease_of_a_later_one(rig: Rig) -> None:
    leases = ReferenceLeases(rig.dynamodb, "Idempotency")  # type: ignore[arg-type]  # the one in memory
    now = rig.world.clock()
    assert leases.take("user", REFERENCE, "slow", now)
    assert leases.take("user", REFERENCE, "later", now + LEASE)
    leases.release("user", REFERENCE, "slow")
    assert not leases.take("user", REFERENCE, "third", now + LEASE)


def test_repeated_call_finds_its_own_lease(rig: Rig) -> None:
    """botocore repeats a call whose response was lost."""
    leases = ReferenceLeases(rig.dynamodb, "Idempotency")  # type: ignore[arg-type]  # the one in memory
    now = rig.world.clock()
    assert [leases.take("user", REFERENCE, "one", now) for _ in range(2)] == [True, True]
    assert not leases.take("user", REFERENCE, "another", now)


def test_idempotency_key_replays_before_the_reference_is_looked_at(rig: Rig) -> None:
    first, again = named(rig, key="k1"), named(rig, key="k1")
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.body["transactionId"] == first.body["transactionId"]
    other = named(rig, key="k2")
    assert (other.problem, other.body["transactionId"]) == ("reference-taken", first.body["transactionId"])


def test_failed_request_frees_its_key_and_its_reference(rig: Rig) -> None:
    rig.gateway.answer = lambda request: refused(500, "down")
    assert named(rig, key="k1").status == 503
    rig.gateway.answer = lambda request: None
    assert named(rig, key="k1").status == 201


def test_answer_that_was_lost_with_its_key_is_found_by_the_reference(rig: Rig) -> None:
    """The transaction is stored, and the invocation dies before the key is: no second one is made."""
    once = rig.dynamodb.update_item

    def dies(**arguments: Any) -> dict[str, Any]:
        if arguments["TableName"] == "Idempotency" and "creations" not in str(arguments["Key"]):
            raise SystemExit("killed")
        return once(**arguments)

    rig.dynamodb.update_item = dies  # type: ignore[method-assign]  # of this test's client
    with pytest.raises(SystemExit):
        named(rig, key="k1")
    rig.dynamodb.update_item = once  # type: ignore[method-assign]  # of this test's client
    rig.pass_time(LEASE.total_seconds() + 1)
    again = named(rig, key="k2")
    assert again.problem == "reference-taken"
    assert found(rig) == [again.body["transactionId"]]
    assert len(rig.gateway.created) == 1


def test_one_that_a_pull_stored_meanwhile_leaves_the_reference_free(rig: Rig) -> None:
    """It has no reference, and its user has not seen its id: the request can be repeated."""

    def adopted(request: httpx.Request) -> None:
        item = stored(transaction_id=f"TRX_{len(rig.gateway.created)}", user_id="user-42", adopted=True)
        if not rig.dynamodb.tables["Transactions"].items:
            assert rig.application().users.create(item)

    rig.gateway.answer = adopted
    assert (named(rig).problem, str(Contended("TRX_1"))) == ("unavailable", "TRX_1")
    created = named(rig)
    assert created.status == 201
    assert found(rig) == [created.body["transactionId"]]


@pytest.mark.parametrize("reference", ["", "a b", "x" * 65, "é", "a\n", 7])
def test_reference_that_is_not_valid_is_named(rig: Rig, reference: Any) -> None:
    answer = rig.create(reference=reference)
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "reference")
    searched = rig.call("GET /orders", query={"reference": str(reference) if reference != 7 else "a b"})
    assert (searched.status, searched.body["errors"][0]["field"]) == (400, "reference")
    assert rig.gateway.created == []
