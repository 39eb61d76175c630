"""The Gateway's error codes for an order, and what may be said of them to a user (docs/reference/gateway.md §6.1).

`statusMessage` is the broker's, at times unreadable, and never for the end user. These texts are.
"""

from typing import Final

from securities_transactions.domain.statuses import OrderStatus

_SAME: Final = {"marginExceeded": "marginsExceeded"}

_TEXTS: Final = {
    "adapterError": "Your broker could not be reached.",
    "tradingSystemNotReady": "Your broker is not accepting orders now. The market may be closed.",
    "checkHoldings": "You do not hold enough of this security to sell.",
    "marginsExceeded": "There are not enough funds in your broker account for this order.",
    "orderUnmatched": "Nobody took the other side of this order on the exchange.",
    "circuitLimitExceeded": "The price is outside the range that the exchange allows today.",
    "userNotLoggedIn": "You were no longer logged in with your broker.",
    "clientNotEnabled": "Your broker account is not enabled for this kind of order.",
    "securityNotAllowed": "Your broker does not allow trading in this security.",
    "amoNotAllowed": "Your broker does not take orders after market hours for this security.",
    "invalidOrder": "Your broker found this order not valid.",
    "networkError": "The connection to your broker failed.",
}
_OTHER: Final = "The order could not be completed. Your broker's order book has the details."


def canonical(code: str) -> str:
    """The code under its usual spelling; an unknown one as it came."""
    if code.startswith("circuitLimit"):
        return "circuitLimitExceeded"
    return _SAME.get(code, code)


def user_message(status: OrderStatus, code: str | None, *, placed: bool) -> str | None:
    """What a user is told of an order; `None` where its status says all.

    `placed` is False for an order in the batch's `unplaced`, and then alone the user is told that it was not placed. An
    order in `orders` that stands at ERROR is unknown (docs/reference/gateway.md §4.5): it may be at the exchange,
    whatever its error code says, and a user who orders again may buy twice.
    """
    if not placed:
        return f"This order was not placed. {_reason(code)}"
    match status:
        case OrderStatus.ERROR:
            return "It is not known yet whether this order was placed. Do not order again until it is."
        case OrderStatus.REJECTED:
            return _reason(code)
        case OrderStatus.PARTIAL | OrderStatus.CANCELLED | OrderStatus.CANCELLED_AMO if code:
            return _reason(code)
        case _:
            return None


def _reason(code: str | None) -> str:
    """Why an order failed. The set of codes is open: an unknown one gets a general text."""
    return _TEXTS.get(canonical(code or ""), _OTHER)
