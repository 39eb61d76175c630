"""Deliberate faults, for all transactions or for one (docs/reference/gateway.md §14)."""

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from tools.gateway_simulator.settings import Knobs, Seconds
from tools.gateway_simulator.webhooks import Variant

Share = Annotated[float, Field(ge=0, le=1)]
Times = Annotated[int, Field(ge=1)] | None


class CallFault(Knobs):
    """The way in which calls of one endpoint fail, `times` times or until changed.

    status: respond with `status`. timeout: respond with 504 only after `seconds`. slow: the right response after
    `seconds`. lost: do the work, then drop the connection. success_false: HTTP 200 with success false. garbage: HTTP
    200 with a body that is not JSON.
    """

    kind: Literal["status", "timeout", "slow", "lost", "success_false", "garbage"] = "status"
    status: Annotated[int, Field(ge=400, le=599)] = 503
    error: str = "the fault you asked for"
    retry_after: int | None = None
    seconds: Seconds = 30  # of the wall clock: the caller waits
    times: Times = None


class WebhookFaults(Knobs):
    """The faults of hits. Shares are probabilities per hit. Counts apply to the next hits and run out."""

    lost: Share = 0
    lose_next: Annotated[int, Field(ge=0)] = 0
    duplicated: Share = 0
    duplicate_next: Annotated[int, Field(ge=0)] = 0
    delay_seconds: Seconds = 0
    jitter_seconds: Seconds = 0
    final_first: bool = False  # hold every other hit of a transaction until its final one is sent
    same_timestamp: bool = False  # all hits of a batch carry the first one's timestamp, and so its checksum
    stamp_offset_seconds: float = 0
    checksum: Variant = "genuine"


class WireFaults(Knobs):
    """Anomalies of the payloads themselves."""

    float_artefacts: bool = False
    error_code: str | None = None  # instead of every errorCode that is set
    status: str | None = None  # instead of the first order's status
    order_type: str | None = None  # instead of the first order's orderType
    cancelled_underscore: bool = False
    drop_notes: bool = False
    leprechaun: bool = False
    extra_fields: dict[str, Any] = Field(default_factory=dict)


class Faults(Knobs):
    """All faults. By default, nothing fails."""

    create: CallFault | None = None
    details: CallFault | None = None
    orders: CallFault | None = None
    holdings: CallFault | None = None
    details_lag_seconds: Seconds = 0  # of both pull APIs
    orders_lag_seconds: Seconds | None = None  # of stocks order details, where it has another
    webhooks: WebhookFaults = WebhookFaults()
    wire: WireFaults = WireFaults()


Endpoint = Literal["create", "details", "orders", "holdings"]


@dataclass(frozen=True)
class Fate:
    """The faults of one hit."""

    lost: bool
    copies: int
    delay_seconds: float
    hold: bool


class FaultDesk:
    """The faults in force: those for all, and patches for single transactions."""

    def __init__(self) -> None:
        self.faults = Faults()

    def of(self, patch: dict[str, Any]) -> Faults:
        """The faults of a transaction with `patch`. The group for all completes a group in it."""
        if not patch:
            return self.faults
        given = Faults.model_validate(patch)
        faults = self.faults.changed(patch)
        for group in ("webhooks", "wire"):
            if group in given.model_fields_set:
                merged = getattr(self.faults, group).changed(patch[group])
                faults = faults.model_copy(update={group: merged})
        return faults

    def take_call(self, endpoint: Endpoint) -> CallFault | None:
        """The fault of this call. It is counted."""
        fault: CallFault | None = getattr(self.faults, endpoint)
        if fault is not None and fault.times is not None:
            left = None if fault.times == 1 else fault.model_copy(update={"times": fault.times - 1})
            self.faults = self.faults.model_copy(update={endpoint: left})
        return fault

    def take_hit(self, patch: dict[str, Any], rng: random.Random) -> Fate:
        """The faults of the next hit of a transaction with `patch`. They are counted."""
        faults = self.of(patch).webhooks
        lost = self._count("loseNext", patch) or rng.random() < faults.lost
        twice = self._count("duplicateNext", patch) or rng.random() < faults.duplicated
        delay = faults.delay_seconds + rng.random() * faults.jitter_seconds
        return Fate(lost, 2 if twice else 1, delay, faults.final_first)

    def _count(self, name: str, patch: dict[str, Any]) -> bool:
        """Decrement the counter `name` if it is above zero, the transaction's own if it has one.

        Returns True if it was.
        """
        own = patch.get("webhooks", {})
        if name in own:
            own[name], before = max(0, own[name] - 1), own[name]
            return bool(before > 0)
        webhooks = self.faults.webhooks
        left = int(webhooks.model_dump(by_alias=True)[name])
        if left:
            self.faults = self.faults.changed({"webhooks": webhooks.changed({name: left - 1}).model_dump()})
        return left > 0


def disfigure(row: dict[str, Any], wire: WireFaults) -> dict[str, Any]:
    """A batch with its identity fields, modified by `wire`."""
    row = {**row, **wire.extra_fields}
    if wire.drop_notes:
        row.pop("notes", None)
    if wire.leprechaun:
        row["broker"] = f"{row['broker']}-leprechaun"
    for key in ("orders", "unplaced"):
        row[key] = [_disfigured(order, wire, first=key == "orders" and n == 0) for n, order in enumerate(row[key])]
    return {key: _noisy(value) for key, value in row.items()} if wire.float_artefacts else row


def _disfigured(order: dict[str, Any], wire: WireFaults, *, first: bool) -> dict[str, Any]:
    order = dict(order)
    if wire.error_code is not None and order["errorCode"] is not None:
        order["errorCode"] = wire.error_code
    if wire.cancelled_underscore:
        order["status"] = order["status"].replace("CANCELLED AMO", "CANCELLED_AMO")
    if wire.order_type is not None and first:
        order["orderType"] = wire.order_type
    if wire.status is not None and first:
        order["status"] = wire.status
    return {key: _noisy(value) for key, value in order.items()} if wire.float_artefacts else order


def _noisy(value: Any) -> Any:
    """An amount with the noise of binary floating point: 1575.09 as 1575.0900000000001."""
    return value + Decimal("1E-13") if isinstance(value, Decimal) and value else value
