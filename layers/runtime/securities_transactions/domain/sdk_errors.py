"""The errors that the Gateway's SDKs reject with, and whether an order may have been placed after each.

docs/reference/gateway.md §6.2 lists them with their meaning.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_MOST_CODE: Final = 10**9
_CODE: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)

# Every known error code of the SDKs. The set is open. True: the order may have been placed anyway.
ERROR_CODES: Final[Mapping[int, tuple[str, bool]]] = {
    90: ("invalid_jwt", False),
    100: ("invalid_gateway", False),
    1001: ("user_mismatch", False),
    1003: ("consent_denied", False),
    1005: ("transaction_expired", False),
    1006: ("no_broker", False),
    1007: ("no_broker", False),
    1008: ("no_broker", False),
    1010: ("user_cancelled", False),
    1011: ("user_cancelled", False),
    1012: ("user_cancelled", False),
    2000: ("internal_error", True),
    3000: ("intent_not_enabled_for_broker", False),
    3001: ("transaction_expired", False),
    3002: ("invalid_transactionId", False),
    3004: ("init_sdk", False),
    4000: ("already_subscribed", False),
    4003: ("timed_out", True),
    4004: ("market_closed", False),
    4005: ("market_closed", False),
    4006: ("order_pending", True),
    # Only clients with the SDK of 2020 send these.
    **dict.fromkeys((20, 30, 40, 60, 80, 110), ("internal_error", True)),
    1000: ("order_in_queue", True),
    1002: ("user_cancelled", False),
    1004: ("insufficient_holdings", False),
    2001: ("holdings_import", False),
}
ERROR_MESSAGES: Final = frozenset(message for message, _ in ERROR_CODES.values()) | {
    "transaction_in_process",
    "invalid_elementorselector",
    "invalid_user_data",
    "api_error",
    "no_order",
    "smallcase_archived",
    "trading_not_enabled",
    "no_compatible_browser",
    "webhook_unreachable",
}
_OPEN_MESSAGES: Final = frozenset(message for message, is_open in ERROR_CODES.values() if is_open) | {"api_error"}


def may_have_orders(code: int | None, message: str | None) -> bool:
    """True if an order may have been placed despite this SDK error. An unlisted error returns True."""
    if code not in ERROR_CODES and message not in ERROR_MESSAGES:
        return True
    return message in _OPEN_MESSAGES or ERROR_CODES.get(code or 0, ("", False))[1]


def error_code(value: Any) -> int | None:
    """The number of an error, which old SDKs send as text; `None` if `value` is not a number of at most nine digits."""
    if isinstance(value, str) and _CODE.fullmatch(value):
        return int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and abs(value) < _MOST_CODE else None
