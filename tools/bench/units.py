"""Stored items: bytes and write units as DynamoDB counts them, for baskets and for a long history."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from securities_transactions.domain.decimal_json import loads
from tools.bench import payloads
from tools.bench.subjects import stored

SIZES: Final = (1, 5, 10, 50, 100)


def write_units(bytes_: int) -> int:
    """The write units of an item of `bytes_` bytes."""
    return -(-bytes_ // 1024)


def table() -> dict[str, dict[str, int]]:
    """Bytes and write units by the number of orders, and of a single order after a thousand updates."""
    found = {str(orders): _sizes(stored(orders), loads(payloads.webhook(orders))) for orders in SIZES}
    old = stored(1, version=1000)
    return found | {"1, after 1000 updates": _sizes(old, loads(payloads.webhook(1)))}


def _sizes(mine: dict[str, Any], naive: dict[str, Any]) -> dict[str, int]:
    ours, theirs = item_bytes(mine), item_bytes(naive)
    return {
        "bytes": ours,
        "write_units": write_units(ours),
        "tutorial_bytes": theirs,
        "tutorial_write_units": write_units(theirs),
    }


def lines() -> Iterator[str]:
    """The table as text."""
    yield "\nStored item: bytes as DynamoDB counts them, and write units of one webhook"
    yield f"  {'orders':24}{'ours':>8}{'units':>7}{'tutorial':>10}{'units':>7}"
    for orders, row in table().items():
        ours, units, theirs, their_units = row.values()
        yield f"  {orders:24}{ours:>8}{units:>7}{theirs:>10}{their_units:>7}"


def item_bytes(value: Any) -> int:
    """The size of a value as DynamoDB counts it: names and text in UTF-8, numbers half their digits."""
    if isinstance(value, dict):
        return sum(len(name) + item_bytes(each) + 1 for name, each in value.items()) + 3
    if isinstance(value, list):
        return sum(item_bytes(each) + 1 for each in value) + 3
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if value is None or isinstance(value, bool):
        return 1
    return len(Decimal(value).as_tuple().digits) // 2 + 2
