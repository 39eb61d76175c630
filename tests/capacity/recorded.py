"""The calls of the real handlers for one transaction of each kind: recorded once, with tables in memory, then played.

Running a hundred thousand of them in Python would take minutes of a processor for each table. What is played keeps the
order of calls; how handlers run at once, pace and postpone is not played but the product's own code.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.unit.functions.harness import GATEWAY_SECRET, KITE, Rig, said
from tests.unit.functions.scenarios import ASHA, batch, connected, details, hit, hook, order

# What botocore adds to a call of AWS, and TLS to one of the Gateway: the fakes have neither. In processor seconds.
AWS_CALL_CPU: Final = 0.0006
GATEWAY_CALL_CPU: Final = 0.0012
_SAMPLES: Final = 20


@dataclass(frozen=True)
class Calls:
    """The calls of pulling one transaction: DynamoDB before and after the Gateway, and the seconds of a processor."""

    before: int
    gateway: int
    after: int
    cpu: float


@dataclass(frozen=True)
class Published:
    """The cost of publishing a hundred records: calls of PutEvents and of SQS, and the seconds of a processor."""

    puts: int
    sends: int
    cpu: float


class _Bus:
    calls = 0

    def put_events(self, *, Entries: Sequence[Any]) -> dict[str, Any]:
        self.calls += 1
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in Entries]}


@contextmanager
def quiet() -> Iterator[None]:
    """While this lasts, nothing is logged."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _rig() -> Rig:
    rig = Rig(CREATIONS_PER_MINUTE="100000")
    rig.clients.events = _Bus()
    return rig


def final_of(transaction_id: str) -> dict[str, Any]:
    """A batch in which everything is final."""
    return batch(transactionId=transaction_id, completedDate="2026-01-15T04:03:10.000Z")


def _reported(rig: Rig, *, linked: bool, final: bool) -> str:
    transaction_id = rig.transaction(ASHA)
    if linked:
        token = connected(rig, KITE, GATEWAY_SECRET)
        body = {"resolved": {"smallcaseAuthToken": token, "broker": "kite"}}
        route = "POST /transactions/{transactionId}/sdk-response"
        rig.call(route, body, user=ASHA, path={"transactionId": transaction_id})
    rig.pass_time(1)
    shown = final_of(transaction_id)
    if not final:
        shown |= {"status": "PLACED", "completedDate": None, "orders": [order(status="PLACED", filledQuantity=0)]}
    success = {"broker": "kite", "notes": ASHA, "data": {"batches": [{"batchId": "b1"}]}}
    status = {"status": "COMPLETED" if final else "PROCESSING"}
    rig.gateway.details[transaction_id] = details(transaction_id) | {"success": success} | status
    assert hit(rig, hook(rig, shown)) == 200
    row = shown | {"transactionId": transaction_id, "broker": "kite", "notes": ASHA}

    def answer(request: httpx.Request) -> httpx.Response | None:
        return said([row]) if request.url.path.endswith("/orders/sst") else None

    rig.gateway.answer = answer
    return transaction_id


def _calls(rig: Rig, message: Callable[[], str]) -> Calls:
    """Return the handler's calls for a message, the pace's record left out, and its processor time, at the median."""
    handler = rig.handler("reconcile")
    seen: list[str] = []
    world: Any = rig.world
    world_call = world.call

    def call(name: str, *rest: Any) -> Any:
        seen.append(name)
        return world_call(name, *rest)

    times = []
    for _ in range(_SAMPLES):
        body, asked = message(), len(rig.gateway.requests)
        world.call = call  # the wire between botocore and the tables
        del seen[:]
        answered, usual = rig.gateway.answer, rig.gateway.answer

        def counting(request: httpx.Request, usual: Any = usual) -> Any:
            seen.append("Gateway")
            return usual(request)

        rig.gateway.answer = counting
        started = time.process_time()
        failures = handler({"Records": [{"messageId": "m", "body": body}]}, None)["batchItemFailures"]
        times.append(time.process_time() - started)
        assert failures == []
        world.call = world_call
        rig.gateway.answer = answered
        assert len(rig.gateway.requests) > asked
    first = seen.index("Gateway")
    last = len(seen) - 1 - seen[::-1].index("Gateway")
    gateway = seen.count("Gateway")
    before, after = first - 1, len(seen) - 1 - last  # the first call reads the pace
    cpu = sorted(times)[_SAMPLES // 2] + (before + after) * AWS_CALL_CPU + gateway * GATEWAY_CALL_CPU
    return Calls(before, gateway, after, cpu)


def record() -> dict[str, Calls]:
    """Each kind of pull, as the real handler makes it."""
    with quiet():
        final, unlinked, first, check = _rig(), _rig(), _rig(), _rig()

        def body(transaction_id: str, **more: bool) -> str:
            return json.dumps({"transactionId": transaction_id, **more})

        def checked() -> str:
            transaction_id = _reported(check, linked=True, final=False)
            check.handler("reconcile")({"Records": [{"messageId": "m", "body": body(transaction_id)}]}, None)
            check.pass_time(3600)
            check.clients.sqs.batched = []
            check.handler("check_due")({}, None)
            return str(next(each for each in check.clients.sqs.batched if transaction_id in each))

        return {
            "final report": _calls(final, lambda: body(_reported(final, linked=True, final=True), final=True)),
            "final report, account not shown": _calls(
                unlinked, lambda: body(_reported(unlinked, linked=False, final=True), final=True)
            ),
            "first look": _calls(first, lambda: body(_reported(first, linked=False, final=False))),
            "check of an open order": _calls(check, checked),
        }


def publishing() -> Published:
    """Return the publisher's calls for a hundred final reports."""
    with quiet():
        rig = _rig()
        for _ in range(100):
            rig.tables["Transactions"].stream.clear()
            _reported(rig, linked=True, final=True)
        reported = [each for each in rig.tables["Transactions"].stream if "final" not in each]
        records = (reported[-1:] * 100)[:100]
        sends: list[int] = []
        queue, bus = rig.clients.sqs, rig.clients.events
        send = queue.send_message_batch

        def sending(**arguments: Any) -> Any:
            sends.append(1)
            return send(**arguments)

        queue.send_message_batch = sending
        handler = rig.handler("publish_updates")
        handler({"Records": records}, None)
        puts, sent = bus.calls, len(sends)
        started = time.process_time()
        handler({"Records": records}, None)
        cpu = time.process_time() - started + (puts + sent) * AWS_CALL_CPU
        return Published(puts, sent, cpu)
