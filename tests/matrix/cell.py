"""One value of one unknown, and what the order of its walk comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Final

GATEWAY_SECRET: Final = "gateway_secret_of_the_matrix_not_real"
OLD: Final = "old_api_secret_of_the_matrix_not_real"
NEW: Final = "new_api_secret_of_the_matrix_not_real"
SECURITIES: Final = (
    {"ticker": "INFY", "type": "BUY", "quantity": 10},
    {"ticker": "NIFTYBEES", "type": "BUY", "quantity": 4},
)
NEVER: Final = {"webhooks": {"lost": 1}}


class End(Enum):
    """The final state of the transaction. `make matrix` prints the values."""

    SETTLED = "settled"
    FAILED = "failed"
    UNKNOWN = "told as unknown"
    REFUSED = "refused with the reason"


@dataclass(frozen=True)
class Cell:
    """One value of one unknown.

    `gateway` are settings and `faults` faults of the simulator, `product` settings of the product and `secret` members
    of its secret. `wrong` is the setting of the product that is wrong in the cell: there the product works
    nevertheless, or logs an error that names it. The others say what the user and the market do.
    """

    unknown: str
    value: str
    gateway: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    product: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)
    wrong: str | None = None
    # Types of events that the story may have beside the usual ones.
    besides: frozenset[str] = frozenset()
    has_webhooks: bool = True  # that the product accepts, from the first on

    # what the app asks for
    securities: Sequence[Mapping[str, Any]] = SECURITIES
    request: Mapping[str, Any] = field(default_factory=dict)
    # what the user does
    logs_in: bool = True
    broker: str = "kite"
    confirms: bool = True
    confirm: Mapping[str, Any] = field(default_factory=dict)
    closes: bool = False
    idles: timedelta = timedelta(0)
    sdk_response: Any = None
    # what else happens
    other_kind: str | None = None  # of webhook, before the order's
    outage: int = 0  # deliveries of webhooks that are answered 503 before one gets through

    end: End = End.SETTLED
    reason: str = ""  # a part of the Gateway's text that a refused caller has to get
    patience: timedelta = timedelta(0)  # beside the usual
    afterwards: timedelta = timedelta(0)  # in which nothing may change

    @property
    def name(self) -> str:
        """The printed name of the cell."""
        return f"{self.unknown}: {self.value}"
