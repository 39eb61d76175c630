"""A broker's tradebook (CSV): its trades, summed up by order.

Brokers name the columns differently; `HEADINGS` has the names that are read, in any order and spelling of case, spaces
and underscores. Lines before the headings are skipped. docs/guides/operator.md lists the columns.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "symbol": ("symbol", "tradingsymbol", "trading symbol", "scrip", "scrip symbol", "scrip name", "stock symbol"),
    "side": ("trade type", "transaction type", "side", "buy/sell", "type"),
    "quantity": ("quantity", "qty", "traded qty", "trade qty", "filled quantity"),
    "price": ("price", "trade price", "traded price", "average price", "avg price"),
    "value": ("value", "trade value", "amount"),
    "date": ("trade date", "date", "order execution time", "execution date and time", "trade time"),
    "order": ("order id", "exchange order id", "exchange order no", "order no", "order number"),
    "trade": ("trade id", "trade no", "trade num", "trade number"),
    "state": ("order status", "status"),
}
"""The headings of each column. `price` or `value`, `order`, `trade` and `state` may be absent."""

_REQUIRED: Final = ("symbol", "side", "quantity", "date")
_SIDES: Final = {"buy": "BUY", "b": "BUY", "sell": "SELL", "s": "SELL"}
_EXECUTED: Final = frozenset({"", "executed", "complete", "completed", "traded", "filled"})
_DATES: Final = ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%d-%b-%Y", "%d %b %Y")


class NotATradebook(Exception):
    """The file cannot be read as a tradebook. The message names the line or the column."""


@dataclass(frozen=True)
class Fill:
    """The trades of one order, or of one security, side and day where the file has no order ids.

    `quantity` is in shares, `average_price` in rupees a share, `None` where the file has no price.
    """

    symbol: str
    side: str
    day: date
    order_id: str | None
    quantity: int
    average_price: Decimal | None


@dataclass(frozen=True)
class _Trade:
    symbol: str
    side: str
    day: date
    order_id: str | None
    quantity: int
    value: Decimal | None


def fills(lines: Iterable[str]) -> list[Fill]:
    """The fills in a file, in its order. A trade that is in the file twice counts once. Raises `NotATradebook`."""
    sums: dict[tuple[str, str, date, str | None], tuple[int, Decimal | None]] = {}
    for trade in _trades(lines):
        key = (trade.symbol, trade.side, trade.day, trade.order_id)
        quantity, value = sums.get(key, (0, Decimal()))
        total = None if value is None or trade.value is None else value + trade.value
        sums[key] = (quantity + trade.quantity, total)
    return [
        Fill(*key, quantity, None if value is None or not quantity else value / quantity)
        for key, (quantity, value) in sums.items()
    ]


def _trades(lines: Iterable[str]) -> Iterator[_Trade]:
    rows = csv.reader(lines)
    columns = _columns(rows)
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in columns.items()}
        if cells.get("state", "").casefold() not in _EXECUTED:
            continue
        identity = (cells.get("trade", ""), cells.get("order", ""), cells["symbol"], cells["side"])
        if identity[0] and identity in seen:
            continue
        seen.add(identity)
        yield _trade(cells, rows.line_num)


def _columns(rows: "Iterator[list[str]]") -> dict[str, int]:
    missing: list[str] = list(_REQUIRED)
    for row in rows:
        given = {_spelled(cell): place for place, cell in reversed(list(enumerate(row)))}
        found: dict[str, int] = {}
        for name, headings in HEADINGS.items():
            place = next((given[heading] for heading in headings if heading in given), None)
            if place is not None:
                found[name] = place
        lacking = [name for name in _REQUIRED if name not in found]
        if not lacking:
            return found
        missing = min(missing, lacking, key=len)
    raise NotATradebook(f"no line has headings for {', '.join(missing)}")


def _trade(cells: Mapping[str, str], line: int) -> _Trade:
    side = _SIDES.get(cells["side"].casefold())
    if side is None:
        raise NotATradebook(f"line {line}: side is neither buy nor sell")
    quantity = _number(cells["quantity"], "quantity", line)
    if quantity != quantity.to_integral_value() or quantity <= 0:
        raise NotATradebook(f"line {line}: quantity is not a number of shares")
    value = None
    if cells.get("price"):
        value = _number(cells["price"], "price", line) * quantity
    elif cells.get("value"):
        value = _number(cells["value"], "value", line)
    symbol = cells["symbol"].upper().removesuffix("-EQ")
    return _Trade(symbol, side, _day(cells["date"], line), cells.get("order") or None, int(quantity), value)


def _number(text: str, name: str, line: int) -> Decimal:
    try:
        number = Decimal(text.replace(",", "").removeprefix("₹").strip())
    except InvalidOperation:
        raise NotATradebook(f"line {line}: {name} is not a number") from None
    if not number.is_finite():
        raise NotATradebook(f"line {line}: {name} is not a number")
    return number


def _day(text: str, line: int) -> date:
    start = re.split(r"[T ](?=\d{1,2}:)", text)[0]
    for form in _DATES:
        try:
            return datetime.strptime(start, form).date()  # noqa: DTZ007  # a day of the exchange, without a time
        except ValueError:
            continue
    raise NotATradebook(f"line {line}: date is not a day")


def _spelled(heading: str) -> str:
    return " ".join(heading.casefold().replace("_", " ").replace(".", "").lstrip("\ufeff").split())
