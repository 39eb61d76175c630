"""Messages to users about settled orders, in our own words (docs/reference/gateway.md §6.1).

The broker's text is for support only.
"""

from collections.abc import Iterator
from typing import Final

from securities_transactions.domain import order_errors
from securities_transactions.domain.orders import Order
from securities_transactions.domain.statuses import OrderStatus, Side
from securities_transactions.events.schemas import OrdersSettled

_VERBS: Final = {Side.BUY: "Bought", Side.SELL: "Sold"}


def lines(settled: OrdersSettled) -> Iterator[str]:
    """The messages to the user about a settled transaction: one line per security."""
    if settled.orders is None:
        yield "Your order has been processed. Open the app to see what was executed."
        return
    for order in settled.orders:
        yield _line(order)
    for order in settled.unplaced or []:
        yield f"{_asked(order)}: {order_errors.user_message(order.status, order.errorCode, placed=False)}"


def _line(order: Order) -> str:
    filled = order.filledQuantity or 0
    if filled:
        verb = _VERBS.get(order.transactionType, "Traded")
        wanted = f" of {order.quantity}" if filled != order.quantity else ""
        price = f" at ₹{order.averagePrice:,.2f}" if order.averagePrice is not None else ""
        said = f"{verb} {filled}{wanted} {order.tradingsymbol}{price}."
    elif order.status in (OrderStatus.CANCELLED, OrderStatus.CANCELLED_AMO):
        said = f"{_asked(order)} was cancelled."
    elif order.status == OrderStatus.REJECTED:
        said = f"{_asked(order)} was rejected."
    else:
        said = f"{_asked(order)} has the status {order.status}."
    message = order_errors.user_message(order.status, order.errorCode, placed=True)
    return f"{said} {message}" if message else said


def _asked(order: Order) -> str:
    return f"Your order to {order.transactionType.lower()} {order.quantity} {order.tradingsymbol}"
