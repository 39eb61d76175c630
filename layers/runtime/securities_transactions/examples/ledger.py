"""An example ledger: the securities that each user traded through this product, exact to the share and the paisa.

Only settled orders count. A later OrdersSettled of the same transaction replaces the earlier booking. A repeated or
older event changes nothing: the booking is stored with its sequence, and one DynamoDB transaction updates both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from securities_transactions.domain.orders import Order
from securities_transactions.domain.statuses import Side
from securities_transactions.events.schemas import OrdersSettled
from securities_transactions.storage.dynamodb import of_attributes, to_attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_ATTEMPTS: Final = 5
_PAISA: Final = Decimal("0.01")
# A DynamoDB transaction has at most a hundred writes, one of them for the booking. A larger basket takes two.
_MOST_SECURITIES: Final = 99


@dataclass(frozen=True)
class Leg:
    """The total of one or more orders: shares bought minus shares sold, rupees spent minus rupees received."""

    shares: int = 0
    spent: Decimal = Decimal(0)

    def __add__(self, other: "Leg") -> "Leg":
        return Leg(self.shares + other.shares, self.spent + other.spent)

    def __neg__(self) -> "Leg":
        return Leg(-self.shares, -self.spent)


Legs = Mapping[str, Leg]


class Unbookable(Exception):
    """The event lacks a value that booking needs. The message names it. The event waits in the dead-letter queue."""


def legs_of(orders: Iterable[Order]) -> dict[str, Leg]:
    """The total of `orders` for each security, without securities that total nothing."""
    legs: dict[str, Leg] = {}
    for order in orders:
        shares = order.filledQuantity or 0
        if not shares:
            continue
        if order.transactionType not in (Side.BUY, Side.SELL):
            raise Unbookable(f"{order.tradingsymbol}: neither bought nor sold")
        if not order.averagePrice:
            continue  # no price yet: a later event of the transaction has it and is booked completely
        # Payments are whole paise. The average price is rounded, and so is the amount that follows from it.
        leg = Leg(shares, (shares * order.averagePrice).quantize(_PAISA))
        legs[order.tradingsymbol] = legs.get(order.tradingsymbol, Leg()) + (
            leg if order.transactionType == Side.BUY else -leg
        )
    return legs


@dataclass(frozen=True)
class Booked:
    """The booking of a transaction, with its sequence and the number of its writes."""

    sequence: int = 0
    writes: int = 0
    legs: Legs = field(default_factory=dict)

    def moved_to(self, legs: Legs, sequence: int) -> "Booked":
        """The booking after one write towards `legs`. It has `sequence` once nothing is left to move."""
        moved = _difference(self.legs, legs)
        if len(moved) <= _MOST_SECURITIES:
            return Booked(sequence, self.writes + 1, legs)
        part = {symbol: legs.get(symbol, Leg()) for symbol in list(moved)[:_MOST_SECURITIES]}
        return Booked(self.sequence, self.writes + 1, {**self.legs, **part})


def _difference(before: Legs, after: Legs) -> dict[str, Leg]:
    """The difference to add to `before` to get `after`, by tradingsymbol."""
    moved = {symbol: after.get(symbol, Leg()) + -before.get(symbol, Leg()) for symbol in sorted({*before, *after})}
    return {symbol: leg for symbol, leg in moved.items() if leg != Leg()}


class Positions:
    """The table `table`: one item per user and security, and one per transaction with its booking."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.client = client
        self.table = table

    def book(self, settled: OrdersSettled) -> bool:
        """Book a settled transaction. Returns False if this state or a newer one is already booked."""
        if settled.orders is None:
            raise Unbookable("the event leaves out the orders")
        legs = legs_of(settled.orders)
        for _ in range(_ATTEMPTS):
            booked = self._booked(settled.transactionId)
            if settled.sequence <= booked.sequence:
                return False
            after = booked.moved_to(legs, settled.sequence)
            if self._move(settled, booked, after) and after.sequence == settled.sequence:
                return True
        raise Unbookable("concurrent writers: retry later")

    def of(self, notes: str) -> dict[str, Leg]:
        """The securities that the user `notes` has traded, by tradingsymbol."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="holder = :holder",
            ExpressionAttributeValues={":holder": {"S": f"user#{notes}"}},
            ConsistentRead=True,
        )
        items = [of_attributes(item) for page in pages for item in page["Items"]]
        return {item["security"]: Leg(int(item["shares"]), item["spent"]) for item in items}

    def _booked(self, transaction_id: str) -> "Booked":
        answer = self.client.get_item(TableName=self.table, Key=_booked_key(transaction_id), ConsistentRead=True)
        if "Item" not in answer:
            return Booked()
        item = of_attributes(answer["Item"])
        legs = {symbol: Leg(int(leg["shares"]), leg["spent"]) for symbol, leg in item["legs"].items()}
        return Booked(int(item["sequence"]), int(item["writes"]), legs)

    def _move(self, settled: OrdersSettled, before: "Booked", after: "Booked") -> bool:
        """Write the changes, unless a concurrent writer has booked this transaction since it was read."""
        legs = {symbol: {"shares": leg.shares, "spent": leg.spent} for symbol, leg in after.legs.items()}
        stored = {"sequence": after.sequence, "writes": after.writes, "legs": legs}
        booked = {
            "Put": {
                "TableName": self.table,
                "Item": _booked_key(settled.transactionId) | to_attributes(stored),
                "ConditionExpression": "attribute_not_exists(holder) OR writes = :writes",
                "ExpressionAttributeValues": to_attributes({":writes": before.writes}),
            }
        }
        added = [
            self._added(settled.notes, symbol, leg) for symbol, leg in _difference(before.legs, after.legs).items()
        ]
        try:
            self.client.transact_write_items(TransactItems=[booked, *added])  # type: ignore[list-item]  # the writes are built as dictionaries
        except ClientError as error:
            reasons = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])}
            if reasons and reasons <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
                return False
            raise
        return True

    def _added(self, notes: str, security: str, leg: Leg) -> dict[str, Any]:
        # ADD is safe here: the condition on the other item of the DynamoDB transaction makes it happen once.
        return {
            "Update": {
                "TableName": self.table,
                "Key": to_attributes({"holder": f"user#{notes}", "security": security}),
                "UpdateExpression": "ADD #shares :shares, #spent :spent",
                "ExpressionAttributeNames": {"#shares": "shares", "#spent": "spent"},
                "ExpressionAttributeValues": to_attributes({":shares": leg.shares, ":spent": leg.spent}),
            }
        }


def _booked_key(transaction_id: str) -> dict[str, Any]:
    return to_attributes({"holder": f"transaction#{transaction_id}", "security": "booked"})
