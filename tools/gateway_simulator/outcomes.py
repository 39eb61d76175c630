"""The intended outcome of each order: named scenarios and explicit outcomes. `steps` plans the way there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from tools.gateway_simulator.settings import Knobs

Ending = Literal[
    "AUTO",
    "COMPLETE",
    "PARTIAL",
    "REJECTED",
    "CANCELLED",
    "CANCELLED AMO",
    "ERROR",
    "UNPLACED",
    "OPEN",
    "MARKEDCOMPLETE",
]


class Outcome(Knobs):
    """The final state of one order. AUTO lets the books and the prices decide, OPEN never ends by itself.

    `then` is the result of reconciling an ERROR. MARKEDCOMPLETE closes the batch administratively.
    """

    status: Ending = "AUTO"
    filled_quantity: int | None = Field(default=None, ge=0)
    average_price: Decimal | None = Field(default=None, gt=0)
    error_code: str | None = None
    status_message: str | None = None
    by_user: bool = False
    then: "Outcome | None" = None


# Documented ones first, then those seen once (§6.1). circuitLimitExceeded completes a truncated name. Any text works.
ERROR_CODES = (
    "adapterError",
    "tradingSystemNotReady",
    "checkHoldings",
    "marginsExceeded",
    "orderUnmatched",
    "circuitLimitExceeded",
    "marginExceeded",
    "userNotLoggedIn",
    "clientNotEnabled",
    "securityNotAllowed",
    "amoNotAllowed",
    "invalidOrder",
    "unknownError",
    "networkError",
    "otherError",
    "INSUFFICIENT_FUNDS",
)

AUTO = Outcome()
_COMPLETE = Outcome(status="COMPLETE")
_PARTIAL = Outcome(status="PARTIAL", error_code="orderUnmatched", status_message="partly matched, rest lapsed")
_REJECTED = Outcome(status="REJECTED", error_code="marginsExceeded", status_message="RMS:Margin Exceeds,Required:1")
_LAPSED = Outcome(status="CANCELLED", error_code="orderUnmatched", status_message="16388 : Unmatched order cancelled")
_UNPLACED = Outcome(status="UNPLACED", error_code="marginsExceeded", status_message="NA")
_UNKNOWN = Outcome(status="ERROR", error_code="adapterError", status_message="504 from the broker")
_AMO_CANCELLED = Outcome(status="CANCELLED AMO", by_user=True)
_USER_CANCELLED = Outcome(status="CANCELLED", by_user=True)


@dataclass(frozen=True)
class Scenario:
    """The outcome of the first order and of the others, and whether the orders are AMO.

    The letters are those of §4.3.
    """

    about: str
    first: Outcome
    rest: Outcome
    amo: bool = False
    place_seconds: float | None = None


SCENARIOS = {
    "auto": Scenario("the books and prices decide", AUTO, AUTO),
    "complete": Scenario("A→D: all executed", _COMPLETE, _COMPLETE),
    "amo": Scenario("B→D: after-market orders, executed when the market opens", _COMPLETE, _COMPLETE, amo=True),
    "amo_cancelled": Scenario("B→I: the user cancels the AMOs", _AMO_CANCELLED, _AMO_CANCELLED, amo=True),
    "open": Scenario(
        "A or C: stays open until cancelled or reconciled", Outcome(status="OPEN"), Outcome(status="OPEN")
    ),
    "limit_cancelled": Scenario("C→I: the user cancels the open orders", _USER_CANCELLED, _USER_CANCELLED),
    "partial": Scenario("A→G: the first is filled in part", _PARTIAL, _COMPLETE),
    "unplaced": Scenario("E: nothing could be placed", _UNPLACED, _UNPLACED),
    "partly_placed": Scenario("F→G: the first could not be placed", _UNPLACED, _COMPLETE),
    "rejected": Scenario("A→H: all rejected", _REJECTED, _REJECTED),
    "one_rejected": Scenario("A→G: the first is rejected", _REJECTED, _COMPLETE),
    "unfilled": Scenario("A→H: all lapse without a counterparty", _LAPSED, _LAPSED),
    "unknown": Scenario("A→J: the first stays unknown until reconciled", _UNKNOWN, _COMPLETE),
    "unknown_reconciled": Scenario(
        "A→J→D: unknown, then found in the tradebook", _UNKNOWN.changed({"then": {"status": "COMPLETE"}}), _COMPLETE
    ),
    "marked_complete": Scenario(
        "A→J→K: unknown, then closed by hand", _UNKNOWN.changed({"then": {"status": "MARKEDCOMPLETE"}}), _COMPLETE
    ),
    "slow": Scenario(
        "placing outlasts the SDK's 15 polls: it rejects with 4006, then D", _COMPLETE, _COMPLETE, place_seconds=45
    ),
}


def choose(tickers: Sequence[str], scenario: str | Mapping[str, Any] | None) -> tuple[Scenario, Sequence[Outcome]]:
    """The scenario and one outcome per ticker, from a scenario's name or from `{ticker: outcome}`.

    An outcome is an object in the form of `Outcome`, or text: "REJECTED" or "REJECTED:checkHoldings". "*" stands for
    all other tickers. Raises `ValueError` (including pydantic's) for an unknown value.
    """
    if scenario is None or isinstance(scenario, str):
        named = SCENARIOS.get(scenario or "auto")
        if named is None:
            raise ValueError(f"unknown scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
        return named, [named.first if n == 0 else named.rest for n in range(len(tickers))]
    if strangers := sorted(scenario.keys() - {*tickers, "*"}):
        raise ValueError(f"scenario names {', '.join(strangers)}, which the user did not order")
    default = scenario.get("*", {})
    outcomes = [outcome_of(scenario.get(ticker, default)) for ticker in tickers]
    amo = any(outcome.status == "CANCELLED AMO" for outcome in outcomes)
    return Scenario("explicit", AUTO, AUTO, amo=amo), outcomes


def outcome_of(value: Any) -> Outcome:
    """Parse one outcome from its object or its text."""
    if isinstance(value, str):
        status, _, code = value.partition(":")
        value = {"status": status, "errorCode": code or None}
    return Outcome.model_validate(value)
