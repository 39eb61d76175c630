"""Final reports are confirmed with as few calls as prove them, in each way that the Gateway may treat several ids."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import pytest

from tests.application import ENVIRONMENT
from tests.unit.functions.harness import GATEWAY_SECRET, KITE, Answer, Rig, refused, said
from tests.unit.functions.scenarios import ASHA, batch, connected, hit, hook
from tests.unit.functions.scenarios import details as details_of
from tests.unit.functions.test_reconcile import item, reconcile, sweep

FINALS: Final = ENVIRONMENT["FINAL_REPORTS_QUEUE_URL"]
OTHERS: Final = ENVIRONMENT["PULL_QUEUE_URL"]


def final(transaction_id: str) -> dict[str, Any]:
    """Its batch when everything is final."""
    return batch(transactionId=transaction_id, completedDate="2026-01-15T04:03:10.000Z")


def details(transaction_id: str) -> dict[str, Any]:
    """Its details, with that batch."""
    success = {"broker": "kite", "notes": ASHA, "data": {"batches": [final(transaction_id)]}}
    return details_of(transaction_id) | {"success": success}


def row(transaction_id: str) -> dict[str, Any]:
    """The orders of a completed transaction as the orders API has them."""
    return final(transaction_id) | {"broker": "kite", "notes": ASHA}


def placed(rig: Rig) -> str:
    """A transaction whose account a verified token has shown, with its final state reported."""
    transaction_id = rig.transaction(ASHA)
    token = connected(rig, KITE, GATEWAY_SECRET)
    answer = rig.call(
        "POST /transactions/{transactionId}/sdk-response",
        {"resolved": {"smallcaseAuthToken": token, "broker": "kite"}},
        user=ASHA,
        path={"transactionId": transaction_id},
    )
    assert answer.status == 202
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert hit(rig, hook(rig, final(transaction_id))) == 200
    return transaction_id


def requested(rig: Rig) -> dict[str, list[dict[str, Any]]]:
    """Return the publisher's requests for the changes since the last call, by queue."""
    stream = rig.tables["Transactions"].stream
    rig.handler("publish_updates")({"Records": list(stream)}, None)
    stream.clear()
    sent, rig.clients.sqs.by_url = rig.clients.sqs.by_url, {}
    return {url: [json.loads(each) for each in bodies] for url, bodies in sent.items()}


def message(transaction_id: str) -> str:
    return json.dumps({"transactionId": transaction_id, "final": True})


def orders_api(rig: Rig, respond: Callable[[Sequence[str]], Answer]) -> list[list[str]]:
    """The orders API responds so to the ids that a call names; the returned list has those of each call."""
    calls: list[list[str]] = []

    def answer(request: httpx.Request) -> Answer | None:
        if not request.url.path.endswith("/orders/sst"):
            return None
        calls.append(request.url.params.get_list("transactionId"))
        return respond(calls[-1])

    rig.gateway.answer = answer
    return calls


def details_calls(rig: Rig) -> int:
    """Return the number of calls of the details API."""
    return sum(request.url.path.endswith("transactiondetails") for request in rig.gateway.requests)


# --- one transaction


def test_final_report_is_confirmed_by_one_call_where_the_account_is_known(rig: Rig) -> None:
    transaction_id = placed(rig)
    calls = orders_api(rig, lambda ids: said([row(each) for each in ids]))
    assert reconcile(rig, message(transaction_id)) == []
    stored = item(rig, transaction_id)
    assert (stored["status"], stored["confirmation"], stored["smallcaseAuthId"]) == ("COMPLETED", "confirmed", KITE)
    assert "settledAt" in stored
    assert (calls, details_calls(rig)) == ([[transaction_id]], 0)


def test_details_are_pulled_where_the_account_is_only_reported(rig: Rig) -> None:
    """A webhook alone links nothing: the account has to be shown before the orders are confirmed with it."""
    transaction_id = rig.transaction(ASHA)
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert hit(rig, hook(rig, final(transaction_id))) == 200
    calls = orders_api(rig, lambda ids: said([row(each) for each in ids]))
    assert reconcile(rig, message(transaction_id)) == []
    assert (calls, details_calls(rig)) == ([], 1)
    assert item(rig, transaction_id)["account"] == "linked"


def test_details_are_pulled_where_the_report_is_suspicious(rig: Rig) -> None:
    transaction_id = placed(rig)
    calls = orders_api(rig, lambda ids: said([row(each) for each in ids]))
    assert reconcile(rig, json.dumps({"transactionId": transaction_id, "suspicious": True})) == []
    assert (calls, details_calls(rig)) == ([], 1)


@pytest.mark.parametrize("shown", ["nothing", "what is open", "another's"])
def test_details_decide_where_the_orders_do_not_prove_it(rig: Rig, shown: str) -> None:
    """The API lags, shows what is open, or shows something else."""
    transaction_id = placed(rig)
    rows = {"what is open": [row(transaction_id) | {"completedDate": None}], "another's": [row("TRX_other")]}
    orders_api(rig, lambda ids: said(rows.get(shown, [])))
    assert reconcile(rig, message(transaction_id)) == []
    assert details_calls(rig) == 1
    assert "settledAt" in item(rig, transaction_id)


# --- queues


def test_final_reports_have_a_queue_of_their_own(rig: Rig) -> None:
    """And nothing else has: first looks, app's responses and suspicions wait elsewhere."""
    transaction_id = rig.transaction(ASHA)
    open_ = batch(transactionId=transaction_id, status="PLACED", completedDate=None)
    open_["orders"] = [each | {"status": "PLACED", "filledQuantity": 0, "averagePrice": 0} for each in open_["orders"]]
    assert hit(rig, hook(rig, open_)) == 200
    rig.clients.events = Bus()
    assert requested(rig) == {OTHERS: [{"transactionId": transaction_id}]}
    rig.pass_time(1)
    assert hit(rig, hook(rig, final(transaction_id))) == 200
    expected = {"transactionId": transaction_id, "final": True, "reportedAt": "2026-01-15T04:00:01.000Z"}
    assert requested(rig) == {FINALS: [expected]}


class Bus:
    """EventBridge, which accepts everything."""

    def put_events(self, *, Entries: Sequence[Any]) -> dict[str, Any]:
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in Entries]}


def test_denied_pull_is_requested_for_when_the_lease_ends_once(rig: Rig) -> None:
    """However many are denied meanwhile: the first has scheduled it."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    plain = json.dumps({"transactionId": transaction_id})
    assert reconcile(rig, plain) == []
    for _ in range(5):
        rig.pass_time(2)
        assert reconcile(rig, plain) == []
    [again] = rig.clients.sqs.by_url[OTHERS]
    assert json.loads(again) == {"transactionId": transaction_id, "dueAt": "2026-01-15T04:00:30.001Z"}
    assert rig.clients.sqs.delays[OTHERS] == [29]

    before = details_calls(rig)
    rig.pass_time(29 - 8)
    assert reconcile(rig, again) == []
    assert details_calls(rig) == before + 1, "it is made"
    rig.pass_time(40)
    assert reconcile(rig, again) == []
    assert details_calls(rig) == before + 1, "and not made twice"


def test_denied_suspicion_is_requested_as_one(rig: Rig) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    rig.pass_time(1)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id, "suspicious": True})) == []
    [again] = map(json.loads, rig.clients.sqs.by_url[OTHERS])
    assert again["suspicious"] is True


def test_check_that_is_due_is_not_requested_again_where_it_is_denied(rig: Rig) -> None:
    transaction_id = rig.transaction()
    rig.pass_time(3600)
    [message_] = sweep(rig)
    rig.clients.sqs.by_url = {}
    rig.tables["Transactions"].items[(transaction_id,)]["pulledAt"] = {"S": "2026-01-15T04:59:59.000Z"}
    assert reconcile(rig, message_) == []
    assert rig.clients.sqs.by_url == {}


@pytest.mark.parametrize("answer", [httpx.Response(429), httpx.Response(503, headers={"retry-after": "60"})])
def test_refused_confirmation_comes_again_when_its_lease_ends(rig: Rig, answer: httpx.Response) -> None:
    """And is scheduled, should that message be lost."""
    transaction_id = placed(rig)
    orders_api(rig, lambda ids: answer)
    assert reconcile(rig, message(transaction_id)) == []
    wait = 60 if answer.status_code == 503 else 31
    assert rig.clients.sqs.delays[FINALS] == [wait]
    assert [json.loads(each) for each in rig.clients.sqs.by_url[FINALS]] == [json.loads(message(transaction_id))]
    assert "nextCheckAt" in item(rig, transaction_id)
    orders_api(rig, lambda ids: said([row(each) for each in ids]))
    rig.pass_time(wait)
    assert reconcile(rig, message(transaction_id)) == []
    assert "settledAt" in item(rig, transaction_id)


# --- several transactions in a call


CELLS: Final[dict[str, Callable[[Sequence[str]], Answer]]] = {
    "refused": lambda ids: said([row(ids[0])]) if len(ids) == 1 else refused(400, "one transactionId"),
    "ignored": lambda ids: said([row(each) for each in ids] if len(ids) == 1 else []),
    "first only": lambda ids: said([row(each) for each in ids[:1]]),
    "last only": lambda ids: said([row(each) for each in ids[-1:]]),
    "all": lambda ids: said([row(each) for each in ids]),
    "another's besides": lambda ids: said([row("TRX_other"), *(row(each) for each in ids[1:])]),
}
SINGLE_CALLS: Final = {"refused": 4, "ignored": 4, "first only": 3, "last only": 3, "all": 0, "another's besides": 1}


@pytest.mark.parametrize("cell", CELLS)
def test_every_final_report_is_confirmed_in_each_way_to_treat_several_ids(
    rig: Rig, cell: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A response proves the ids that it contains; each other is asked for by itself before anything is concluded."""
    ids = [placed(rig) for _ in range(4)]
    calls = orders_api(rig, CELLS[cell])
    rig.restart(GATEWAY_IDS_PER_CALL="50")
    assert reconcile(rig, *map(message, ids)) == []
    assert [item(rig, each)["confirmation"] for each in ids] == ["confirmed"] * 4
    assert all("settledAt" in item(rig, each) for each in ids)
    assert max(map(len, calls)) == 4
    assert sum(len(each) == 1 for each in calls) == SINGLE_CALLS[cell]
    assert details_calls(rig) == (1 if cell == "another's besides" else 0)
    warned = [vars(each)["setting"] for each in caplog.records if "setting" in vars(each)]
    assert warned == ([] if cell == "all" else ["GatewayIdsPerCall"])


def test_more_than_fit_one_call_are_confirmed_by_several(rig: Rig) -> None:
    ids = [placed(rig) for _ in range(5)]
    calls = orders_api(rig, CELLS["all"])
    rig.restart(GATEWAY_IDS_PER_CALL="2")
    assert reconcile(rig, *map(message, ids)) == []
    assert sorted(map(len, calls)) == [1, 2, 2]
    assert all("settledAt" in item(rig, each) for each in ids)


def test_with_several_ids_each_request_still_has_its_own_fate(rig: Rig) -> None:
    """Poisoned, not stored, not final, without an account, due: none keeps the others from being confirmed."""
    good, poisoned = [placed(rig) for _ in range(2)], placed(rig)
    rig.tables["Transactions"].items[(poisoned,)]["version"] = {"S": "no number"}
    unlinked = rig.transaction(ASHA)
    rig.gateway.details[unlinked] = details(unlinked)
    assert hit(rig, hook(rig, final(unlinked))) == 200
    created = rig.transaction(ASHA)
    rig.gateway.details[created] = {"transactionId": created, "status": "INITIALIZED"}
    orders_api(rig, CELLS["all"])
    rig.restart(GATEWAY_IDS_PER_CALL="50")
    bodies = [*good, poisoned, unlinked, created, "TRX_nobodys"]
    assert reconcile(rig, *map(message, bodies)) == ["2"]
    assert all("settledAt" in item(rig, each) for each in (*good, unlinked))
    assert item(rig, created)["status"] == "CREATED"


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(429), httpx.ReadTimeout("x")])
def test_call_for_several_that_fails_concludes_nothing(rig: Rig, answer: Answer) -> None:
    ids = [placed(rig) for _ in range(3)]
    orders_api(rig, lambda ids: answer)
    rig.restart(GATEWAY_IDS_PER_CALL="50")
    assert reconcile(rig, *map(message, ids)) == []
    for each in ids:
        stored = item(rig, each)
        assert (stored["confirmation"], "settledAt" in stored, "nextCheckAt" in stored) == ("reported", False, True)


# --- how long it takes is in the log


def unsettled(caplog: pytest.LogCaptureFixture) -> list[int]:
    """The seconds in the lines that an alarm watches."""
    return [vars(each)["unsettled_seconds"] for each in caplog.records if "unsettled_seconds" in vars(each)]


def test_final_report_that_a_pull_does_not_confirm_is_logged_with_its_age(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """For each request of the pull, and each reason not to confirm: the API lags, or does not respond."""
    transaction_id = placed(rig)
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    orders_api(rig, lambda ids: said([]))
    rig.pass_time(40)
    assert reconcile(rig, message(transaction_id)) == []
    rig.pass_time(80)
    assert reconcile(rig, *sweep(rig)) == []
    rig.pass_time(3600)
    orders_api(rig, lambda ids: httpx.Response(503))
    assert reconcile(rig, message(transaction_id)) == []
    assert unsettled(caplog) == [40, 120, 3720]


def test_postponed_final_report_is_logged_with_its_age(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A message that is sent again begins a new age in its queue; the report does not."""
    ids = [placed(rig) for _ in range(3)]
    orders_api(rig, lambda ids: httpx.Response(503, headers={"retry-after": "600"}))
    reported = rig.world.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    rig.pass_time(90)
    bodies = [json.dumps({"transactionId": each, "final": True, "reportedAt": reported}) for each in ids]
    assert reconcile(rig, *bodies) == []
    assert unsettled(caplog) == [90, 90, 90]


def test_confirmed_report_is_not_logged_as_unconfirmed(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    transaction_id = placed(rig)
    orders_api(rig, lambda ids: said([row(each) for each in ids]))
    assert reconcile(rig, message(transaction_id)) == []
    assert unsettled(caplog) == []
