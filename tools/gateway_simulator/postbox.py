"""The hits that follow from events, their faults, and the hits sent by hand."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from tools.gateway_simulator import webhooks
from tools.gateway_simulator.clock import Clock
from tools.gateway_simulator.delivery import Attempt, Courier, Hit
from tools.gateway_simulator.faults import FaultDesk, WebhookFaults, disfigure
from tools.gateway_simulator.transactions import Conflict, Transaction
from tools.gateway_simulator.webhooks import Kind, Variant
from tools.gateway_simulator.wire import stamp
from tools.gateway_simulator.world import World


class Postbox:
    """All hits so far, and their way to the courier."""

    def __init__(
        self, world: World, desk: FaultDesk, clock: Clock, courier: Courier, report: Callable[[Hit], None]
    ) -> None:
        self._world, self._desk, self._clock, self._courier, self._report = world, desk, clock, courier, report
        self.hits: list[Hit] = []
        self._held: dict[str, list[Hit]] = {}

    def notify(self, transaction: Transaction) -> None:
        """Send the partner the current state of the batch of `transaction`, subject to the faults in force."""
        row = transaction.row(self._world.settings)
        if row is None or transaction.batch is None:
            return
        faults = self._desk.of(transaction.fault_patch)
        body = disfigure({**deepcopy(row), "smallcaseAuthId": transaction.auth_id}, faults.wire)
        hit = self._new(transaction.id, "sst", str(row["status"]), "genuine", body)
        hit.variant = faults.webhooks.checksum
        hit.timestamp = self._timestamp(transaction, faults.webhooks)
        fate = self._desk.take_hit(transaction.fault_patch, self._world.rng)
        is_final = transaction.batch.is_final
        if fate.lost:
            hit.state = "lost"
        elif fate.hold and not is_final:
            hit.state = "held"
            self._held.setdefault(transaction.id, []).append(hit)
        else:
            self._courier.send_after(fate.delay_seconds, hit)
        self._report(hit)
        if fate.copies > 1 and not fate.lost:
            twin = self._copy(hit, "duplicate")
            self._courier.send_after(fate.delay_seconds, twin)
        if is_final:
            for number, late in enumerate(reversed(self._held.pop(transaction.id, [])), start=1):
                late.state = "waiting"
                self._courier.send_after(fate.delay_seconds + 0.2 * number, late)

    def notify_other(self, kind: Kind, auth_id: str, transaction_id: str, broker: str) -> Hit:
        """Send a genuine webhook of another kind (docs/reference/gateway.md §4.4)."""
        today = stamp(self._clock.wall_now())
        body = webhooks.other_kind(kind, auth_id, transaction_id, broker, today)
        hit = self._new(transaction_id, kind, kind, "genuine", body)
        hit.timestamp = today
        self._courier.send_after(0, hit)
        return hit

    async def duplicate(self, number: int | None, transaction_id: str | None, times: int) -> list[Attempt]:
        """Send a hit again unchanged, `times` times."""
        hit = self.find(number, transaction_id)
        return [await self._courier.send(self._copy(hit, "duplicate"), retry=False) for _ in range(times)]

    async def replay(self, number: int | None, transaction_id: str | None, *, restamp: bool) -> Attempt:
        """Send a hit again late, as the schedule would. With `restamp` it is signed again."""
        twin = self._copy(self.find(number, transaction_id), "replay")
        if restamp:
            twin.timestamp, twin.presigned = stamp(self._clock.wall_now()), False
            twin.body = {key: value for key, value in twin.body.items() if key not in {"timestamp", "checksum"}}
        return await self._courier.send(twin, retry=False)

    async def forge(
        self,
        number: int | None,
        transaction_id: str | None,
        *,
        changes: dict[str, Any],
        body: dict[str, Any] | None,
        checksum: Variant | None,
        timestamp: str | None,
    ) -> tuple[Hit, Attempt]:
        """Send a webhook of an attacker.

        `changes` are merged into an earlier hit (lists element by element). Without `checksum`, the earlier timestamp
        and checksum stay on the altered body; with it, the body is signed in that variant. A `body` is sent as is.
        """
        if body is not None:
            forged = self._new(str(body.get("transactionId") or "") or None, "sst", "forged", "forged", body)
        else:
            forged = self._copy(self.find(number, transaction_id), "forged")
            forged.body = merged(forged.body, changes)
            forged.label = str(forged.body.get("status", forged.label))
        forged.presigned = checksum is None
        if checksum is not None:
            forged.body = {key: value for key, value in forged.body.items() if key not in {"timestamp", "checksum"}}
            forged.variant, forged.timestamp = checksum, timestamp or stamp(self._clock.wall_now())
            forged.subject = webhooks.subject_of(forged.body)
        elif timestamp is not None:
            forged.body["timestamp"] = timestamp
        return forged, await self._courier.send(forged, retry=False)

    def find(self, number: int | None, transaction_id: str | None) -> Hit:
        """The hit with that number, or the newest genuine one of the transaction."""
        for hit in reversed(self.hits):
            wanted = hit.number == number if number is not None else hit.origin == "genuine"
            if wanted and transaction_id in (None, hit.transaction_id):
                return hit
        raise Conflict("there is no such hit")

    def _new(self, transaction_id: str | None, kind: str, label: str, origin: str, body: dict[str, Any]) -> Hit:
        hit = Hit(len(self.hits) + 1, transaction_id, kind, label, origin, body, webhooks.subject_of(body))
        self.hits.append(hit)
        return hit

    def _copy(self, hit: Hit, origin: str) -> Hit:
        """A new hit with the body of `hit`, and its seal if it was sent."""
        sent = bool(hit.attempts)
        body = deepcopy(hit.attempts[-1].body if sent else hit.body)
        twin = self._new(hit.transaction_id, hit.kind, hit.label, origin, body)
        twin.subject, twin.timestamp, twin.presigned = hit.subject, hit.timestamp, sent or hit.presigned
        twin.variant = hit.variant
        return twin

    def _timestamp(self, transaction: Transaction, faults: WebhookFaults) -> str:
        if faults.same_timestamp:
            for hit in self.hits:
                if hit.transaction_id == transaction.id and hit.origin == "genuine" and hit.timestamp:
                    return hit.timestamp
        return stamp(self._clock.wall_now() + timedelta(seconds=faults.stamp_offset_seconds))


def merged(value: Any, changes: Any) -> Any:
    """`value` merged with `changes`: objects by key, lists by position, anything else is replaced."""
    if isinstance(value, dict) and isinstance(changes, dict):
        return {**value, **{key: merged(value.get(key), change) for key, change in changes.items()}}
    if isinstance(value, list) and isinstance(changes, list):
        both = [merged(old, new) for old, new in zip(value, changes, strict=False)]
        return both + changes[len(value) :] + value[len(changes) :]
    return changes
