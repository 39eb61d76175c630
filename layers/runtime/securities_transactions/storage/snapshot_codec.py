"""The compact binary encoding of a document with rows (docs/decisions/0006-snapshot-encoding.md).

Columns instead of rows, then deflate with a dictionary of the words that every batch contains. A basket of fifty takes
well under two kilobytes, a single stock about a hundred bytes.
"""

import zlib
from collections.abc import Mapping
from typing import Any, Final

from securities_transactions.domain.decimal_json import OURS, dumps, loads

# Stored items are read with both. Another dictionary requires another format.
_FORMAT: Final = b"\x01"
_DICTIONARY: Final = dumps(
    {
        "config": {"orderName": "", "orderLogo": "https://"},
        "orderConfig": {"type": "SECURITIES", "securities": [{"ticker": "", "quantity": 1, "type": "SELL"}]},
        "unplaced": {"!": 1, "errorCode": "marginsExceeded", "statusMessage": "NA", "status": "ERROR"},
        "orders": {
            "!": 1,
            "tradingsymbol": ["NIFTYBEES", "INFY", "RELIANCE"],
            "transactionType": ["SELL", "BUY"],
            "orderType": ["LIMIT", "SLM", "MARKET"],
            "status": ["REJECTED", "CANCELLED AMO", "PARTIAL", "PLACED", "COMPLETE"],
            "quantity": 10,
            "filledQuantity": 0,
            "averagePrice": 0,
            "price": 0,
            "triggerPrice": 0,
            "product": "CNC",
            "exchange": "NSE",
            "exchangeOrderId": ["1100000012345678"],
            "errorCode": None,
            "statusMessage": None,
            "orderTimestamp": "2026-01-15T04:30:12.345Z",
        },
        "batchId": "65b0000000000000000000a1",
        "variety": "regular",
        "filled": 1,
        "buyAmount": 0,
        "sellAmount": 0,
        "completedDate": None,
        "status": "PARTIALLYFILLED COMPLETED PLACED",
    }
).encode()


def encode(document: Mapping[str, Any]) -> bytes:
    """Encode `document` (JSON-like, with `Decimal` numbers) compactly. See `decode`."""
    columns = {key: to_columns(value) for key, value in document.items()}
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return _FORMAT + packer.compress(dumps(columns).encode()) + packer.flush()


def decode(data: bytes) -> dict[str, Any]:
    """Decode the result of `encode`. Raises `ValueError` for a format that this version does not support."""
    if data[:1] != _FORMAT:
        raise ValueError(f"a snapshot of unknown format {data[:1]!r}")
    document = loads(zlib.decompressobj(-15, _DICTIONARY).decompress(data[1:]), deepest=OURS)
    return {key: from_columns(value) for key, value in document.items()}


def to_columns(value: Any) -> Any:
    """Rows with the same keys become {"!": rows, key: value or [values]}. Other dicts are wrapped separately."""
    if isinstance(value, Mapping):
        return {"": value}
    rows = value if isinstance(value, list | tuple) else ()
    if not rows or not all(isinstance(row, Mapping) and row.keys() == rows[0].keys() for row in rows):
        return value
    if not rows[0] or {"!", ""} & rows[0].keys():
        return value
    columns: dict[str, Any] = {"!": len(rows)}
    for key in rows[0]:
        values = [row[key] for row in rows]
        same = all(type(each) is type(values[0]) and each == values[0] for each in values)
        columns[key] = values[0] if same and not isinstance(values[0], list | tuple | Mapping) else values
    return columns


def from_columns(value: Any) -> Any:
    """The inverse of `to_columns`. Mutates its argument."""
    if not isinstance(value, dict):
        return value
    if "" in value:
        return value[""]
    rows = value.pop("!")
    return [
        {key: column[n] if isinstance(column, list) else column for key, column in value.items()} for n in range(rows)
    ]
