"""The steps of a batch: placing, each fill, the end of each order. Time, prices and randomness are parameters."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tools.gateway_simulator.accounts import Account
from tools.gateway_simulator.orders import Batch, Order
from tools.gateway_simulator.outcomes import AUTO, Outcome
from tools.gateway_simulator.prices import Prices
from tools.gateway_simulator.settings import Settings

Decided = tuple[Order, Outcome]


@dataclass(frozen=True)
class Step:
    """One change of a batch, `seconds` after the previous one."""

    kind: Literal["place", "fill", "watch", "finish"]
    seconds: float
    placing: tuple[Decided, ...] = ()
    order: Order | None = None
    shares: int = 0
    outcome: Outcome = AUTO


@dataclass(frozen=True)
class Floor:
    """The context of a step. `lapsed`: the day is over, so an order that waits for its price lapses."""

    batch: Batch
    account: Account
    prices: Prices
    settings: Settings
    rng: random.Random
    lapsed: bool = False


def decide(floor: Floor, wanted: Sequence[Decided]) -> tuple[Decided, ...]:
    """`wanted`, with every AUTO market order decided by the books: enough shares to sell, enough cash to buy."""
    cash, sold, decided = floor.account.funds, Counter[str](), []
    for order, outcome in wanted:
        if outcome.status == "AUTO":
            cost = (order.price or order.trigger_price or floor.prices.last(order.ticker)) * order.quantity
            if order.side == "SELL" and sold[order.ticker] + order.quantity > floor.account.holding(order.ticker):
                outcome = _rejected("checkHoldings", "RMS:Holdings insufficient")
            elif order.side == "BUY" and cost > cash:
                outcome = _rejected("marginsExceeded", f"RMS:Margin Exceeds,Required:{cost},Available:{cash}")
            elif order.side == "SELL":
                sold[order.ticker] += order.quantity
            else:
                cash -= cost
            if outcome.status == "AUTO" and order.type == "MARKET":
                outcome = Outcome(status="COMPLETE")
        decided.append((order, outcome))
    return tuple(decided)


def plan(floor: Floor, decided: tuple[Decided, ...], place_seconds: float, wait_seconds: float) -> list[Step]:
    """All steps of a confirmed batch. After placing, the exchange may have to open first."""
    placed = [(order, outcome) for order, outcome in decided if outcome.status not in {"UNPLACED", "OPEN"}]
    queues = [_towards(floor, order, outcome) for order, outcome in placed]
    steps: list[Step] = []
    while queues := [queue for queue in queues if queue]:
        steps.append(floor.rng.choice(queues).pop(0))
    pace = floor.settings.fill_seconds
    for order, outcome in placed:
        if outcome.status == "ERROR" and outcome.then is not None:
            steps.append(Step("finish", pace * 3, order=order, outcome=outcome.then))
    if steps:
        steps[0] = replace(steps[0], seconds=steps[0].seconds + wait_seconds)
    return [Step("place", place_seconds, placing=decided), *steps]


def execute(floor: Floor, step: Step, now: datetime) -> list[Step]:
    """Do `step` at `now`. Returns the following steps, before those already planned."""
    batch, order, more = floor.batch, step.order, list[Step]()
    if step.kind == "place":
        _place(floor, step.placing, now)
    elif order is None or not order.is_open:
        return []  # the user cancelled it in the meantime
    elif step.kind == "fill":
        trade(floor, order, step.shares, step.outcome.average_price)
    elif step.kind == "watch":
        more = _watch(floor, step, order)
    else:
        end(floor, order, step.outcome)
    batch.settle(now)
    return more


def trade(floor: Floor, order: Order, shares: int, price: Decimal | None = None) -> None:
    """Execute `shares` of `order` at `price` or the market price, and book it in the account."""
    market = floor.prices.walk(order.ticker)
    if order.type in {"LIMIT", "SL"}:
        market = min(market, order.price) if order.side == "BUY" else max(market, order.price)
    before = order.amount
    order.fill(shares, price or market)
    floor.account.book(order.ticker, order.side, shares, order.amount - before)


def end(floor: Floor, order: Order, outcome: Outcome) -> None:
    """Bring `order` to `outcome`, executing the missing shares."""
    if outcome.status == "MARKEDCOMPLETE":
        floor.batch.marked_complete = True
        order.finish("CANCELLED", "otherError", "closed by hand")
        return
    missing = _target(order, outcome) - order.filled
    if missing > 0:
        trade(floor, order, missing, outcome.average_price)
    if order.status != "COMPLETE":
        order.cancelled_by_user = outcome.by_user or outcome.status == "CANCELLED AMO"
        order.finish(outcome.status, outcome.error_code, outcome.status_message)


def _place(floor: Floor, placing: tuple[Decided, ...], now: datetime) -> None:
    for order, outcome in placing:
        order.placed_at = now
        if outcome.status == "UNPLACED":
            order.finish("ERROR", outcome.error_code or "adapterError", outcome.status_message)
            floor.batch.unplaced.append(order)
        else:
            floor.batch.orders.append(order)
            if outcome.error_code not in {"tradingSystemNotReady", "checkHoldings", "marginsExceeded"}:
                order.exchange_order_id = str(1_100_000_000_000_000 + floor.rng.randrange(10**12))


def _towards(floor: Floor, order: Order, outcome: Outcome) -> list[Step]:
    """The steps of one order from PLACED to `outcome`."""
    pace = floor.settings.fill_seconds
    if outcome.status == "AUTO":
        return [Step("watch", floor.settings.tick_seconds, order=order)]
    target = _target(order, outcome)
    fills = [Step("fill", pace, order=order, shares=shares, outcome=outcome) for shares in _split(floor, target)]
    ends = [] if target == order.quantity else [Step("finish", pace, order=order, outcome=outcome)]
    return fills + ends


def _target(order: Order, outcome: Outcome) -> int:
    """The number of shares executed in the end."""
    if outcome.filled_quantity is not None:
        return min(outcome.filled_quantity, order.quantity)
    if outcome.status == "COMPLETE":
        return order.quantity
    return order.quantity // 2 if outcome.status == "PARTIAL" else order.filled


def _split(floor: Floor, shares: int) -> list[int]:
    """`shares` in up to `fills_per_order` parts, none of them empty."""
    parts = min(floor.settings.fills_per_order, shares)
    cuts = sorted(floor.rng.sample(range(1, shares), parts - 1)) if parts > 1 else []
    return [high - low for low, high in zip([0, *cuts], [*cuts, shares], strict=True) if high > low]


def _watch(floor: Floor, step: Step, order: Order) -> list[Step]:
    """Move the price once: fill the order if its price is met, lapse it at the end of the day, else look again."""
    price = floor.prices.walk(order.ticker)
    if _is_met(order, price):
        parts = _split(floor, order.quantity - order.filled)
        return [Step("fill", floor.settings.fill_seconds, order=order, shares=shares) for shares in parts]
    if floor.lapsed:
        order.finish("CANCELLED", "orderUnmatched", "16388 : Unmatched order cancelled by the exchange")
        return []
    return [step]


def _is_met(order: Order, price: Decimal) -> bool:
    buys = order.side == "BUY"
    if order.type == "LIMIT":
        return price <= order.price if buys else price >= order.price
    return price >= order.trigger_price if buys else price <= order.trigger_price


def _rejected(code: str, message: str) -> Outcome:
    return Outcome(status="REJECTED", error_code=code, status_message=message)
