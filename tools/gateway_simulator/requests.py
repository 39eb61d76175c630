"""The requests of the driver's plane, as models. Names are camelCase on the wire."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from tools.gateway_simulator.settings import Knobs, Seconds
from tools.gateway_simulator.webhooks import Kind, Variant


class Login(Knobs):
    broker: str = "kite"
    smallcase_auth_id: Annotated[str, Field(min_length=1)] | None = None
    client: str | None = None
    faults: dict[str, Any] | None = None


class Confirm(Knobs):
    securities: list[dict[str, Any]] | None = None
    order_type: str | None = None
    amo: bool | None = None
    scenario: str | dict[str, Any] | None = None
    paused: bool = False
    faults: dict[str, Any] | None = None


class Cancel(Knobs):
    ticker: str | None = None


class Reconcile(Knobs):
    outcomes: dict[str, Any] = Field(default_factory=dict)


class Correct(Knobs):
    filled: dict[str, int]


class Close(Knobs):
    code: int | None = None


class Books(Knobs):
    broker: str = "kite"
    funds: Decimal | None = None
    holdings: dict[str, int] = Field(default_factory=dict)


class Prices(Knobs):
    prices: dict[str, Annotated[Decimal, Field(gt=0)]]


class Again(Knobs):
    """One hit: by number, else the newest genuine one of the transaction, else of all."""

    hit: int | None = None
    transaction_id: str | None = None
    times: Annotated[int, Field(ge=1, le=100)] = 1
    restamp: bool = False


class Forge(Knobs):
    hit: int | None = None
    transaction_id: str | None = None
    changes: dict[str, Any] = Field(default_factory=dict)
    body: dict[str, Any] | None = None
    checksum: Variant | None = None
    timestamp: str | None = None


class Other(Knobs):
    kind: Kind
    smallcase_auth_id: str = "65a1b2c3d4e5f60718293a4b"
    transaction_id: str | None = None
    broker: str = "kite"


class Clock(Knobs):
    speed: Seconds | None = None
    now: AwareDatetime | None = None
    advance_seconds: Seconds | None = None
