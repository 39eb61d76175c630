"""The timeline of an order: one line for each event, as it happens."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TextIO

from operations.updates import Event

_BOLD, _DIM, _GREEN, _RED, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"
_WHAT: Final = 11


class Timeline:
    """Writes lines with the seconds since the last title, the actor, and its text. Uses color on a terminal."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out or sys.stdout
        self._clock = clock
        self._since = clock()
        self._colour = self._out.isatty()

    def title(self, text: str) -> None:
        """Write a title and restart the count of seconds."""
        self._since = self._clock()
        self._write(f"\n{self._in(_BOLD, text)}")

    def tell(self, what: str, *said: str) -> None:
        """Write a line for the actor `what`. Further lines of `said` follow below."""
        stamp = self._in(_DIM, f"{self._clock() - self._since:7.2f} s")
        for number, line in enumerate(said):
            head = f"{stamp}  {what:<{_WHAT}}" if number == 0 else " " * (11 + _WHAT)
            self._write(f"{head}  {line}")

    def check(self, good: bool, text: str) -> None:
        """Write the result of a check."""
        mark = self._in(_GREEN, "✓") if good else self._in(_RED, "✗")
        self._write(f"{' ' * 9}  {mark} {text}")

    def note(self, text: str = "") -> None:
        self._write(text)

    def _in(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._colour else text

    def _write(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def lines_of(event: Event) -> Iterator[str]:
    """An event as a consumer received it: its type and state, then each changed security."""
    detail = event["detail"]
    sequence = f" #{detail['sequence']}" if "sequence" in detail else ""
    said = [word for word in (detail.get("status"), detail.get("confirmation")) if word]
    yield " ".join([f"{event['detail-type']}{sequence}", *([f"({', '.join(said)})"] if said else [])])
    for change in detail.get("changes") or []:
        yield f"  {order_line(change)}{_change(change)}"
    if event["detail-type"] == "OrdersSettled":
        yield f"  bought for {rupees(detail.get('buyAmount'))}, sold for {rupees(detail.get('sellAmount'))}"


def order_line(order: dict[str, Any]) -> str:
    """An order, or a change of one: side, security, filled shares, price, status."""
    wanted = f" of {order['quantity']}" if order.get("quantity") is not None else ""
    filled = f"{order.get('filledQuantity') or 0}{wanted}"
    price = f" at {rupees(order['averagePrice'])}" if order.get("averagePrice") else ""
    return f"{order['transactionType']:<4} {order['tradingsymbol']:<12} {filled:>8}{price}  {order['status']}"


def _change(change: dict[str, Any]) -> str:
    before = change.get("previousStatus")
    if before is None:
        return ""
    return f"  (was {change.get('previousFilledQuantity') or 0} {before})"


def rupees(amount: Any) -> str:
    """An amount in rupees with two decimals."""
    return f"₹{amount:,.2f}" if amount is not None else "nothing"
