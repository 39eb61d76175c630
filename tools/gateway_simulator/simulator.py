"""The complete simulator: the world, its clock, faults, webhooks and journal."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx

from tools.gateway_simulator import details, lifecycle
from tools.gateway_simulator.clock import Agenda, Clock, utc_now
from tools.gateway_simulator.delivery import Courier, Hit
from tools.gateway_simulator.faults import FaultDesk, Faults
from tools.gateway_simulator.journal import Journal
from tools.gateway_simulator.postbox import Postbox
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.tokens import Identity
from tools.gateway_simulator.transactions import Conflict, Transaction, View
from tools.gateway_simulator.wire import stamp
from tools.gateway_simulator.world import World


class Simulator:
    """One running Gateway. Every method that changes a transaction records, reports and notifies."""

    def __init__(
        self, settings: Settings, webhook_client: httpx.AsyncClient, wall: Callable[[], datetime] = utc_now
    ) -> None:
        self.clock = Clock(wall=wall)
        self.agenda = Agenda(self.clock)
        self.desk = FaultDesk()
        self.sessions: dict[str, Identity] = {}
        self.journal = Journal()
        self.world = World(settings, random.Random(settings.seed))
        courier = Courier(self.agenda, lambda: self.settings, webhook_client, self._report_hit)
        self.postbox = Postbox(self.world, self.desk, self.clock, courier, self._report_hit)

    @property
    def settings(self) -> Settings:
        return self.world.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.world.settings = settings

    def transaction(self, transaction_id: str) -> Transaction:
        """The transaction. Raises `KeyError` if it does not exist."""
        return self.world.transactions[transaction_id]

    def create(self, request: dict[str, Any], owner: Identity) -> Transaction:
        """Create a transaction and schedule its expiry."""
        now = self.clock.now()
        transaction = self.world.create(request, owner, now, self.clock.wall_now(), self.clock.speed)
        self.changed(transaction, "created", intent=transaction.intent)

        async def expire() -> None:
            if lifecycle.expire(transaction):
                self.changed(transaction, "expired")
                self.agenda.after(self.settings.end_of_day_seconds, end_day)

        async def end_day() -> None:
            if lifecycle.end_of_day(transaction):
                self.changed(transaction, "status EXPIRED")

        self.agenda.at(transaction.expires_at, expire)
        return transaction

    def choose_broker(self, transaction: Transaction, broker: str) -> None:
        lifecycle.choose_broker(self.world, transaction, broker)
        self.changed(transaction, "broker chosen", broker=broker)

    def login(
        self,
        transaction: Transaction,
        broker: str,
        auth_id: str | None = None,
        client: str | None = None,
        session: Identity | None = None,
    ) -> None:
        lifecycle.login(self.world, transaction, broker, auth_id=auth_id, client=client, session=session)
        self.changed(transaction, "logged in" if transaction.error is None else "errored", broker=broker)
        kinds: dict[str, Any] = {"HOLDINGS_IMPORT": "holdings_import_v2", "MF_HOLDINGS_IMPORT": "mf_holdings_import"}
        if transaction.intent in kinds and transaction.auth_id is not None:
            self.postbox.notify_other(kinds[transaction.intent], transaction.auth_id, transaction.id, broker)

    def confirm(
        self,
        transaction: Transaction,
        *,
        securities: list[dict[str, Any]] | None = None,
        order_type: str | None = None,
        amo: bool | None = None,
        scenario: str | Mapping[str, Any] | None = None,
        paused: bool = False,
    ) -> None:
        now = self.clock.now()
        lifecycle.confirm(
            self.world,
            transaction,
            now,
            securities=securities,
            order_type=order_type,
            amo=amo,
            scenario=scenario,
            paused=paused,
        )
        self.changed(transaction, "confirmed" if transaction.error is None else "errored")
        if not paused and transaction.steps:
            self._schedule(transaction)

    def advance(self, transaction: Transaction) -> bool:
        """Do one step of a transaction. Returns False if there was none."""
        before = None if transaction.batch is None else transaction.batch.as_json()
        kind = transaction.steps[0].kind if transaction.steps else ""
        if not lifecycle.step(self.world, transaction, self.clock.wall_now(), self.clock.now()):
            return False
        if transaction.batch is not None and transaction.batch.as_json() != before:
            self.changed(transaction, {"place": "placed"}.get(kind, kind))
            self._notify(transaction, placed=kind == "place")
        return True

    def cancel(self, transaction: Transaction, ticker: str | None) -> None:
        lifecycle.cancel(self.world, transaction, self.clock.wall_now(), ticker)
        self.changed(transaction, "cancelled by the user")
        self.postbox.notify(transaction)

    def reconcile(self, transaction: Transaction, outcomes: Mapping[str, Any]) -> None:
        lifecycle.reconcile(self.world, transaction, self.clock.wall_now(), outcomes)
        self.changed(transaction, "reconciled")
        self.postbox.notify(transaction)

    def correct(self, transaction: Transaction, filled: Mapping[str, int]) -> None:
        lifecycle.correct(self.world, transaction, filled)
        self.changed(transaction, "corrected")
        self.postbox.notify(transaction)

    def close(self, transaction: Transaction, code: int | None = None) -> None:
        lifecycle.close(transaction, code)
        self.changed(transaction, "closed")

    def set_faults(self, transaction: Transaction, patch: dict[str, Any]) -> None:
        """Set faults for this transaction. The others stay the ones for all."""
        given = Faults.model_validate(patch).model_dump(by_alias=True, exclude_unset=True)
        if calls := given.keys() & {"create", "details", "orders", "holdings"}:
            raise ValueError(f"{', '.join(sorted(calls))} can only be set for all transactions")
        transaction.fault_patch = given

    def changed(self, transaction: Transaction, what: str, **data: Any) -> None:
        """Record the new state of `transaction` for the pull APIs, and write it to the journal."""
        wall = self.clock.wall_now()
        rendered = details.render(transaction, self.settings, wall)
        row = transaction.row(self.settings)
        transaction.views.append(View(self.clock.now(), transaction.status, rendered, row))
        seen = {"status": transaction.status, "batch": None if row is None else row["status"]}
        self.journal.add(stamp(wall), what, transaction.id, **seen, **data)

    def sdk_result(self, transaction: Transaction, *, polled_out: bool = True) -> dict[str, Any]:
        """The result of the browser's SDK: {"outcome": "resolve" | "reject" | "poll", "value": …}."""
        outcome, code = details.sdk_decides(transaction, polled_out=polled_out)
        if outcome == "poll":
            return {"outcome": outcome, "value": None}
        value = details.sdk_value(transaction, code, self.settings, self.clock.wall_now())
        return {"outcome": outcome, "value": value}

    async def settle(self, transaction: Transaction) -> None:
        """Do all remaining steps at once."""
        for _ in range(10_000):
            if not self.advance(transaction):
                return
            await asyncio.sleep(0)
        raise Conflict("the orders wait for prices that do not come")

    def _schedule(self, transaction: Transaction) -> None:
        async def go() -> None:
            if transaction.paused:
                return
            self.advance(transaction)
            if transaction.steps:
                self._schedule(transaction)

        self.agenda.after(transaction.steps[0].seconds, go)

    def _notify(self, transaction: Transaction, *, placed: bool) -> None:
        """Send PLACED and final states always, and those in between according to the setting."""
        batch, wanted = transaction.batch, self.settings.fill_webhooks
        if batch is None:
            return
        between = wanted == "always" or (wanted == "open" and batch.is_open_kind)
        if placed or batch.is_final or batch.status == "ERROR" or between:
            self.postbox.notify(transaction)

    def _report_hit(self, hit: Hit) -> None:
        attempt = hit.attempts[-1] if hit.attempts else None
        answer = None if attempt is None else attempt.status
        self.journal.add(
            stamp(self.clock.wall_now()),
            "webhook",
            hit.transaction_id,
            hit=hit.number,
            origin=hit.origin,
            label=hit.label,
            state=hit.state,
            answer=answer,
            body=hit.body if attempt is None else attempt.body,
            said=None if attempt is None else attempt.answer,
            sent=None if attempt is None else attempt.at,
        )
