"""The positions example: the table equals the Gateway's own books, with any failure on the way."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.order_reading import batch_of
from securities_transactions.domain.orders import Batch, Order
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import OrderStatus, Side, Status
from securities_transactions.domain.transaction import Confirmation, Transaction
from securities_transactions.events.builder import of_transaction
from securities_transactions.events.consumer import each_message, parse
from securities_transactions.events.publisher import entry
from securities_transactions.events.schemas import OrdersSettled
from securities_transactions.examples.ledger import Leg, Positions, Unbookable, legs_of
from securities_transactions.storage.dynamodb import of_attributes
from tests.application import function
from tests.simulation.dynamodb import DynamoDB, Table
from tests.simulator.harness import Rig
from tools.contracts.examples import received

BASKETS, MOST_PER_BASKET = 320, 6
TICKERS = ["INFY", "TCS", "M&M", "RELIANCE", "BAJAJ-AUTO", "NIFTYBEES"]
SCENARIOS = [
    "complete",
    "complete",
    "partial",
    "rejected",
    "one_rejected",
    "unplaced",
    "partly_placed",
    "unfilled",
    "auto",
]
PLACED_AT = datetime(2026, 1, 15, 4, 29, 50, tzinfo=UTC)
CONFIRMED_AT = datetime(2026, 1, 15, 4, 31, tzinfo=UTC)


class Calm:
    """A world without time, in which a call fails before or after its effect as `failing` says."""

    now = 0

    def __init__(self, failing: Callable[[], str] = lambda: "") -> None:
        self.failing = failing

    def call(self, _: str, effect: Callable[[], Any], throttled: Callable[[], Exception], lost: Exception) -> Any:
        fails = self.failing()
        if fails == "before":
            raise throttled()
        result = effect()
        if fails == "after":
            raise lost
        return result


def table(failing: Callable[[], str] = lambda: "") -> tuple[Positions, Table]:
    stored = Table(("holder", "security"))
    client: Any = DynamoDB(Calm(failing), {"positions": stored}, lambda *_: None)  # type: ignore[arg-type]  # the part of a world that DynamoDB needs
    return Positions(client, "positions"), stored


def held(stored: Table) -> dict[tuple[str, str], Leg]:
    """The positions in the table by user and security, without those of zero."""
    items = [of_attributes(item) for (holder, _), item in stored.items.items() if holder.startswith("user#")]
    legs = {(i["holder"].removeprefix("user#"), i["security"]): Leg(int(i["shares"]), i["spent"]) for i in items}
    return {key: leg for key, leg in legs.items() if leg != Leg()}


def settled_event(transaction_id: str, notes: str, batch: Batch, sequence: int) -> OrdersSettled:
    event = parse(envelopes(transaction_id, notes, [batch], first=sequence)[-1]).event
    assert isinstance(event, OrdersSettled)
    return event


def envelopes(transaction_id: str, notes: str, states: list[Batch], first: int = 3) -> list[dict[str, Any]]:
    """The events of a transaction that was placed and then settled, and corrected, as `states` say."""
    created = Transaction(
        transaction_id=transaction_id,
        user_id=notes,
        status=Status.CREATED,
        version=first - 2,
        created_at=PLACED_AT,
        expire_at=PLACED_AT + timedelta(minutes=15),
        requested=Deferred.of({}),
    )
    open_ = [order.model_copy(update={"status": OrderStatus.PLACED, "filledQuantity": 0}) for order in states[0].orders]
    versions = [created, stored(created, states[0].model_copy(update={"orders": tuple(open_)}))]
    for state in states:
        versions.append(stored(versions[-1], state, confirmed=True))
    events = [event for old, new in pairwise(versions) for event in of_transaction(old, new)]
    return [received(event.detail_type, loads(entry(event, "bus")["Detail"])) for event in events]


def stored(before: Transaction, batch: Batch, *, confirmed: bool = False) -> Transaction:
    """The next version of a transaction: `batch` is reported, or confirmed and final."""
    moment = PLACED_AT + timedelta(seconds=before.version)
    after = replace(
        before,
        version=before.version + 1,
        orders=Deferred.of(batch),
        revision=Snapshot(batch, moment).revision,
        batch_id=batch.batchId,
        status=batch.status_of_orders,
        buy_amount=batch.buyAmount,
        sell_amount=batch.sellAmount,
        confirmation=Confirmation.REPORTED,
    )
    if not confirmed:
        return after
    return replace(after, confirmation=Confirmation.CONFIRMED, confirmed_at=CONFIRMED_AT, settled_at=CONFIRMED_AT)


def wrong(batch: Batch) -> Batch:
    """A state that has to be corrected: half of the shares, at another price."""
    orders = [
        order.model_copy(update={"filledQuantity": (order.filledQuantity or 0) // 2, "averagePrice": Decimal("1.05")})
        for order in batch.orders
    ]
    return batch.model_copy(update={"orders": tuple(orders)})


def messages(rig: Rig, chance: random.Random) -> Iterator[dict[str, Any]]:
    """The events of random orders of five users, as the simulator settled them; some were wrong at first."""
    for _ in range(BASKETS):
        user = chance.randrange(5)
        tickers = chance.sample(TICKERS, chance.randint(1, MOST_PER_BASKET))
        securities = [
            {"ticker": each, "quantity": chance.randint(1, 90), "type": chance.choice(["BUY", "SELL"])}
            for each in tickers
        ]
        transaction_id = rig.create(securities)
        rig.login(transaction_id, smallcaseAuthId=f"{user:024}")
        rig.confirm(transaction_id, scenario=chance.choice(SCENARIOS), paused=True)
        rig.sim("POST", f"/transactions/{transaction_id}/finish", {})
        batch = batch_of(rig.truth(transaction_id)["batch"])
        assert batch.is_final
        states = [wrong(batch), batch] if chance.random() < 0.2 else [batch]
        yield from envelopes(transaction_id, f"user-{user}", states)


def deliver(events: list[dict[str, Any]], positions: Positions, chance: random.Random) -> None:
    """Every event at least once, in any order, some repeated, some replayed, until none is returned to the queue."""
    again = [event | {"replay-name": "january"} for event in events if chance.random() < 0.2]
    waiting = [dumps(event) for event in [*events, *again, *chance.choices(events, k=len(events) // 3)]]
    while waiting:
        chance.shuffle(waiting)
        batch, waiting = waiting[:10], waiting[10:]
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(batch)]
        answer = each_message(
            {"Records": records}, lambda each: function("positions").handle(each, positions), lambda *_: None
        )
        waiting += [batch[int(failure["itemIdentifier"])] for failure in answer["batchItemFailures"]]


@pytest.mark.long
def test_positions_equal_the_gateway_s_own_books_after_a_thousand_random_orders() -> None:
    """Duplicated, replayed, reordered, corrected; and calls to the table fail, before their effect or after."""
    chance = random.Random(5)
    positions, stored_ = table(lambda: chance.choices(["", "before", "after"], [90, 5, 5])[0])
    with Rig() as rig:
        events = list(messages(rig, chance))
        placed = [event["detail"] for event in events if event["detail"]["sequence"] == 2]
        orders = sum(len(detail["orders"]) + len(detail["unplaced"]) for detail in placed)
        deliver(events, positions, chance)
        books = {f"user-{user}": rig.sim("GET", f"/books/{user:024}")["traded"] for user in range(5)}

    assert orders >= 1000
    expected = {
        (user, ticker): Leg(traded["quantity"], Decimal(traded["amount"]))
        for user, book in books.items()
        for ticker, traded in book.items()
    }
    assert held(stored_) == {key: leg for key, leg in expected.items() if leg != Leg()}


def order(symbol: str, filled: int, price: str = "10.05", side: str = "BUY") -> Order:
    return Order(
        tradingsymbol=symbol,
        transactionType=Side(side),
        status=OrderStatus.COMPLETE if filled else OrderStatus.REJECTED,
        quantity=max(filled, 1),
        filledQuantity=filled,
        averagePrice=Decimal(price) if filled else None,
    )


def batch(*orders: Order) -> Batch:
    return Batch(batchId="b1", orders=orders)


def test_a_settled_order_is_booked_once_however_often_it_comes() -> None:
    positions, stored_ = table()
    event = settled_event("T1", "asha", batch(order("INFY", 3)), 3)

    assert [positions.book(event), positions.book(event)] == [True, False]
    assert held(stored_) == {("asha", "INFY"): Leg(3, Decimal("30.15"))}


def test_a_correction_replaces_and_what_it_replaced_cannot_come_back() -> None:
    positions, stored_ = table()
    first = settled_event("T1", "asha", batch(order("INFY", 3), order("TCS", 1)), 3)
    correction = settled_event("T1", "asha", batch(order("INFY", 2), order("TCS", 0)), 4)

    assert [positions.book(event) for event in (first, correction, first)] == [True, True, False]
    assert held(stored_) == {("asha", "INFY"): Leg(2, Decimal("20.10"))}


def test_a_correction_that_arrives_first_is_what_counts() -> None:
    positions, stored_ = table()
    first = settled_event("T1", "asha", batch(order("INFY", 3)), 3)
    correction = settled_event("T1", "asha", batch(order("INFY", 2)), 4)

    assert [positions.book(event) for event in (correction, first)] == [True, False]
    assert held(stored_) == {("asha", "INFY"): Leg(2, Decimal("20.10"))}


def test_a_basket_larger_than_one_dynamodb_transaction_is_booked_whole() -> None:
    positions, stored_ = table()
    orders = [order(f"S{number}", 1) for number in range(250)]

    assert positions.book(settled_event("T1", "asha", batch(*orders), 3))
    assert len(held(stored_)) == 250
    assert positions.book(settled_event("T1", "asha", batch(*orders[:1]), 4))
    assert list(held(stored_)) == [("asha", "S0")]


def test_buys_and_sells_of_a_security_in_one_basket_net() -> None:
    legs = legs_of([order("INFY", 5, "100"), order("INFY", 2, "101.5", "SELL"), order("TCS", 0)])

    assert legs == {"INFY": Leg(3, Decimal(297))}


@pytest.mark.parametrize("side", ["SHORT", "B", ""])
def test_what_cannot_be_booked_is_never_booked_in_part(side: str) -> None:
    """It fails as a whole and waits in the dead-letter queue for a person."""
    positions, stored_ = table()
    event = settled_event("T1", "asha", batch(order("INFY", 3)), 3)
    assert event.orders is not None
    event = event.model_copy(
        update={"orders": [*event.orders, event.orders[0].model_copy(update={"transactionType": Side(side)})]}
    )

    with pytest.raises(Unbookable):
        positions.book(event)
    assert stored_.items == {}


@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_order_without_a_price_holds_back_no_other_and_is_booked_once_it_has_one(price: Decimal | None) -> None:
    """The Gateway gives the price of a partly filled order later: the event that has it replaces what was booked."""
    positions, stored_ = table()
    first, second = batch(order("INFY", 3)), batch(order("INFY", 3), order("TCS", 2, "7.5"))
    event = settled_event("T1", "asha", second, 3)
    assert event.orders is not None
    unpriced = event.orders[1].model_copy(update={"averagePrice": price})
    assert positions.book(event.model_copy(update={"orders": [event.orders[0], unpriced]}))
    assert held(stored_).keys() == {("asha", order.tradingsymbol) for order in first.orders}

    assert positions.book(settled_event("T1", "asha", second, 4))
    assert held(stored_)[("asha", "TCS")] == Leg(2, Decimal("15.00"))


def test_an_event_that_leaves_its_orders_out_is_not_taken_for_one_without_orders() -> None:
    positions, _ = table()
    event = settled_event("T1", "asha", batch(order("INFY", 3)), 3).model_copy(update={"orders": None})

    with pytest.raises(Unbookable):
        positions.book(event)


def test_only_settled_orders_are_booked() -> None:
    positions, stored_ = table()
    for event in envelopes("T1", "asha", [batch(order("INFY", 3))])[:-1]:
        function("positions").handle(parse(event), positions)

    assert stored_.items == {}


def test_a_lost_answer_is_no_reason_to_book_twice() -> None:
    fails = iter(["", "after", "", ""])
    positions, stored_ = table(lambda: next(fails))
    event = settled_event("T1", "asha", batch(order("INFY", 3)), 3)

    with pytest.raises(ReadTimeoutError):
        positions.book(event)
    assert positions.book(event) is False
    assert held(stored_) == {("asha", "INFY"): Leg(3, Decimal("30.15"))}
