"""Orders and their batch, and the wire form of both (docs/reference/gateway.md §4.3, §4.5)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tools.gateway_simulator.wire import PAISA, stamp

OPEN = frozenset({"PLACED", "ERROR"})
_AVERAGE = Decimal("0.0001")


@dataclass
class Order:
    """One security of a batch. Prices are rupees, quantities are shares. `amount` is the executed amount so far."""

    ticker: str
    side: str
    quantity: int
    type: str = "MARKET"
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    status: str = "PLACED"
    filled: int = 0
    average_price: Decimal = Decimal(0)
    exchange_order_id: str | None = None
    error_code: str | None = None
    status_message: str | None = None
    placed_at: datetime | None = None
    cancelled_by_user: bool = False

    @property
    def amount(self) -> Decimal:
        """The traded amount in rupees: average price times shares, to the paisa, so that both always agree."""
        return (self.average_price * self.filled).quantize(PAISA)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def fill(self, shares: int, price: Decimal) -> None:
        """Execute `shares` more at `price`. The last ones make the order COMPLETE."""
        value = self.average_price * self.filled + price * shares
        self.filled += shares
        self.average_price = (value / self.filled).quantize(_AVERAGE).normalize() + Decimal("0.00")
        if self.filled == self.quantity:
            self.finish("COMPLETE")

    def correct(self, filled: int) -> None:
        """The exchange corrects the trade after the order was final: `filled` shares of it stand, at the same price."""
        self.filled = filled
        self.finish("COMPLETE" if filled == self.quantity else "PARTIAL" if filled else "CANCELLED")

    def finish(self, status: str, error_code: str | None = None, message: str | None = None) -> None:
        """Set the order to `status`."""
        self.status, self.error_code = status, error_code
        self.status_message = message if message is not None else "NA"

    def as_json(self, *, complete_only: bool = False) -> dict[str, Any]:
        """The order object. With `complete_only`, only a COMPLETE order shows its average price."""
        shows_average = self.status == "COMPLETE" or not complete_only
        return {
            "tradingsymbol": self.ticker,
            "transactionType": self.side,
            "orderType": self.type,
            "status": self.status,
            "quantity": self.quantity,
            "filledQuantity": self.filled,
            "averagePrice": self.average_price if shows_average else 0,
            "price": self.price,
            "triggerPrice": self.trigger_price,
            "product": "CNC",
            "exchange": "NSE",
            "exchangeOrderId": self.exchange_order_id,
            "errorCode": self.error_code,
            "statusMessage": self.status_message,
            "orderTimestamp": None if self.placed_at is None else stamp(self.placed_at),
        }


@dataclass
class Batch:
    """The orders that a user confirmed together. `unplaced` never reached the broker."""

    batch_id: str
    variety: str
    orders: list[Order] = field(default_factory=list)
    unplaced: list[Order] = field(default_factory=list)
    completed_at: datetime | None = None
    marked_complete: bool = False

    @property
    def status(self) -> str:
        """The Gateway's batch-level status, which is advisory even at the vendor."""
        statuses = {order.status for order in self.orders}
        if not statuses:
            return "UNPLACED"
        if "PLACED" in statuses:
            return "PARTIALLYPLACED" if self.unplaced else "PLACED"
        if self.marked_complete:
            return "MARKEDCOMPLETE"
        if "ERROR" in statuses:
            return "ERROR"
        if statuses == {"COMPLETE"} and not self.unplaced:
            return "COMPLETED"
        if any(order.filled for order in self.orders):
            return "PARTIALLYFILLED"
        by_user = any(order.cancelled_by_user for order in self.orders)
        return "CANCELLED" if by_user and statuses <= {"CANCELLED", "CANCELLED AMO"} else "UNFILLED"

    @property
    def is_final(self) -> bool:
        return self.status not in {"PLACED", "PARTIALLYPLACED", "ERROR"}

    @property
    def is_open_kind(self) -> bool:
        """True if it may stay open for long: an AMO, or any order that waits for a price."""
        return self.variety == "amo" or any(order.type != "MARKET" for order in self.orders)

    def settle(self, now: datetime) -> None:
        """Record the time when the batch became final."""
        if self.is_final and self.completed_at is None:
            self.completed_at = now

    def as_json(self, *, complete_only: bool = False) -> dict[str, Any]:
        """The batch object. `quantity` and `filled` count securities, not shares."""
        every = [*self.orders, *self.unplaced]
        return {
            "batchId": self.batch_id,
            "variety": self.variety,
            "quantity": len(every),
            "filled": sum(order.status == "COMPLETE" for order in self.orders),
            "buyAmount": self._amount("BUY"),
            "sellAmount": self._amount("SELL"),
            "completedDate": None if self.completed_at is None else stamp(self.completed_at),
            "status": self.status,
            "orders": [order.as_json(complete_only=complete_only) for order in self.orders],
            "unplaced": [order.as_json(complete_only=complete_only) for order in self.unplaced],
        }

    def _amount(self, side: str) -> Decimal | int:
        return sum(order.amount for order in self.orders if order.side == side)
