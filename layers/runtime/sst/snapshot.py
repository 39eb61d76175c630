"""One state of a batch as it was seen, how it is ordered among others, and the few bytes it is stored in.

A *revision* is a sortable value of how far a batch has progressed and only then of when it was said. Of two snapshots
the one with the greater revision is the newer, whichever arrived first: taking the maximum is idempotent, commutative
and associative, so duplicates and any order of arrival end in the same state.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from sst import statuses
from sst.batch import Batch
from sst.exact import OURS, dumps, loads

_PROGRESS_LENGTH: Final = 17


@dataclass(frozen=True)
class Snapshot:
    """A batch and the time (UTC, ISO 8601 with milliseconds) at which the Gateway said so."""

    batch: Batch
    timestamp: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The batch as it was sent, unknown fields too."""
        return self.batch.as_sent()

    @cached_property
    def encoded(self) -> bytes:
        """The batch as stored; `decode` gives `document` back."""
        return encode(self.document)

    @cached_property
    def digest(self) -> str:
        """A short name of the batch's content: two snapshots with the same one say the same."""
        return hashlib.sha256(dumps(self.document, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def progress(self) -> str:
        """How far the batch has come: all final, how many orders are final, how many shares are filled."""
        orders = self.batch.orders
        final = sum(statuses.is_final(order.status) for order in orders)
        filled = sum(order.filledQuantity or 0 for order in orders)
        return f"{self.batch.is_final:d}{final:04d}{min(filled, 10**12 - 1):012d}"

    @property
    def revision(self) -> str:
        """The sortable revision: progress, then timestamp, then content so that the order is total."""
        return f"{self.progress}|{self.timestamp}|{self.digest}"


def progress_of(revision: str) -> str:
    """The progress that a stored revision stands for."""
    return revision[:_PROGRESS_LENGTH]


def digest_of(revision: str) -> str:
    """The content digest that a stored revision stands for."""
    return revision.rpartition("|")[2]


def timestamp_text(moment: datetime) -> str:
    """`moment` (aware) as the Gateway writes timestamps: ISO 8601 UTC with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def material(batch: Batch) -> Counter[tuple[object, ...]]:
    """What money depends on: each order's side, state, shares and price. Equal counters are the same outcome."""
    return Counter(
        (
            place,
            order.tradingsymbol,
            order.transactionType,
            statuses.canonical(order.status),
            order.quantity,
            order.filledQuantity or 0,
            order.averagePrice or 0,
        )
        for place, orders in (("orders", batch.orders), ("unplaced", batch.unplaced))
        for order in orders
    )


# --- Encoding: columns instead of rows, then deflate with a dictionary of the words every batch contains. A basket of
# fifty fits in well under two kilobytes, a single stock in about two hundred bytes (docs/decisions, `make bench`).

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
    """`document` (JSON-like, `Decimal` numbers) in as few bytes as are worth having; see `decode`."""
    columns = {key: _to_columns(value) for key, value in document.items()}
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return _FORMAT + packer.compress(dumps(columns).encode()) + packer.flush()


def decode(data: bytes) -> dict[str, Any]:
    """The document that `encode` made `data` of; `ValueError` for a format that this version does not know."""
    if data[:1] != _FORMAT:
        raise ValueError(f"a snapshot of unknown format {data[:1]!r}")
    document = loads(zlib.decompressobj(-15, _DICTIONARY).decompress(data[1:]), deepest=OURS)
    return {key: _from_columns(value) for key, value in document.items()}


def _to_columns(value: Any) -> Any:
    """Rows that all have the same keys as {"!": rows, key: value or [values]}; a dict is wrapped apart."""
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


def _from_columns(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "" in value and len(value) == 1:
        return value[""]
    rows = value.pop("!")
    return [
        {key: column[n] if isinstance(column, list) else column for key, column in value.items()} for n in range(rows)
    ]
