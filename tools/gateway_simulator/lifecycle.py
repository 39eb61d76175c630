"""The effects of a user, their broker and time on a transaction (docs/reference/gateway.md §2.2, §6, §7)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tools.gateway_simulator import brokers, steps
from tools.gateway_simulator.brokers import BROKERS, LIMIT_TYPES, Broker
from tools.gateway_simulator.intake import security_faults
from tools.gateway_simulator.orders import Batch, Order
from tools.gateway_simulator.outcomes import choose, outcome_of
from tools.gateway_simulator.tokens import Identity
from tools.gateway_simulator.transactions import Conflict, Transaction
from tools.gateway_simulator.world import World

_TEST_SUFFIX = "-leprechaun"


def choose_broker(world: World, transaction: Transaction, key: str) -> Broker:
    """The user picks a broker, before the login. Raises `Conflict` if it is not offered or it is too late."""
    _must_be_running(transaction)
    if transaction.broker is not None:
        raise Conflict("the user has logged in already", 3001)
    broker = BROKERS.get(key.removesuffix(_TEST_SUFFIX))
    offered = world.settings.brokers
    if broker is None or (offered is not None and broker.key not in offered):
        raise Conflict(f"broker {key} is not offered", 1007)
    if key.endswith(_TEST_SUFFIX) and not broker.test_accounts:
        raise Conflict(f"broker {broker.key} has no test accounts", 3000)
    transaction.chosen_broker = key
    return broker


def login(
    world: World,
    transaction: Transaction,
    key: str,
    *,
    auth_id: str | None = None,
    client: str | None = None,
    session: Identity | None = None,
) -> None:
    """The user logs in at broker `key`, as `client` there (default: the client derived from the notes) or as `auth_id`.

    `session` is the identity that the SDK was initialized for, if the login comes through it. Another account than the
    connected user's ends the flow with user_mismatch. Raises `Conflict` if it is too late.
    """
    choose_broker(world, transaction, key)
    owner = (session.auth_id if session else None) or transaction.owner.auth_id
    name = key.removesuffix(_TEST_SUFFIX)
    if auth_id is None and client is None and owner is not None:
        auth_id = owner
    if auth_id is not None:
        account = world.account(auth_id, name)
    else:
        account = world.account_of_client(client or transaction.notes or "guest", name)
    transaction.signup = owner is None
    if account.broker != name or (owner is not None and account.auth_id != owner):
        transaction.fail(1001)
        return
    transaction.broker, transaction.auth_id = key, account.auth_id
    transaction.status = "USED" if transaction.intent == "TRANSACTION" else "COMPLETED"


def confirm(
    world: World,
    transaction: Transaction,
    now: datetime,
    *,
    securities: list[dict[str, Any]] | None = None,
    order_type: str | None = None,
    amo: bool | None = None,
    scenario: str | Mapping[str, Any] | None = None,
    paused: bool = False,
) -> None:
    """The user confirms `securities`, possibly edited. The following steps are planned.

    A closed market without AMO ends the flow with market_closed. Raises `Conflict` or `ValueError` if it is not
    possible.
    """
    _must_be_running(transaction)
    broker_key, auth_id = transaction.broker, transaction.auth_id
    if broker_key is None or auth_id is None:
        raise Conflict("the user has not logged in")
    if transaction.order_requested:
        raise Conflict("the user has confirmed already", 3001)
    broker = BROKERS[broker_key.removesuffix(_TEST_SUFFIX)]
    chosen = securities if securities is not None else list(transaction.request["orderConfig"]["securities"])
    orders = [_order(world, broker, security, order_type) for security in chosen]
    if not orders:
        raise ValueError("nothing is left to order")
    plan, outcomes = choose([order.ticker for order in orders], scenario)
    market = brokers.market(broker, world.settings.market, now)
    wants_amo = plan.amo if amo is None else amo
    is_amo = wants_amo and broker.amo and (market.amo or world.settings.market == "open")
    if not market.open and not is_amo:
        transaction.fail(4004)
        return
    transaction.order_requested, transaction.paused, transaction.amo = True, paused, is_amo
    transaction.batch = Batch(world.hex(24), "amo" if is_amo else "regular")
    wait = _wait(world, market.opens_at, now) if is_amo else 0.0
    transaction.lapses_at = _lapses_at(world, now + timedelta(seconds=wait))
    floor = floor_of(world, transaction)
    decided = steps.decide(floor, list(zip(orders, outcomes, strict=True)))
    place_seconds = world.settings.place_seconds if plan.place_seconds is None else plan.place_seconds
    transaction.steps.extend(steps.plan(floor, decided, place_seconds, wait))


def step(world: World, transaction: Transaction, wall: datetime, now: datetime) -> bool:
    """Do the next step of the batch. Returns False if there was none. `wall` is recorded as the time of executions."""
    if not transaction.steps or transaction.batch is None:
        return False
    floor = floor_of(world, transaction)
    current = transaction.steps.popleft()
    if current.order is not None and not current.order.is_open:
        return step(world, transaction, wall, now)
    if transaction.lapses_at is not None and now >= transaction.lapses_at:
        floor = replace(floor, lapsed=True)
    transaction.steps.extendleft(reversed(steps.execute(floor, current, wall)))
    transaction.follow_batch()
    return True


def cancel(world: World, transaction: Transaction, wall: datetime, ticker: str | None = None) -> None:
    """The user cancels open orders at the broker, all or those of `ticker`. Raises `Conflict` if none is open."""
    batch = transaction.batch
    mine = [order for order in (batch.orders if batch else []) if order.is_open and ticker in (None, order.ticker)]
    if not mine or batch is None:
        raise Conflict("no such order is open")
    for order in mine:
        order.cancelled_by_user = True
        untouched = transaction.amo and not order.filled
        order.finish("CANCELLED AMO" if untouched else "PARTIAL" if order.filled else "CANCELLED")
    batch.settle(wall)
    transaction.follow_batch()


def reconcile(world: World, transaction: Transaction, wall: datetime, outcomes: Mapping[str, Any]) -> None:
    """The vendor's support settles open or unknown orders. `outcomes` are by ticker or "*", default COMPLETE."""
    batch = transaction.batch
    mine = [order for order in (batch.orders if batch else []) if order.is_open]
    if not mine or batch is None:
        raise Conflict("no order is open or unknown")
    floor = floor_of(world, transaction)
    for order in mine:
        steps.end(floor, order, outcome_of(outcomes.get(order.ticker, outcomes.get("*", "COMPLETE"))))
    batch.settle(wall)
    transaction.follow_batch()


def correct(world: World, transaction: Transaction, filled: Mapping[str, int]) -> None:
    """The exchange corrects trades of a final batch: how many shares of each security of `filled` stand after all."""
    batch = transaction.batch
    if batch is None or not batch.is_final:
        raise Conflict("the batch is not final")
    account = floor_of(world, transaction).account
    for order in batch.orders:
        shares = filled.get(order.ticker)
        if shares is None:
            continue
        if not 0 <= shares <= order.filled:
            raise Conflict("a correction leaves at most what was filled")
        before, amount = order.filled, order.amount
        order.correct(shares)
        account.book(order.ticker, order.side, shares - before, order.amount - amount)


def close(transaction: Transaction, code: int | None = None) -> None:
    """The user leaves. The flow ends with user_cancelled by its stage, unless the order was confirmed (§6.2)."""
    if transaction.order_requested:
        return
    _must_be_running(transaction)
    by_stage = 1012 if transaction.broker else 1011 if transaction.chosen_broker else 1010
    transaction.fail(code or by_stage)


def expire(transaction: Transaction) -> bool:
    """The lifetime is over. Returns True if that changes anything. The status stays until the end of the day (§2.1)."""
    if transaction.order_requested or transaction.is_over or transaction.expired:
        return False
    transaction.expired = True
    return True


def end_of_day(transaction: Transaction) -> bool:
    """The vendor's nightly job. Returns True if it made the transaction EXPIRED."""
    if transaction.expired and transaction.status in {"INITIALIZED", "USED"}:
        transaction.status = "EXPIRED"
        return True
    return False


def floor_of(world: World, transaction: Transaction) -> steps.Floor:
    """The context for the steps of a confirmed transaction."""
    if transaction.batch is None or transaction.auth_id is None:
        raise Conflict("the user has not confirmed")
    account = world.accounts[transaction.auth_id]
    return steps.Floor(transaction.batch, account, world.prices, world.settings, world.rng)


def _must_be_running(transaction: Transaction) -> None:
    if transaction.expired or transaction.status == "EXPIRED":
        raise Conflict("the transaction has expired", 1005 if transaction.broker else 3001)
    if transaction.is_over or transaction.status == "PROCESSING":
        raise Conflict("the transactionId has been used", 3001)


def _order(world: World, broker: Broker, security: dict[str, Any], order_type: str | None) -> Order:
    """An order of one row of the confirmation screen. Side and quantity default to BUY and 1."""
    row = {**security, "orderType": order_type} if order_type is not None else security
    if wrong := security_faults(row, world.settings):
        raise ValueError("; ".join(wrong))
    kind = str(row.get("orderType", "MARKET"))
    if kind in LIMIT_TYPES and not broker.limit_orders:
        raise ValueError(f"{broker.key} takes market orders only")
    return Order(
        ticker=str(row["ticker"]),
        side=str(row.get("type", "BUY")),
        quantity=int(row.get("quantity", 1)),
        type=kind,
        price=Decimal(row.get("price") or 0),
        trigger_price=Decimal(row.get("triggerPrice") or 0),
    )


def _wait(world: World, opens_at: datetime, now: datetime) -> float:
    """Seconds until an after-market order reaches the exchange."""
    if world.settings.market == "hours":
        return max(0.0, (opens_at - now).total_seconds())
    return world.settings.amo_wait_seconds


def _lapses_at(world: World, opened: datetime) -> datetime:
    """The time, on the simulator's clock, when orders that still wait for their price lapse."""
    if world.settings.market == "hours":
        return brokers.closes_at(opened)
    return opened + timedelta(seconds=world.settings.open_order_seconds)
