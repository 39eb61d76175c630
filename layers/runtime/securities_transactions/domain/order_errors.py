"""The Gateway's error codes for an order, and the texts for users (docs/reference/gateway.md §6.1).

`statusMessage` is the broker's text. It is sometimes unreadable and never meant for end users. These texts are.
"""

from typing import Final

from securities_transactions.domain.statuses import OrderStatus

_SAME: Final = {"marginExceeded": "marginsExceeded"}

_TEXTS: Final = {
    "adapterError": "Your broker could not be reached.",
    "tradingSystemNotReady": "Your broker is not accepting orders now. The market may be closed.",
    "checkHoldings": "You do not hold enough of this security to sell.",
    "marginsExceeded": "There are not enough funds in your broker account for this order.",
    "orderUnmatched": "No buyer or seller matched this order on the exchange.",
    "circuitLimitExceeded": "The price is outside the range that the exchange allows today.",
    "userNotLoggedIn": "You were no longer logged in with your broker.",
    "clientNotEnabled": "Your broker account is not enabled for this kind of order.",
    "securityNotAllowed": "Your broker does not allow trading in this security.",
    "amoNotAllowed": "Your broker does not take orders after market hours for this security.",
    "invalidOrder": "Your broker rejected this order as invalid.",
    "networkError": "The connection to your broker failed.",
}
_OTHER: Final = "The order could not be completed. Your broker's order book has the details."


def canonical(code: str) -> str:
    """The usual spelling of `code`, or `code` itself if it is unknown."""
    if code.startswith("circuitLimit"):
        return "circuitLimitExceeded"
    return _SAME.get(code, code)


def user_message(status: OrderStatus, code: str | None, *, placed: bool) -> str | None:
    """The text for the user about an order, or `None` if its status is enough.

    `placed` is False for an order in the batch's `unplaced`. Only then does the text state that the order was not
    placed. An order in `orders` with the status ERROR is unknown (docs/reference/gateway.md §4.5): it may be at the
    exchange, with any error code, and a user that orders again may buy twice.
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
    """The reason why an order failed. The set of codes is open: an unknown code returns a general text."""
    return _TEXTS.get(canonical(code or ""), _OTHER)
