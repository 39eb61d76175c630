"""Stored items of every kind, as this code writes them: out of simulated schedules and of requests to the API."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import httpx

from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.statuses import GatewayStatus, OrderStatus, Status
from securities_transactions.domain.transaction import AccountLink, Confirmation, FailureReason, Source
from securities_transactions.storage.adoption_leases import AdoptionLeases
from securities_transactions.storage.counters import CreationCounts, WebhookCounts
from securities_transactions.storage.dynamodb import of_attributes, to_attributes
from securities_transactions.storage.mapper import of_item, to_item
from tests.golden.plain import image
from tests.simulation.product import simulated
from tests.simulation.schedule import Schedule
from tests.unit.functions.harness import Rig, said
from tests.unit.storage.samples import BATCH, FULL, LEAST

Record = dict[str, Any]

SCHEDULES: Final = 400
LEASE: Final = "TRX_GOLDEN"
COUNTED: Final = "user-counted"
PROOF: Final = "proof-counted"
KEYS: Final = ("golden-done", "golden-under-way")
# What the dictionary of the encoding is made for, so that no part of it can change unnoticed.
WHOLE_REQUEST: Final = {
    "config": {"orderName": "Diwali", "orderLogo": "https://cdn.example.com/logo.png"},
    "orderConfig": {
        "type": "SECURITIES",
        "securities": [
            {"ticker": "INFY", "quantity": 1, "type": "SELL"},
            {"ticker": "TCS", "quantity": 2, "type": "BUY"},
        ],
    },
}
WHOLE_BATCH: Final = {
    "batchId": "65b0000000000000000000a1",
    "variety": "regular",
    "filled": 1,
    "buyAmount": 0,
    "sellAmount": 0,
    "completedDate": None,
    "status": "PARTIALLYFILLED",
    "orders": [
        {
            "tradingsymbol": symbol,
            "transactionType": side,
            "orderType": kind,
            "status": status,
            "quantity": 10,
            "filledQuantity": 0,
            "averagePrice": 0,
            "price": 0,
            "triggerPrice": 0,
            "product": "CNC",
            "exchange": "NSE",
            "exchangeOrderId": "1100000012345678",
            "errorCode": None,
            "statusMessage": None,
            "orderTimestamp": "2026-01-15T04:30:12.345Z",
        }
        for symbol, side, kind, status in (
            ("NIFTYBEES", "SELL", "LIMIT", "REJECTED"),
            ("INFY", "BUY", "SLM", "CANCELLED AMO"),
            ("RELIANCE", "BUY", "MARKET", "PLACED"),
        )
    ],
    "unplaced": [
        {
            "tradingsymbol": "TCS",
            "transactionType": "BUY",
            "quantity": 2,
            "errorCode": "marginsExceeded",
            "statusMessage": "NA",
            "status": "ERROR",
        }
    ],
}
# Long after any test: keys are looked at by the machine's own clock.
_NEVER: Final = 4_102_444_800


def records() -> dict[str, list[Record]]:
    """Stream records of the Transactions and the Webhooks table that together have every feature that any has."""
    found: dict[str, list[Record]] = {"transactions": _samples(), "webhooks": []}
    users: dict[str, Record] = {}
    with simulated():
        for seed in range(SCHEDULES):
            schedule = Schedule(seed)
            schedule.run()
            tables = schedule.product.tables
            for name in ("Transactions", "Webhooks"):
                found[name.lower()] += [_trimmed(record) for record in tables[name].stream]
            for item in tables["Users"].items.values():
                users.setdefault(_kind(item), image(item))
    chosen = {
        "transactions": list(_covering(found["transactions"], _features)),
        "webhooks": list(_covering(found["webhooks"], _features)),
    }
    return chosen | {"users": list(users.values()), "idempotency": keys()}


def keys() -> list[Record]:
    """Items of the Idempotency table: a request that was answered, one under way, a lease and two counters."""
    rig = Rig()
    under_way: list[Record] = []

    def answer(request: httpx.Request) -> httpx.Response:
        items = rig.tables["Idempotency"].items.values()
        under_way.extend(image(item) for item in items if item.get("status") == {"S": "INPROGRESS"})
        return said({"transactionId": f"TRX_GOLDEN_{len(rig.gateway.created)}", "expireAt": "2026-01-15T04:45:00.000Z"})

    rig.gateway.answer = answer
    created = [rig.create(key=key) for key in KEYS]
    assert [each.status for each in created] == [201, 201], created
    done = [
        image(item) for item in rig.tables["Idempotency"].items.values() if item.get("status") == {"S": "COMPLETED"}
    ]
    rig.tables["Idempotency"].items.clear()
    client: Any = rig.dynamodb
    now = rig.world.clock()
    AdoptionLeases(client, "Idempotency").take(LEASE, now, FULL.expire_at - FULL.created_at)
    CreationCounts(client, "Idempotency").count(COUNTED, now, most=1)
    WebhookCounts(client, "Idempotency").count(PROOF, now)
    others = [image(item) for item in rig.tables["Idempotency"].items.values()]
    return [_lasting(item) for item in (done[0], under_way[-1], *others)]


def _lasting(item: Record) -> Record:
    moments = {"expiration": _NEVER, "in_progress_expiration": _NEVER * 1000}
    return item | {name: {"N": str(at)} for name, at in moments.items() if name in item}


def _samples() -> list[Record]:
    """Transactions in every status and with every word, for each case that the schedules find."""
    words: list[Any] = [
        *({"status": each} for each in Status),
        *({"gateway_status": each} for each in GatewayStatus),
        *({"account": each} for each in AccountLink),
        *({"confirmation": each} for each in Confirmation),
        *({"source": each} for each in Source),
        *({"failure": replace(FULL.failure, reason=each)} for each in FailureReason if FULL.failure),
        *({"orders": Deferred.of(_batch(each))} for each in OrderStatus),
    ]
    whole = type(BATCH).model_validate(WHOLE_BATCH)
    requested = replace(FULL, requested=Deferred.of(WHOLE_REQUEST), orders=Deferred.of(whole))
    made = [LEAST, FULL, requested, *(replace(FULL, **each) for each in words)]
    return [{"eventName": "INSERT", "dynamodb": {"NewImage": image(to_attributes(to_item(each)))}} for each in made]


def _batch(status: OrderStatus) -> Any:
    order = BATCH.as_sent()["orders"][0] | {"status": status.value}
    return type(BATCH).model_validate(BATCH.as_sent() | {"orders": [order]})


def _trimmed(record: Mapping[str, Any]) -> Record:
    images = {name: image(record["dynamodb"][name]) for name in ("OldImage", "NewImage") if name in record["dynamodb"]}
    return {"eventName": record["eventName"], "dynamodb": images}


def _kind(item: Mapping[str, Any]) -> str:
    return str([item["entry"]["S"].split("#")[0], *sorted(item)])


def _covering(candidates: Iterable[Record], features: Callable[[Record], set[str]]) -> Iterator[Record]:
    """The candidates that have a feature which none before them has."""
    seen: set[str] = set()
    for candidate in candidates:
        new = features(candidate) - seen
        if new:
            seen |= new
            yield candidate


def _features(record: Record) -> set[str]:
    """The features that a reader may treat differently: attributes, their types and values, and changes of values."""
    images = record["dynamodb"]
    if "NewImage" not in images:
        return set()
    new = images["NewImage"]
    found = {f"{name} {next(iter(value))}" for name, value in new.items()}
    found |= {f"{name} absent" for name in images.get("OldImage", {}) if name not in new}
    found |= {f"{name}={new[name].get('S')}" for name in _WORDS if name in new}
    found |= {f"requested {sorted(of_item(of_attributes(new)).requested.value)}"} if "request" in new else set()
    found |= {f"{name}: {json.dumps(new[name])}" for name in ("error", "sdkError") if name in new}
    if "status" in new:
        old = images.get("OldImage", {}).get("status", {}).get("S")
        found.add(f"{old} -> {new['status']['S']}")
        batch = of_item(of_attributes(new)).batch
        found |= {f"order {order.status}" for order in batch.orders} if batch else set()
        found.add(f"{len(batch.orders) if batch else 'no'} orders")
    return found


_WORDS: Final[Sequence[str]] = ("status", "confirmation", "source", "account", "gatewayStatus", "kind", "suspicion")
