"""The notifier example: the messages to users, each sent once."""

from decimal import Decimal
from typing import Any

import pytest

from securities_transactions.domain.orders import Order
from securities_transactions.events.consumer import parse
from securities_transactions.events.schemas import OrdersSettled
from securities_transactions.examples.messages import lines
from securities_transactions.storage.dynamodb import of_attributes
from tests.application import function
from tools.contracts.examples import examples


class Messages:
    """A table of messages by user and message."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def put_item(self, TableName: str, Item: dict[str, Any]) -> None:
        item = of_attributes(Item)
        self.items[item["notes"], item["message"]] = item


def settled(*orders: dict[str, Any], unplaced: tuple[dict[str, Any], ...] = ()) -> OrdersSettled:
    event = parse(examples()["OrdersSettled"]).event
    assert isinstance(event, OrdersSettled)
    said = {
        "orders": [Order.model_validate(o) for o in orders],
        "unplaced": [Order.model_validate(o) for o in unplaced],
    }
    return event.model_copy(update=said)


def order(status: str, filled: int = 0, **more: Any) -> dict[str, Any]:
    said = {
        "tradingsymbol": "INFY",
        "transactionType": "BUY",
        "quantity": 3,
        "status": status,
        "filledQuantity": filled,
    }
    return {**said, **({"averagePrice": Decimal("1498.2")} if filled else {}), **more}


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (order("COMPLETE", 3), "Bought 3 INFY at ₹1,498.20."),
        (order("COMPLETE", 3, transactionType="SELL"), "Sold 3 INFY at ₹1,498.20."),
        (order("PARTIAL", 2), "Bought 2 of 3 INFY at ₹1,498.20."),
        (order("CANCELLED"), "Your order to buy 3 INFY was cancelled."),
        (order("CANCELLED_AMO"), "Your order to buy 3 INFY was cancelled."),
        (
            order("REJECTED", errorCode="marginsExceeded", statusMessage="RMS:Rule 7 blocked"),
            "Your order to buy 3 INFY was rejected. There are not enough funds in your broker account for this order.",
        ),
        (
            order("REJECTED"),
            (
                "Your order to buy 3 INFY was rejected. The order could not be completed. "
                "Your broker's order book has the details."
            ),
        ),
        (
            order("ERROR", errorCode="adapterError"),
            (
                "Your order to buy 3 INFY has the status ERROR. "
                "It is not known yet whether this order was placed. Do not order again until it is."
            ),
        ),
    ],
)
def test_each_order_has_one_line_without_the_brokers_text(said: dict[str, Any], line: str) -> None:
    assert list(lines(settled(said))) == [line]


def test_unplaced_order_has_a_line_too() -> None:
    [line] = lines(settled(unplaced=(order("ERROR", errorCode="securityNotAllowed"),)))

    assert line == (
        "Your order to buy 3 INFY: This order was not placed. Your broker does not allow trading in this security."
    )


def test_an_event_that_comes_again_is_the_same_message() -> None:
    table: Any = Messages()
    for _ in range(3):
        function("notifier").handle(parse(examples()["OrdersSettled"]), table, "messages")

    [item] = table.items.values()
    assert (item["notes"], len(item["lines"])) == ("user-42", 2)


def test_replay_sends_no_message_again() -> None:
    table: Any = Messages()
    function("notifier").handle(parse(examples()["OrdersSettled"] | {"replay-name": "january"}), table, "messages")

    assert table.items == {}


def test_unsettled_order_sends_no_message() -> None:
    table: Any = Messages()
    for name in ("OrdersPlaced", "OrdersProgressed", "TransactionFailed"):
        function("notifier").handle(parse(examples()[name]), table, "messages")

    assert table.items == {}
