"""The erasure of a user, over moto's DynamoDB: nothing names the user afterwards, and the records stay.

The items are those that the product's own functions wrote. The search for traces reads every byte of every table: it
does not rest on the list of what an erasure deletes.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest
import simplejson
from botocore.exceptions import ClientError

from operations.erase import Erased, Rejected, erase, fingerprint
from operations.show import decoded
from securities_transactions.events.builder import of_transaction
from securities_transactions.storage.dynamodb import of_attributes
from securities_transactions.storage.mapper import of_item
from tests.dynamodb.second import KEYS, Items, moto
from tests.strict_messaging import StrictBus, StrictQueue
from tests.unit.functions.harness import KITE, OTHER, Rig
from tests.unit.functions.scenarios import ASHA, details, hook
from tests.unit.functions.test_reconcile import reconcile

DAY: Final = 24 * 3600
REFERENCE: Final = "the-first-order-of-asha-rao"
OUTPUTS: Final = {
    "TransactionsTable": "Transactions",
    "UsersTable": "Users",
    "WebhooksTable": "Webhooks",
    "HistoryTable": "History",
    "BooksTable": "Books",
}


def pull(rig: Rig, transaction_id: str, **state: Any) -> None:
    """The Gateway has this state from now on, and a pull stores it."""
    rig.gateway.details[transaction_id] = details(transaction_id) | state
    assert reconcile(rig, json.dumps({"transactionId": transaction_id})) == []


def populated() -> Rig:
    """A user with an account, a trade, a transaction that failed, and stored webhooks; and another user."""
    rig = Rig()
    rig.clients.events, rig.clients.sqs = StrictBus(), StrictQueue()
    traded = str(rig.create(ASHA, reference=REFERENCE).body["transactionId"])
    rig.resolve(traded, KITE, ASHA)
    pull(rig, traded)
    failed = rig.transaction(ASHA)
    pull(rig, failed, status="ERRORED", success=None, error={"code": 1012, "message": "user_cancelled"})
    other = rig.transaction(OTHER)
    pull(rig, other, smallcaseAuthId=None, success=details(other)["success"] | {"notes": OTHER})
    for body in (
        {"transactionId": traded, "orders": "none", "notes": ASHA},
        {"intent": "HOLDINGS_IMPORT", "notes": ASHA, "transactionId": "TRX_77"},
    ):
        assert rig.call("POST /webhooks/orders", hook(rig, body)).status == 200
    rig.handler("record_history")({"Records": rig.tables["Transactions"].stream}, None)
    return rig


@pytest.fixture
def rig() -> Rig:
    """The functions with their tables populated."""
    return populated()


@pytest.fixture
def stage(rig: Rig) -> Iterator[Any]:
    """A stage with the harness's items in moto's tables."""
    with moto().standing_in():
        moto().empty()
        for name, table in rig.tables.items():
            for item in table.items.values() if name in KEYS else ():
                moto().client.put_item(TableName=name, Item=item)
        rig.pass_time(10 * DAY)
        yield SimpleNamespace(
            dynamodb=moto().client,
            outputs=OUTPUTS,
            parameters={"BooksWindowDays": "1"},
            items=lambda table, **_: iter(moto().items(table).values()),
        )


def stored() -> dict[str, Items]:
    """All items of the tables that an erasure is about."""
    return {name: moto().items(name) for name in OUTPUTS.values()}


def text_of(table: str, item: Any) -> str:
    """An item as text: what is encoded in it as well, decoded."""
    attributes = of_attributes(item)
    shown = simplejson.dumps(decoded(attributes), ensure_ascii=False) if table == "Transactions" else ""
    body = zlib.decompress(attributes["body"]).decode() if table == "Webhooks" else ""
    return repr(item) + shown + body


def traces(*words: str) -> list[str]:
    """The table of each item that has one of the words in it."""
    return [
        name
        for name, items in stored().items()
        for each in items.values()
        if any(word in text_of(name, each) for word in words)
    ]


def of_other_user() -> dict[str, Items]:
    """The items of each table that name the other user."""
    return {
        name: {key: item for key, item in items.items() if OTHER in text_of(name, item)}
        for name, items in stored().items()
    }


def test_nothing_names_the_user_and_the_record_of_the_trade_stays(rig: Rig, stage: Any) -> None:
    assert set(traces(ASHA, KITE, REFERENCE)) == {"Transactions", "Users", "Webhooks"}
    before = stored()
    [traded] = [item for item in before["Transactions"].values() if REFERENCE in text_of("Transactions", item)]
    erased = erase(stage, ASHA, by="on-call", clock=rig.world.clock)

    assert traces(ASHA, KITE, REFERENCE, "user_cancelled") == []
    assert (erased.pseudonymized, erased.transactions, erased.links, erased.webhooks) == (1, 1, 1, 2)
    kept = of_item(of_attributes(moto().items("Transactions")[(traded["transactionId"]["S"],)]))
    was = of_item(of_attributes(traded))
    assert (kept.batch, kept.settled_at, kept.version, kept.broker) == (was.batch, was.settled_at, was.version, "kite")
    assert kept.user_id.startswith("erased-")


def test_other_users_are_as_they_were(rig: Rig, stage: Any) -> None:
    before = of_other_user()
    erase(stage, ASHA, by="on-call", clock=rig.world.clock)
    after = of_other_user()
    assert after == before
    assert before["Transactions"]
    assert before["Users"]


def test_erasure_publishes_no_event(rig: Rig, stage: Any) -> None:
    """The streams carry the erasure as well: the publisher and the history read it."""
    before = stored()["Transactions"]
    erase(stage, ASHA, by="on-call", clock=rig.world.clock)
    after = stored()["Transactions"]
    for key, old in before.items():
        if key in after:
            assert of_transaction(of_item(of_attributes(old)), of_item(of_attributes(after[key]))) == []
    rig.clients.events.accepted.clear()
    gone = [
        {
            "eventID": "1",
            "eventName": "REMOVE",
            "dynamodb": {"Keys": {"transactionId": old["transactionId"]}, "OldImage": old, "SequenceNumber": "900"},
        }
        for key, old in before.items()
        if key not in after
    ]
    assert gone
    rig.handler("publish_updates")({"Records": gone}, None)
    rig.handler("record_history")({"Records": gone}, None)
    assert not rig.clients.events.accepted


def test_audit_record_shows_that_a_given_user_was_erased_and_names_none(rig: Rig, stage: Any) -> None:
    erased = erase(stage, ASHA, by="on-call", clock=rig.world.clock)
    [item] = moto().items("Books").values()
    record = of_attributes(item)
    assert record["by"] == "on-call"
    assert Erased(**{name: int(record[name]) for name in asdict(erased)}) == erased
    assert fingerprint(ASHA, record["salt"]) == record["user"] != fingerprint(OTHER, record["salt"])


def test_erasure_that_was_interrupted_is_completed_by_another(rig: Rig, stage: Any) -> None:
    """Each deletion and update fails once, the whole is run again after each."""
    real, calls = stage.dynamodb, 0

    class Failing:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def _once(self, name: str, arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls % 3 == 2:
                raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, name)
            return getattr(real, name)(**arguments)

        def delete_item(self, **arguments: Any) -> Any:
            return self._once("delete_item", arguments)

        def update_item(self, **arguments: Any) -> Any:
            return self._once("update_item", arguments)

    stage.dynamodb = Failing()
    failures = 0
    while failures < 50:
        try:
            erase(stage, ASHA, by="on-call", clock=rig.world.clock)
            break
        except ClientError:
            failures += 1
    assert failures > 2
    assert traces(ASHA, KITE, REFERENCE, "user_cancelled") == []


@pytest.mark.parametrize(
    ("after", "keeps", "window", "message"),
    [
        (timedelta(days=6), True, "1", "was over less than 7 days ago"),
        (timedelta(days=20), True, "31", "was over less than 32 days ago"),
        (timedelta(days=10), False, "1", "has orders, whose record is to be kept"),
    ],
)
def test_rejected_erasure_changes_nothing(
    rig: Rig, stage: Any, after: timedelta, keeps: bool, window: str, message: str
) -> None:
    stage.parameters = {"BooksWindowDays": window}
    before, now = stored(), rig.world.clock() - timedelta(days=10) + after
    with pytest.raises(Rejected, match=message):
        erase(stage, ASHA, keeps_records=keeps, by="on-call", clock=lambda: now)
    assert stored() == before


def test_open_transaction_rejects_the_erasure(rig: Rig, stage: Any) -> None:
    open_ = rig.transaction(ASHA)
    for name in ("Transactions", "Users"):
        for item in rig.tables[name].items.values():
            moto().client.put_item(TableName=name, Item=item)
    with pytest.raises(Rejected, match=f"{open_} is open"):
        erase(stage, ASHA, by="on-call", clock=rig.world.clock)


def test_user_without_anything_is_erased_and_audited(rig: Rig, stage: Any) -> None:
    assert erase(stage, "user-nobody-knows", by="on-call", clock=rig.world.clock) == Erased()
    assert len(moto().items("Books")) == 1
