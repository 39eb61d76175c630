"""The results of this code for stored items: the API's responses, events, requests to pull, users' entries and keys."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from securities_transactions.services.publish_updates import Update, update_of
from securities_transactions.storage.adoption_leases import AdoptionLeases
from securities_transactions.storage.counters import MOST_WEBHOOKS, CreationCounts, WebhookCounts
from securities_transactions.storage.dynamodb import of_attributes, to_attributes
from securities_transactions.storage.mapper import of_item
from securities_transactions.storage.webhooks import webhook_of
from tests.golden.collect import COUNTED, KEYS, LEASE, PROOF
from tests.unit.functions.harness import SERVICE, Answered, Rig

Stored = Mapping[str, Any]


def pull_of(update: Update) -> Any:
    """The request to pull; its cause is that of the invocation, which no item has."""
    if update.pull is None:
        return None
    return {name: value for name, value in asdict(update.pull).items() if name != "cause"}


def of_transaction(record: Stored) -> Any:
    """The API's responses to the user and to a service for a stream record's new image, and the published events."""
    item = to_attributes(of_attributes(record["dynamodb"]["NewImage"]))
    transaction_id, user = item["transactionId"]["S"], item["notes"]["S"]
    rig = Rig()
    table = rig.tables["Transactions"]
    table.items[table.key(item)] = item
    path, route = {"transactionId": transaction_id}, "GET /transactions/{transactionId}"
    update = update_of(record)
    return plain(
        {
            "requested": of_item(of_attributes(item)).requested.value,
            "transaction": body(rig.call(route, user=user, path=path)),
            "orders": body(rig.call(f"{route}/orders", user=user, path=path)),
            "support": body(rig.call(f"{route}/orders", user="support", scope=SERVICE, path=path)),
            "events": [event.model_dump(mode="json", exclude_none=True) for event in update.events],
            "pull": pull_of(update),
        }
    )


def of_webhook(record: Stored) -> Any:
    """The stored webhook, and what is published of it."""
    update = update_of(record)
    return plain(
        {
            "webhook": asdict(webhook_of(of_attributes(record["dynamodb"]["NewImage"]))),
            "events": [event.model_dump(mode="json", exclude_none=True) for event in update.events],
            "pull": pull_of(update),
        }
    )


def of_user(item: Stored) -> Any:
    """The result of the Users table's reader for its one item."""
    rig = Rig()
    table = rig.tables["Users"]
    table.items[table.key(item)] = dict(item)
    user = item["notes"]["S"]
    users = rig.application().users
    return plain(
        {
            "pointers": [asdict(each) for each in users.transactions_of(user, 10).pointers],
            "accounts": body(rig.call("GET /accounts", user=user)),
            "owner": users.owner_of(user.removeprefix("owner#")),
        }
    )


def of_key(item: Stored) -> Any:
    """Return the answers to requests with the keys beside this one item, and what lease and counts still grant."""
    rig = Rig()
    table = rig.tables["Idempotency"]
    table.items[table.key(item)] = dict(item)
    client: Any = rig.dynamodb
    now = rig.world.clock()
    answers = [rig.create(key=key) for key in KEYS]
    return plain(
        {
            "requests": [[each.status, each.body.get("transactionId")] for each in answers],
            "sent to the Gateway": len(rig.gateway.created),
            "lease": AdoptionLeases(client, "Idempotency").take(LEASE, now, timedelta(minutes=1)),
            "count": CreationCounts(client, "Idempotency").count(COUNTED, now, most=1),
            "webhooks": sum(WebhookCounts(client, "Idempotency").count(PROOF, now) for _ in range(MOST_WEBHOOKS)),
        }
    )


READERS: Final[Mapping[str, Callable[[Stored], Any]]] = {
    "transactions": of_transaction,
    "webhooks": of_webhook,
    "users": of_user,
    "idempotency": of_key,
}


def body(answer: Answered) -> Any:
    """The document of an answer."""
    return answer.body


def plain(value: Any) -> Any:
    """`value` as JSON can have it: exact numbers, times and bytes as text."""
    match value:
        case Mapping():
            return {str(name): plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case Decimal() | datetime() | timedelta():
            return str(value)
        case bytes():
            return value.decode()
    return value
