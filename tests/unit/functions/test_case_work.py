"""People claim, comment on and resolve open cases; the Gateway's later word still counts."""

import json
from typing import Any

import pytest

from securities_transactions.events.builder import of_transaction
from securities_transactions.storage import mapper
from securities_transactions.storage.dynamodb import of_attributes
from tests.simulation.expressions import Item
from tests.unit.functions.harness import OPERATOR, SERVICE, USER, Answered, Client, Context, Rig
from tests.unit.functions.scenarios import order
from tests.unit.functions.test_cases import ANN, LOST, case, ids, listed, pull, report

BOB: Any = {"user": "bob", "scope": OPERATOR}
FILLED = {
    "tradingsymbol": "INFY",
    "transactionType": "BUY",
    "quantity": 3,
    "status": "COMPLETE",
    "filledQuantity": 3,
    "averagePrice": 99.5,
}
STEPS: dict[str, dict[str, Any]] = {
    "open": {"text": "The tradebook has 2 shares."},
    "claim": {},
    "comments": {"text": "Asked the broker."},
    "resolution": {
        "version": 2,
        "orders": [FILLED],
        "why": "The broker filled it.",
        "restsOn": "tradebook",
        "reference": "trade 25812345",
    },
    "approval": {"proposalId": "0"},
}


def step(rig: Rig, name: str, id_: str, who: Any = None, **changes: Any) -> Answered:
    route = "POST /cases/{transactionId}" + (f"/{name}" if name != "open" else "")
    return rig.call(route, STEPS[name] | changes, path={"transactionId": id_}, **(who or ANN))


def claimed(rig: Rig, **more: Any) -> str:
    id_ = case(rig, **more)
    assert step(rig, "claim", id_).status == 200
    return id_


def stored(rig: Rig, id_: str) -> Item:
    return rig.tables["Transactions"].items[(id_,)]


def events(rig: Rig) -> list[dict[str, Any]]:
    """The events that the stream amounts to, as the publisher makes them."""
    found = []
    for record in rig.tables["Transactions"].stream:
        images = record["dynamodb"]
        old = mapper.of_item(of_attributes(images["OldImage"])) if "OldImage" in images else None
        new = mapper.of_item(of_attributes(images["NewImage"]))
        found += [{"type": each.detail_type, **each.model_dump(exclude_none=True)} for each in of_transaction(old, new)]
    return found


def history(rig: Rig, id_: str, who: Any = None) -> list[dict[str, Any]]:
    rig.handler("record_history")({"Records": rig.tables["Transactions"].stream}, Context())
    route = "GET /transactions/{transactionId}/history"
    found = rig.call(route, path={"transactionId": id_}, **(who or {"user": "support-7", "scope": SERVICE}))
    assert found.status == 200, found.text
    return list(found.body["items"])


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(
    "who",
    [
        {"user": "orders-service", "scope": SERVICE},
        {"user": USER},
        {**ANN, "claims": {"client_id": "ann"}},
        {"user": "ann", "scope": f"{SERVICE} openid"},
    ],
)
def test_only_a_person_with_the_operators_scope_works_on_a_case(rig: Rig, name: str, who: Any) -> None:
    id_ = case(rig)
    before = dict(stored(rig, id_))
    assert step(rig, name, id_, who).problem == "forbidden"
    assert stored(rig, id_) == before


def test_claim_and_comments_are_shown_with_the_case_and_name_the_person(rig: Rig) -> None:
    id_ = claimed(rig)
    assert step(rig, "comments", id_, BOB, text="Look at the contract note.").status == 200
    (found,) = listed(rig).body["items"]

    assert found["claimedBy"] == "ann"
    assert [(each["by"], each["text"]) for each in found["comments"]] == [("bob", "Look at the contract note.")]


def test_claimed_case_is_taken_over_only_on_purpose(rig: Rig) -> None:
    id_ = claimed(rig)
    refused = step(rig, "claim", id_, BOB)
    assert (refused.status, refused.problem) == (409, "case-conflict")
    assert step(rig, "resolution", id_, BOB).problem == "case-conflict"
    assert step(rig, "claim", id_, BOB, takeOver=True).body["claimedBy"] == "bob"


def test_resolution_settles_the_orders_and_closes_the_case(rig: Rig) -> None:
    id_ = claimed(rig)
    answer = step(rig, "resolution", id_)
    assert answer.status == 200, answer.text
    assert (answer.body["status"], answer.body["settled"], answer.body["version"]) == ("COMPLETED", True, 3)
    (shown,) = answer.body["orders"]
    assert (shown["status"], shown["filledQuantity"], shown["averagePrice"]) == ("COMPLETE", 3, 99.5)
    assert (answer.body["buyAmount"], answer.body["resolution"]["by"]) == (298.5, "ann")
    assert ids(listed(rig)) == []

    last = events(rig)[-1]
    assert (last["type"], last["source"], last["sequence"]) == ("OrdersSettled", "person", 3)
    assert all("source" not in each for each in events(rig)[:-1])


def test_history_names_the_person_to_support_and_not_to_the_user(rig: Rig) -> None:
    id_ = claimed(rig)
    step(rig, "comments", id_)
    step(rig, "resolution", id_)
    found = history(rig, id_)
    kinds = [(each["change"], each["cause"].get("subject")) for each in found if each["cause"]["kind"] == "person"]
    assert kinds == [("case", "ann"), ("case", "ann"), ("resolved", "ann")]
    assert found[-1]["resolution"]["reference"] == "trade 25812345"
    assert "ann" not in json.dumps(history(rig, id_, {"user": USER}))


@pytest.mark.parametrize("again", range(3))
def test_gateway_that_repeats_its_error_does_not_undo_a_resolution(rig: Rig, again: int) -> None:
    id_ = claimed(rig)
    step(rig, "resolution", id_)
    for _ in range(again + 1):
        pull(rig, id_, orders=[LOST])
        report(rig, id_, orders=[LOST])
        rig.pass_time(86400)
    assert (stored(rig, id_)["status"], stored(rig, id_)["version"]) == ({"S": "COMPLETED"}, {"N": "3"})
    assert ids(listed(rig)) == []


def test_later_word_of_the_gateway_corrects_a_resolution_visibly(rig: Rig) -> None:
    id_ = claimed(rig)
    step(rig, "resolution", id_)
    pull(rig, id_, orders=[order(status="COMPLETE", filledQuantity=3, averagePrice=101, exchangeOrderId="E1")])
    last = events(rig)[-1]
    assert (last["type"], last["sequence"], last["orders"][0]["averagePrice"]) == ("OrdersSettled", 4, 101)
    assert "source" not in last
    assert history(rig, id_)[-1]["change"] == "corrected"
    assert "resolution" not in stored(rig, id_)
    pull(rig, id_, orders=[LOST])  # stale: it does not bring the person's statement back
    assert stored(rig, id_)["version"] == {"N": "4"}


def test_gateway_that_agrees_makes_it_its_own_word(rig: Rig) -> None:
    id_ = claimed(rig)
    step(rig, "resolution", id_)
    pull(rig, id_, orders=[order(status="COMPLETE", filledQuantity=3, averagePrice=99.5, exchangeOrderId="E1")])
    assert stored(rig, id_)["source"] == {"S": "pull"}
    assert "source" not in events(rig)[-1]


def test_each_order_is_corrected_for_itself(rig: Rig) -> None:
    """One of two lost orders turns up: the other stays as the person has stated it."""
    other = {**LOST, "tradingsymbol": "TCS", "exchangeOrderId": "E2"}
    id_ = claimed(rig, orders=[LOST, other])
    tcs = {**FILLED, "tradingsymbol": "TCS", "status": "REJECTED", "filledQuantity": 0}
    del tcs["averagePrice"]
    assert step(rig, "resolution", id_, orders=[tcs, FILLED]).status == 200
    pull(rig, id_, orders=[order(filledQuantity=3, averagePrice=101, exchangeOrderId="E1"), other])
    last = events(rig)[-1]
    shown = {each["tradingsymbol"]: each for each in last["orders"]}
    assert (shown["INFY"]["averagePrice"], shown["TCS"]["status"], last["source"]) == (101, "REJECTED", "person")
    assert history(rig, id_)[-1]["change"] == "corrected"


def test_webhook_between_claim_and_resolution_wins(rig: Rig) -> None:
    id_ = claimed(rig)
    done = [order(exchangeOrderId="E1")]
    report(rig, id_, orders=done)
    answer = step(rig, "resolution", id_)
    assert (answer.status, answer.problem) == (409, "case-conflict")
    pull(rig, id_, orders=done)
    assert step(rig, "resolution", id_, version=4).problem == "case-conflict"  # it needs no person any more
    assert stored(rig, id_)["source"] == {"S": "pull"}


def test_webhook_between_read_and_write_of_a_resolution_wins() -> None:
    """The write is made on the condition that nothing has changed since the read."""
    raced: list[str] = []

    class Racing(Client):
        def update_item(self, *, TableName: str, Key: Item, **arguments: Any) -> dict[str, Any]:
            id_ = Key.get("transactionId", {}).get("S", "")
            if id_ in raced:
                raced.remove(id_)
                report(rig, id_, orders=[order(exchangeOrderId="E1")])
            return super().update_item(TableName=TableName, Key=Key, **arguments)

    rig = Rig(Racing)
    id_ = claimed(rig)
    raced.append(id_)
    assert step(rig, "resolution", id_).problem == "case-conflict"
    assert stored(rig, id_)["source"] == {"S": "webhook"}


def test_second_person_approves_what_the_first_has_proposed() -> None:
    rig = Rig(TWO_PERSON_RESOLUTION="true")
    id_ = claimed(rig)
    proposed = step(rig, "resolution", id_)
    assert (proposed.status, proposed.body["settled"], proposed.body["version"]) == (200, False, 2)
    known = proposed.body["proposal"]
    assert (known["by"], known["orders"][0]["averagePrice"], known["restsOn"]) == ("ann", 99.5, "tradebook")
    assert "OrdersSettled" not in [each["type"] for each in events(rig)]

    own = step(rig, "approval", id_, proposalId=known["proposalId"])
    assert (own.status, own.problem) == (403, "forbidden")
    assert step(rig, "approval", id_, BOB).problem == "case-conflict"
    booked = step(rig, "approval", id_, BOB, proposalId=known["proposalId"])
    assert (booked.status, booked.body["settled"]) == (200, True)
    assert (booked.body["resolution"]["by"], booked.body["resolution"]["approvedBy"]) == ("ann", "bob")
    assert history(rig, id_)[-1]["cause"]["subject"] == "bob"


def test_proposal_ends_with_the_version_that_it_was_made_for() -> None:
    rig = Rig(TWO_PERSON_RESOLUTION="true")
    id_ = claimed(rig)
    proposal = step(rig, "resolution", id_).body["proposal"]["proposalId"]
    report(
        rig, id_, orders=[order(status="PLACED", filledQuantity=0, exchangeOrderId="E1"), order(tradingsymbol="TCS")]
    )
    answer = step(rig, "approval", id_, BOB, proposalId=proposal)
    assert (answer.status, answer.problem) == (409, "case-conflict")


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"orders": []}, "orders"),
    ({"orders": [{**FILLED, "tradingsymbol": "TCS"}]}, "orders.0"),
    ({"orders": [{**FILLED, "transactionType": "SELL"}]}, "orders.0"),
    ({"orders": [FILLED, FILLED]}, "orders.1"),
    ({"orders": [{**FILLED, "filledQuantity": 2}]}, "orders.0.filledQuantity"),
    ({"orders": [{**FILLED, "status": "PARTIAL"}]}, "orders.0.filledQuantity"),
    ({"orders": [{**FILLED, "status": "REJECTED"}]}, "orders.0.filledQuantity"),
    ({"orders": [{**FILLED, "quantity": 4, "filledQuantity": 4}]}, "orders.0.filledQuantity"),
    ({"orders": [{**FILLED, "averagePrice": None}]}, "orders.0.averagePrice"),
    ({"orders": [{**FILLED, "averagePrice": 0}]}, "orders.0.averagePrice"),
    ({"orders": [{**FILLED, "exchangeOrderId": "E9"}]}, "orders.0"),
    ({"orders": [{**FILLED, "status": "ERROR"}]}, "orders.0.status"),
    ({"why": " "}, "why"),
    ({"reference": ""}, "reference"),
    ({"restsOn": "a feeling"}, "restsOn"),
]


@pytest.mark.parametrize(("changes", "field"), FAULTS)
def test_resolution_with_a_fault_names_the_field_and_books_nothing(
    rig: Rig, changes: dict[str, Any], field: str
) -> None:
    id_ = claimed(rig)
    answer = step(rig, "resolution", id_, **changes)
    assert (answer.status in (400, 422), answer.body["errors"][0]["field"]) == (True, field), answer.text
    assert stored(rig, id_)["version"] == {"N": "2"}


def test_no_person_works_on_a_case_of_their_own(rig: Rig) -> None:
    id_ = case(rig, "ann")
    assert step(rig, "claim", id_).problem == "forbidden"


def test_orders_that_the_gateway_never_showed_are_resolved_as_requested(rig: Rig) -> None:
    id_ = rig.transaction()
    rig.gateway.details[id_] = {"transactionId": id_, "status": "QUEUED"}
    for _ in range(3):
        rig.pass_time(3600)
        record = {"messageId": "m", "body": json.dumps({"transactionId": id_})}
        assert rig.handler("reconcile")({"Records": [record]}, Context()) == {"batchItemFailures": []}
    (found,) = listed(rig).body["items"]
    assert (found["reason"], found["orders"]) == ("unknown status", [])
    step(rig, "claim", id_)
    booked = step(rig, "resolution", id_, version=found["version"])
    assert (booked.status, booked.body["status"], booked.body["settled"]) == (200, "COMPLETED", True), booked.text


def test_what_is_settled_needs_no_person(rig: Rig) -> None:
    id_ = claimed(rig)
    step(rig, "resolution", id_)
    for name in STEPS.keys() - {"open"}:
        assert step(rig, name, id_).problem == "case-conflict"
    assert step(rig, "claim", "TRX_none").problem == "not-found"


def test_settled_transaction_that_the_tradebook_contradicts_is_opened_and_corrected(rig: Rig) -> None:
    """The person's statement replaces the Gateway's for as long as the Gateway repeats it."""
    id_ = rig.transaction()
    done = [order(exchangeOrderId="E1")]
    pull(rig, id_, orders=done)
    assert step(rig, "open", id_).status == 200
    assert step(rig, "open", id_).problem == "case-conflict"
    (found,) = listed(rig).body["items"]
    assert (found["reason"], found["comments"][0]["text"]) == ("records differ", "The tradebook has 2 shares.")

    step(rig, "claim", id_)
    partly = {**FILLED, "status": "PARTIAL", "filledQuantity": 2}
    answer = step(rig, "resolution", id_, version=found["version"], orders=[partly])
    assert (answer.status, answer.body["status"]) == (200, "PARTIALLYFILLED"), answer.text
    pull(rig, id_, orders=done)
    assert stored(rig, id_)["status"] == {"S": "PARTIALLYFILLED"}
    pull(rig, id_, orders=[order(exchangeOrderId="E1", averagePrice=101)])
    assert (stored(rig, id_)["status"], events(rig)[-1]["orders"][0]["averagePrice"]) == ({"S": "COMPLETED"}, 101)
