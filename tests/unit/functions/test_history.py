"""The changes of a transaction and their causes: recorded from the stream, read by its user and by support."""

import json
from typing import Any

import pytest

from securities_transactions.domain.webhook_verification import webhook_id
from securities_transactions.http.request import pseudonym_of
from securities_transactions.logging import logger
from tests.unit.functions.harness import GROWW, KITE, OTHER, SERVICE, USER, Answered, Context, Rig
from tests.unit.functions.scenarios import batch, details, hook, order

REQUEST = Context().aws_request_id
ROUTE = "GET /transactions/{transactionId}/history"
SUPPORT = {"user": "support-7", "scope": SERVICE}


def record(rig: Rig, records: list[Any] | None = None) -> None:
    """Record the stream, all of it again each time: it is delivered at least once."""
    rig.handler("record_history")({"Records": records or rig.tables["Transactions"].stream}, Context())


def history(rig: Rig, transaction_id: str, who: Any = SUPPORT, **query: str) -> Answered:
    return rig.call(ROUTE, path={"transactionId": transaction_id}, query=query, **who)


def changes(rig: Rig, transaction_id: str, who: Any = SUPPORT) -> list[tuple[Any, ...]]:
    """Version, change, status and kind of cause."""
    answer = history(rig, transaction_id, who)
    assert answer.status == 200, answer.text
    return [
        (each["version"], each["change"], each.get("status"), each.get("cause", {}).get("kind"))
        for each in answer.body["items"]
    ]


def report(rig: Rig, transaction_id: str, **more: Any) -> str:
    """A webhook about a transaction; its id."""
    body = json.dumps(hook(rig, batch(transactionId=transaction_id, notes=USER, **more)))
    assert rig.call("POST /webhooks/orders", body).status == 200
    return webhook_id(body.encode())


def pull(rig: Rig, transaction_id: str, orders: list[Any] | None = None) -> None:
    shown = details(transaction_id)
    shown["success"]["notes"] = USER
    if orders:
        shown["success"]["data"]["batches"] = [batch(orders=orders)]
    rig.gateway.details[transaction_id] = shown
    rig.pass_time(700)
    record = {"messageId": "m", "body": json.dumps({"transactionId": transaction_id})}
    assert rig.handler("reconcile")({"Records": [record]}, Context()) == {"batchItemFailures": []}


def test_every_change_has_its_cause(rig: Rig) -> None:
    id_ = rig.transaction()
    rig.resolve(id_)
    webhook = report(rig, id_, orders=[order(status="PLACED", filledQuantity=0)], status="PLACED")
    pull(rig, id_)
    record(rig)
    record(rig)

    assert changes(rig, id_) == [
        (1, "created", "CREATED", "api"),
        (1, "account", "CREATED", "sdk"),
        (2, "reported", "PLACED", "webhook"),
        (3, "settled", "COMPLETED", "pull"),
    ]
    created, _, reported, settled = history(rig, id_).body["items"]
    assert created["cause"] == {"kind": "api", "requestId": REQUEST}
    assert reported["cause"] == {"kind": "webhook", "requestId": REQUEST, "webhookId": webhook[:32]}
    assert settled["cause"] == {"kind": "pull", "requestId": REQUEST}
    (change,) = settled["orders"]
    assert (change["previousStatus"], change["status"], change["filledQuantity"]) == ("PLACED", "COMPLETE", 3)


def test_user_sees_the_states_and_no_causes(rig: Rig) -> None:
    id_ = rig.transaction()
    report(rig, id_)
    record(rig)

    answer = history(rig, id_, {"user": USER})
    assert [each["change"] for each in answer.body["items"]] == ["created", "reported"]
    assert "cause" not in answer.text
    assert "webhooks" not in answer.body
    assert history(rig, id_, {"user": OTHER}).status == 404


def test_history_names_neither_the_user_nor_the_account(rig: Rig) -> None:
    id_ = rig.transaction()
    rig.resolve(id_)
    pull(rig, id_)
    record(rig)

    stored = repr(rig.tables["History"].items)
    assert "settled" in stored
    assert USER not in stored
    assert KITE not in stored


def test_service_that_acts_for_a_user_is_named(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    answer = rig.call("POST /transactions", {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}],
                                             "notes": OTHER}, user="orders-service", scope=SERVICE)  # fmt: skip
    id_ = answer.body["transactionId"]
    record(rig)

    (created,) = history(rig, id_).body["items"]
    assert created["cause"] == {"kind": "api", "requestId": REQUEST, "subject": "orders-service"}
    traces = [record for record in caplog.records if record.message == "acts for a user"]
    assert [(vars(trace)["subject"], vars(trace)["for_user"]) for trace in traces] == [
        ("orders-service", pseudonym_of(OTHER)),
        ("support-7", pseudonym_of(OTHER)),
    ]
    line = json.loads(logger().registered_formatter.format(traces[-1]))
    assert (line["function"], line["request_id"], line["transaction_id"]) == (Context().function_name, REQUEST, id_)


def test_stored_webhooks_that_changed_nothing_are_found_by_the_transaction(rig: Rig) -> None:
    id_ = rig.transaction()
    rig.resolve(id_)
    body = json.dumps(hook(rig, batch(transactionId=id_), auth_id=GROWW))
    assert rig.call("POST /webhooks/orders", body).body == {"status": "stored"}

    (webhook,) = history(rig, id_).body["webhooks"]
    assert webhook["webhookId"] == webhook_id(body.encode())
    assert webhook["suspicion"] == "another smallcaseAuthId than this transaction's"
    assert history(rig, rig.transaction()).body["webhooks"] == []


def test_unreadable_change_is_recorded_and_holds_back_no_other(rig: Rig) -> None:
    id_ = rig.transaction()
    report(rig, id_)
    records = json.loads(json.dumps(rig.tables["Transactions"].stream))
    records[0]["dynamodb"]["NewImage"]["account"] = {"S": "nonsense"}
    record(rig, records)
    record(rig, records)

    assert changes(rig, id_) == [(1, "unreadable", None, None), (2, "reported", "COMPLETED", "webhook")]


def test_what_dynamodb_leaves_unwritten_is_written_again(rig: Rig) -> None:
    ids = [rig.transaction() for _ in range(30)]
    write, calls = rig.dynamodb.batch_write_item, list[int]()

    def some(*, RequestItems: Any) -> Any:
        ((table, writes),) = RequestItems.items()
        calls.append(len(writes))
        write(RequestItems={table: writes[:10]})
        return {"UnprocessedItems": {table: writes[10:]} if writes[10:] else {}}

    rig.dynamodb.batch_write_item = some  # type: ignore[method-assign]  # a fake of a fake
    record(rig)

    assert calls == [25, 15, 5, 5]
    assert len(rig.tables["History"].items) == len(ids)


def test_pages_follow_one_another(rig: Rig) -> None:
    id_ = rig.transaction()
    report(rig, id_, orders=[order(status="PLACED", filledQuantity=0)], status="PLACED")
    pull(rig, id_)
    record(rig)
    first = history(rig, id_, limit="2").body
    second = history(rig, id_, limit="2", cursor=first["cursor"]).body

    found = [each["version"] for each in first["items"] + second["items"]]
    assert found == [each[0] for each in changes(rig, id_)]
    assert "webhooks" in first
    assert "webhooks" not in second
    other = rig.transaction()
    assert history(rig, other, cursor=first["cursor"]).problem == "invalid-request"


def test_next_step_of_what_needs_a_person_is_a_persons(rig: Rig) -> None:
    id_ = rig.transaction()
    assert "is asked again at" in history(rig, id_).body["next"]
    pull(rig, id_, [order(status="ERROR", filledQuantity=0)])
    record(rig)

    answer = history(rig, id_).body
    assert answer["needsPerson"]
    assert answer["next"].startswith("A person")
