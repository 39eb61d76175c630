"""reconcile: the pull of each message, and the messages that are delivered again."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from securities_transactions.domain.times import parse_time
from tests.unit.functions.harness import KITE, Answer, Rig, refused, said
from tests.unit.functions.scenarios import ASHA, batch, details, hit, hook, order


def reconcile(rig: Rig, *bodies: str) -> list[str]:
    """Return the places of the messages that come again."""
    records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    failures = rig.handler("reconcile")({"Records": records}, None)["batchItemFailures"]
    return [each["itemIdentifier"] for each in failures]


def sweep(rig: Rig) -> list[str]:
    """The requests to pull of one run of the schedule."""
    rig.clients.sqs.batched = []
    rig.handler("check_due")({}, None)
    return list(rig.clients.sqs.batched)


def item(rig: Rig, transaction_id: str) -> dict[str, Any]:
    """The stored transaction, without DynamoDB's types."""
    stored = rig.tables["Transactions"].items[(transaction_id,)]
    return {name: next(iter(value.values())) for name, value in stored.items()}


def pulls(rig: Rig) -> int:
    """The number of requests for details at the Gateway."""
    return sum(request.method == "GET" for request in rig.gateway.requests)


@pytest.mark.parametrize("body", ["no JSON", "[]", '"text"', "{}", '{"detail-type": "OrdersSettled"}'])
def test_unreadable_message_alone_is_redelivered(rig: Rig, body: str) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = details(transaction_id)

    assert reconcile(rig, body, json.dumps({"transactionId": transaction_id})) == ["0"]
    assert item(rig, transaction_id)["status"] == "COMPLETED"


def test_a_check_that_was_made_since_is_not_made_again(rig: Rig) -> None:
    """SQS delivers a message at least once; once is enough."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    rig.pass_time(3600)
    [first] = sweep(rig)
    again = first
    assert json.loads(first) == {"transactionId": transaction_id, "dueAt": item(rig, transaction_id)["nextCheckAt"]}

    assert reconcile(rig, first) == []
    planned = item(rig, transaction_id)["nextCheckAt"]
    rig.pass_time(5)
    assert reconcile(rig, again) == []
    rig.pass_time(40)
    assert reconcile(rig, again) == []
    assert pulls(rig) == 2  # details and orders, once
    assert item(rig, transaction_id)["nextCheckAt"] == planned
    assert item(rig, transaction_id)["checks"] == "1"


def test_check_that_another_request_is_making_is_due_again_after_its_claim(rig: Rig) -> None:
    """That one may die over it."""
    transaction_id = rig.transaction()
    rig.pass_time(3600)
    [message] = sweep(rig)
    rig.tables["Transactions"].items[(transaction_id,)]["pulledAt"] = {"S": "2026-01-15T04:59:59.000Z"}

    assert reconcile(rig, message) == []
    assert pulls(rig) == 0
    assert sweep(rig) == []
    rig.pass_time(600)
    [again] = sweep(rig)
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    assert reconcile(rig, again) == []
    assert pulls(rig) == 2  # details and orders


def test_schedule_sends_nothing_again_that_is_in_the_queue(rig: Rig) -> None:
    """While the queue is slow, each minute's run finds what is due and not yet sent."""
    first = [rig.transaction() for _ in range(3)]
    rig.pass_time(3600)
    assert {json.loads(each)["transactionId"] for each in sweep(rig)} == set(first)
    later = rig.transaction()
    for _ in range(9):
        rig.pass_time(60)
        assert sweep(rig) == []
    rig.pass_time(3600)
    assert {json.loads(each)["transactionId"] for each in sweep(rig)} == {*first, later}, "what was lost is due again"


def test_claimed_check_does_not_shorten_the_wait_after_it(rig: Rig) -> None:
    """The claim is not another writer's earlier check: the next one is due after the backoff."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    for _ in range(8):
        rig.pass_time(4 * 3600)
        assert reconcile(rig, *sweep(rig)) == []
    stored = item(rig, transaction_id)
    assert (parse_time(stored["nextCheckAt"]) or rig.world.clock()) - rig.world.clock() > timedelta(hours=1)


def test_failed_check_waits_for_the_backoff_too(rig: Rig) -> None:
    transaction_id = rig.transaction()
    rig.gateway.answer = lambda request: httpx.Response(500) if request.method == "GET" else None
    for _ in range(8):
        rig.pass_time(4 * 3600)
        assert reconcile(rig, *sweep(rig)) == []
    stored = item(rig, transaction_id)
    assert (parse_time(stored["nextCheckAt"]) or rig.world.clock()) - rig.world.clock() > timedelta(hours=1)


@pytest.mark.parametrize(("waiting", "sent"), [(0, 430), (8_900, 400), (100_000, 400), (8_580, 420)])
def test_schedule_sends_what_the_queue_has_room_for_and_always_some(rig: Rig, waiting: int, sent: int) -> None:
    """A flood of suspicions in the same queue must not keep checks from being made."""
    transaction_id = rig.transaction()
    table = rig.tables["Transactions"].items
    for count in range(429):
        copy = {**table[(transaction_id,)], "transactionId": {"S": f"T{count}"}, "checkShard": {"S": str(count % 4)}}
        table[(f"T{count}",)] = copy
    rig.pass_time(3600)
    rig.clients.sqs.waiting = waiting
    assert len(sweep(rig)) == sent


def test_a_webhook_that_was_doubted_is_remembered_until_the_gateway_would_show_it(rig: Rig) -> None:
    """A correction that a replica does not have yet: its webhook comes once, and so did the pull it asked for."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    settled = item(rig, transaction_id)
    assert ("settledAt" in settled, "nextCheckAt" in settled) == (True, False)

    corrected = batch(orders=[batch()["orders"][0] | {"averagePrice": 100.06}], transactionId=transaction_id)
    rig.pass_time(3600)
    assert hit(rig, hook(rig, corrected)) == 200
    doubt = {"transactionId": transaction_id, "smallcaseAuthId": KITE, "suspicious": True}
    assert reconcile(rig, json.dumps(doubt)) == []
    assert {"suspectedAt", "nextCheckAt"} <= item(rig, transaction_id).keys()

    rig.gateway.details[transaction_id]["success"]["data"]["batches"] = [corrected]
    rig.pass_time(90)
    assert reconcile(rig, *sweep(rig)) == []
    after = item(rig, transaction_id)
    assert after["settledAt"] > settled["settledAt"]
    assert int(after["version"]) == int(settled["version"]) + 1
    rig.pass_time(3600)
    assert reconcile(rig, *sweep(rig)) == []
    assert not {"suspectedAt", "nextCheckAt"} & item(rig, transaction_id).keys()


def test_suspicion_during_a_pull_is_stored_too(rig: Rig) -> None:
    """The response to the pull in progress may be older than the suspicion."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    rig.pass_time(1)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id, "suspicious": True})) == []
    stored = item(rig, transaction_id)
    assert (stored["suspectedAt"], stored["nextCheckAt"]) == ("2026-01-15T04:00:01.000Z", "2026-01-15T04:00:30.001Z")
    assert pulls(rig) == 2


def test_suspicion_during_a_due_check_schedules_an_early_check(rig: Rig) -> None:
    """The check in progress is the due one, and its write must not postpone this one."""
    transaction_id = rig.transaction()
    rig.pass_time(3600)
    rig.tables["Transactions"].items[(transaction_id,)] |= {"pulledAt": {"S": "2026-01-15T04:59:59.000Z"}}
    assert item(rig, transaction_id)["nextCheckAt"] < "2026-01-15T05:00:00.000Z"

    assert reconcile(rig, json.dumps({"transactionId": transaction_id, "suspicious": True})) == []
    stored = item(rig, transaction_id)
    assert stored["nextCheckAt"] == "2026-01-15T05:00:29.001Z"


def test_an_adopted_transaction_remembers_the_doubt_that_brought_it(rig: Rig) -> None:
    """The webhook that was doubted may be a correction that the replica we asked does not have yet."""
    rig.gateway.details["TRX_elsewhere"] = details("TRX_elsewhere")
    doubt = {"transactionId": "TRX_elsewhere", "smallcaseAuthId": KITE, "suspicious": True}
    assert reconcile(rig, json.dumps(doubt)) == []
    stored = item(rig, "TRX_elsewhere")
    assert {"settledAt", "suspectedAt", "nextCheckAt"} <= stored.keys()
    rig.pass_time(3600)
    assert reconcile(rig, *sweep(rig)) == []
    assert not {"suspectedAt", "nextCheckAt"} & item(rig, "TRX_elsewhere").keys()


UNKNOWN_WORDS = ["QUEUED", "queued", "IN_PROGRESS", "Processing2", "SETTLING", "ON HOLD", "COMPLETED?", "ERROR"]


@pytest.mark.parametrize("word", UNKNOWN_WORDS)
@pytest.mark.parametrize("reported", [False, True])
def test_transaction_status_that_is_not_known_never_fails_or_retracts(rig: Rig, word: str, reported: bool) -> None:
    """The vendor's list of words has grown before: a new one waits, and a person is asked soon."""
    transaction_id = rig.transaction()
    if reported:
        body = batch(transactionId=transaction_id, orders=[order(status="PLACED", filledQuantity=0)], status="PLACED")
        assert hit(rig, hook(rig, body)) == 200
    error = {"value": True, "message": "user_cancelled", "code": 1012}
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": word, "error": error}
    for _ in range(30):
        rig.pass_time(3600)
        assert reconcile(rig, *sweep(rig)) == []
    stored = item(rig, transaction_id)
    assert stored["status"] == ("PLACED" if reported else "CREATED")
    assert stored["escalatedAt"] <= "2026-01-15T06:00:00.000Z"
    assert "nextCheckAt" in stored


@pytest.mark.parametrize("word", ["errored", "Errored", "CANCELLED", "expired", "used", "Initialized"])
def test_known_transaction_status_without_orders_fails_however_it_is_spelled(rig: Rig, word: str) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": word}
    rig.pass_time(7200)
    assert reconcile(rig, *sweep(rig)) == []
    assert item(rig, transaction_id)["status"] == "FAILED"


def final_report(rig: Rig, transaction_id: str, auth_id: str = KITE) -> None:
    """The Gateway is final and its webhook says so."""
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert hit(rig, hook(rig, batch(transactionId=transaction_id), auth_id=auth_id)) == 200


@pytest.mark.parametrize("first", ["SDK response", "refresh", "suspicious webhook"])
def test_first_final_report_is_pulled_at_once_after_any_earlier_pull(rig: Rig, first: str) -> None:
    """An app that posts the SDK's response, as documented, must not wait longer than one that does not."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    message: dict[str, Any] = {"transactionId": transaction_id}
    if first == "SDK response":
        rig.resolve(transaction_id)
    if first == "suspicious webhook":
        message["suspicious"] = True
    if first == "refresh":
        route, path = "GET /transactions/{transactionId}", {"transactionId": transaction_id}
        assert rig.call(route, path=path, query={"refresh": "true"}).status == 200
    else:
        assert reconcile(rig, json.dumps(message)) == []
    rig.pass_time(1)
    final_report(rig, transaction_id)
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    stored = item(rig, transaction_id)
    assert (stored["status"], stored["confirmation"]) == ("COMPLETED", "confirmed")
    assert "settledAt" in stored


def test_flood_of_final_reports_is_one_pull_more_in_the_interval(rig: Rig) -> None:
    """One genuine checksum can sign any body: it causes one pull, not one for each body."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    message = json.dumps({"transactionId": transaction_id})
    assert reconcile(rig, message) == []
    for n in range(20):
        rig.pass_time(0.1)
        forged = batch(transactionId=transaction_id, orders=[order(averagePrice=100 + n)])
        assert hit(rig, hook(rig, forged)) == 200
        assert reconcile(rig, message) == []
    assert pulls(rig) <= 2 * 2  # two pulls of at most two calls


def test_repeated_write_of_the_first_final_lease_finds_its_own_work(rig: Rig) -> None:
    """botocore retries a request after a lost response. The first write is not another caller's lease."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = {"transactionId": transaction_id, "status": "PROCESSING"}
    message = json.dumps({"transactionId": transaction_id})
    assert reconcile(rig, message) == []
    rig.pass_time(1)
    final_report(rig, transaction_id)
    once = rig.dynamodb.update_item
    repeated = []

    def twice(**arguments: Any) -> dict[str, Any]:
        answer = once(**arguments)
        if "finalPulledAt" in arguments["UpdateExpression"]:
            repeated.append(once(**arguments))
        return answer

    rig.dynamodb.update_item = twice  # type: ignore[method-assign]  # the wire, between botocore and the table
    assert reconcile(rig, message) == []
    assert len(repeated) == 1
    assert "settledAt" in item(rig, transaction_id)


def summary(transaction_id: str, status: str) -> dict[str, Any]:
    """Transaction details that name the batch and leave its orders to the orders API."""
    return details(transaction_id) | {
        "status": status,
        "success": {"broker": "kite", "notes": ASHA, "data": {"batches": [{"batchId": "b1"}]}},
    }


def orders_api(rig: Rig, *answers: Answer) -> list[httpx.URL]:
    """The orders API returns these answers in turn, then from the first again. Returns the list of requested URLs."""
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> Answer | None:
        if request.method == "POST" or request.url.path.endswith("transactiondetails"):
            return None
        asked.append(request.url)
        return answers[(len(asked) - 1) % len(answers)]

    rig.gateway.answer = answer
    return asked


def logged(caplog: pytest.LogCaptureFixture, level: str) -> list[tuple[str, str]]:
    """Message and reason of each line of a level."""
    return [(each.message, vars(each).get("reason", "")) for each in caplog.records if each.levelname == level]


@pytest.mark.parametrize("refusal", [302, 400, 404, 405, 409, 422])
def test_orders_refused_once_completed_are_an_error_that_names_the_setting(
    rig: Rig, caplog: pytest.LogCaptureFixture, refusal: int
) -> None:
    """The operator is alarmed, the transaction never fails by it, and what was due is checked again."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = summary(transaction_id, "COMPLETED")
    asked = orders_api(rig, refused(refusal, "no"))
    rig.pass_time(3600)

    assert reconcile(rig, *sweep(rig)) == []
    [(message, reason)] = logged(caplog, "ERROR")
    assert message == "pull failed"
    assert "GatewayOrdersPath" in reason
    assert [url.path for url in asked] == ["/v1/simulated/engine/orders/sst"] * 2
    stored = item(rig, transaction_id)
    assert (stored["status"], "error" in stored) == ("CREATED", False)
    assert stored["nextCheckAt"] > "2026-01-15T05:00:00"

    orders_api(rig, said([batch(transactionId=transaction_id)]))
    rig.pass_time(90)
    assert reconcile(rig, *sweep(rig)) == []
    assert (item(rig, transaction_id)["status"], "settledAt" in item(rig, transaction_id)) == ("COMPLETED", True)


@pytest.mark.parametrize("status", ["PROCESSING", "ACTION_REQUIRED"])
@pytest.mark.parametrize("refusal", [302, 400, 404, 405, 409, 422])
def test_orders_refused_while_open_are_waited_for_without_an_error(
    rig: Rig, caplog: pytest.LogCaptureFixture, refusal: int, status: str
) -> None:
    """The state in the details is stored anyway."""
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = summary(transaction_id, status)
    orders_api(rig, refused(refusal, "no"))

    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    assert logged(caplog, "ERROR") == logged(caplog, "WARNING") == []
    stored = item(rig, transaction_id)
    assert (stored["status"], stored["gatewayStatus"], stored["smallcaseAuthId"]) == ("CREATED", status, KITE)
    assert "nextCheckAt" in stored


@pytest.mark.parametrize("status", ["COMPLETED", "PROCESSING"])
def test_orders_are_found_where_both_ids_are_refused(rig: Rig, status: str) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = summary(transaction_id, status)
    asked = orders_api(rig, refused(400, "one of both"), said([batch(transactionId=transaction_id)]))

    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    assert item(rig, transaction_id)["status"] == "COMPLETED"
    assert ["batchId" in url.params for url in asked] == [True, False]


REFUSED_THEN: dict[str, Answer] = {
    "down": httpx.Response(500),
    "limiting": httpx.Response(429),
    "silent": httpx.ReadTimeout("x"),
}


@pytest.mark.parametrize("how", REFUSED_THEN)
def test_orders_api_that_fails_after_a_refusal_is_called_again_later(
    rig: Rig, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = summary(transaction_id, "COMPLETED")
    orders_api(rig, refused(400, "one of both"), REFUSED_THEN[how])

    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []
    assert logged(caplog, "ERROR") == []
    assert [message for message, _ in logged(caplog, "WARNING")] == ["pull failed"]
    assert "nextCheckAt" in item(rig, transaction_id)


@pytest.mark.parametrize("refusal", [400, 404, 422])
def test_unstored_transaction_is_kept_while_its_orders_are_refused(
    rig: Rig, caplog: pytest.LogCaptureFixture, refusal: int
) -> None:
    """It has no schedule of its own, so its message comes again; a refusal of its details would end it."""
    rig.gateway.details["TRX_elsewhere"] = summary("TRX_elsewhere", "COMPLETED")
    orders_api(rig, refused(refusal, "no"))
    message = json.dumps({"transactionId": "TRX_elsewhere", "smallcaseAuthId": KITE, "suspicious": True})

    assert reconcile(rig, message) == ["0"]
    assert len(logged(caplog, "ERROR")) == 1
    orders_api(rig, said([batch(transactionId="TRX_elsewhere")]))
    rig.pass_time(360)
    assert reconcile(rig, message) == []
    assert item(rig, "TRX_elsewhere")["status"] == "COMPLETED"


@pytest.mark.parametrize("read", ["GET /transactions/{transactionId}", "GET /transactions/{transactionId}/orders"])
def test_refresh_with_a_wrong_orders_path_is_the_operators_problem(
    rig: Rig, caplog: pytest.LogCaptureFixture, read: str
) -> None:
    transaction_id = rig.transaction()
    rig.gateway.details[transaction_id] = summary(transaction_id, "COMPLETED")
    orders_api(rig, refused(404, "not found"))
    answer = rig.call(read, path={"transactionId": transaction_id}, query={"refresh": "true"})

    assert (answer.status, answer.problem) == (502, "gateway-misconfigured")
    [(message, reason)] = logged(caplog, "ERROR")
    assert message == "the gateway is misconfigured"
    assert "GatewayOrdersPath" in reason
    assert "nextCheckAt" in item(rig, transaction_id)


@pytest.mark.parametrize("function", ["reconcile", "create_transaction"])
def test_function_does_not_start_with_an_invalid_orders_path(rig: Rig, function: str) -> None:
    rig.restart(GATEWAY_ORDERS_PATH="/v1/{gateway}/engine/orders/sst")
    with pytest.raises(Exception, match=r"^GatewayOrdersPath must be a path with the placeholder \{gatewayName\}"):
        rig.handler(function)


def test_refresh_with_an_invalid_orders_path_names_it(rig: Rig) -> None:
    """A function that only sometimes calls the Gateway starts without it."""
    transaction_id = rig.transaction()
    rig.restart(GATEWAY_ORDERS_PATH="/v1/engine/orders/sst")
    path = {"transactionId": transaction_id}
    assert rig.call("GET /transactions/{transactionId}", path=path).status == 200
    answer = rig.call("GET /transactions/{transactionId}", path=path, query={"refresh": "true"})
    assert (answer.status, answer.problem) == (502, "gateway-misconfigured")
    assert "GatewayOrdersPath" in answer.body["detail"]
