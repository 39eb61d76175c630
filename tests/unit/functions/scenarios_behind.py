"""Paths through the functions behind queues, streams and the schedule, with the same planted data in all input."""

import base64
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.functions.harness import KITE, Rig
from tests.unit.functions.scenarios import ASHA, details, echo, new, webhook, webhook_of_another_kind

ROOT: Final = Path(__file__).parents[3]


def reconcile(rig: Rig, transaction_id: str) -> list[Any]:
    body = json.dumps({"transactionId": transaction_id, "smallcaseAuthId": KITE, "notes": ASHA})
    records = {"Records": [{"messageId": "m", "body": body}]}
    return list(rig.handler("reconcile")(records, None)["batchItemFailures"])


def pull(rig: Rig) -> None:
    transaction_id = new(rig)
    rig.gateway.details[transaction_id] = details(transaction_id)
    assert reconcile(rig, transaction_id) == []
    assert rig.tables["Transactions"].items[(transaction_id,)]["status"]["S"] == "COMPLETED"


def pull_refused(rig: Rig) -> None:
    transaction_id = new(rig)
    echo(rig, 400)
    assert reconcile(rig, transaction_id) == []


def pull_with_a_wrong_orders_path(rig: Rig) -> None:
    transaction_id = new(rig)
    shown = details(transaction_id)
    shown["success"]["data"]["batches"] = [{"batchId": "b1"}]
    rig.gateway.details[transaction_id] = shown
    echo(rig, 404)
    refuse = rig.gateway.answer
    rig.gateway.answer = lambda request: None if "transactiondetails" in request.url.path else refuse(request)
    assert reconcile(rig, transaction_id) == []


def pull_a_strangers(rig: Rig) -> None:
    echo(rig, 403)
    assert len(reconcile(rig, "TRX_0")) == 1


def pull_what_nobody_can_read(rig: Rig) -> None:
    transaction_id = new(rig)
    rig.gateway.details[transaction_id] = details(transaction_id)
    packed = rig.tables["Transactions"].items[(transaction_id,)]
    packed |= {"snapshot": {"B": ASHA.encode()}, "revision": {"S": ASHA}, "batchId": {"S": "b1"}}
    assert len(reconcile(rig, transaction_id)) == 1


def check_due(rig: Rig) -> None:
    new(rig)
    rig.pass_time(3600)
    rig.handler("check_due")({}, None)


def close_books(rig: Rig) -> None:
    new(rig)
    rig.pass_time(10 * 3600)
    rig.handler("close_books")({}, None)


def publish(rig: Rig) -> None:
    assert webhook()(rig) == 200
    assert webhook_of_another_kind(rig) == 200
    records = [*rig.tables["Transactions"].stream, *rig.tables["Webhooks"].stream]
    rig.handler("publish_updates")({"Records": records}, None)


def record(rig: Rig) -> None:
    assert webhook()(rig) == 200
    rig.handler("record_history")({"Records": rig.tables["Transactions"].stream}, None)


def record_what_nobody_can_read(rig: Rig) -> None:
    assert webhook()(rig) == 200
    records = json.loads(json.dumps(rig.tables["Transactions"].stream))
    spoilt: list[dict[str, Any]] = [{"version": {"S": ASHA}}, {"cause": {"L": [{"S": f"{KITE} of {ASHA}"}]}}]
    records = [
        each | {"dynamodb": spoil(each["dynamodb"], bad)} for each, bad in zip(records[-2:], spoilt, strict=True)
    ]
    rig.handler("record_history")({"Records": records}, None)


def publish_what_nobody_can_read(rig: Rig) -> None:
    assert webhook()(rig) == 200
    records = json.loads(json.dumps(rig.tables["Transactions"].stream))
    spoilt: list[dict[str, Any]] = [
        {"snapshot": {"B": base64.b64encode(ASHA.encode()).decode()}},
        {"account": {"S": f"{KITE} of {ASHA}"}},
        {"version": {"S": ASHA}},
        {"sdkError": {"S": ASHA}},
        {"notes": {"L": [{"S": ASHA}]}},
    ]
    records = [records[-1] | {"dynamodb": spoil(records[-1]["dynamodb"], each)} for each in spoilt]
    rig.handler("publish_updates")({"Records": records}, None)


def spoil(images: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    return {**images, "NewImage": {**images["NewImage"], **attributes}}


def publish_to_a_bus_that_refuses(rig: Rig) -> None:
    rig.clients.events.refuses = lambda detail: "ThrottlingException"
    new(rig)
    with pytest.raises(Exception, match="the bus rejected") as caught:
        rig.handler("publish_updates")({"Records": rig.tables["Transactions"].stream}, None)
    logging.getLogger().error("as Lambda writes it", exc_info=caught.value)


def consume(function: str, **changes: Any) -> Callable[[Rig], None]:
    def drive(rig: Rig) -> None:
        sample = (ROOT / "events" / f"{function}.json").read_text()
        event = json.loads(sample.replace("user-42", ASHA).replace("65a1b2c3d4e5f60718293a4b", KITE))
        body = json.loads(event["Records"][0]["body"])
        body["detail"] |= changes
        event["Records"][0]["body"] = json.dumps(body)
        failed = rig.handler(function)(event, None)["batchItemFailures"]
        assert len(failed) == bool(changes)

    return drive


BEHIND: Final[dict[str, Callable[[Rig], None]]] = {
    "reconcile": pull,
    "reconcile, refused": pull_refused,
    "reconcile, wrong orders path": pull_with_a_wrong_orders_path,
    "reconcile, a stranger's": pull_a_strangers,
    "reconcile, unreadable": pull_what_nobody_can_read,
    "check_due": check_due,
    "close_books": close_books,
    "publish_updates": publish,
    "publish_updates, unreadable": publish_what_nobody_can_read,
    "publish_updates, bus refuses": publish_to_a_bus_that_refuses,
    "record_history": record,
    "record_history, unreadable": record_what_nobody_can_read,
    "notifier": consume("notifier"),
    "notifier, broken": consume("notifier", notes=[ASHA], smallcaseAuthId={KITE: ASHA}, counts=ASHA),
    "positions": consume("positions"),
    "positions, broken": consume("positions", orders=[{"quantity": ASHA}], notes={"user": ASHA}),
}
