"""`python -m operations.reconcile_tradebook FILE --notes USER`: compare a broker's tradebook with what is stored.

It reads the user's orders of the file's days through the API, with an access token in the environment variable TOKEN,
and lists the differences. With `--open` each transaction that differs becomes an open case: that needs a person's token
with the operators' scope and the service scope.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.api import Api, ApiError
from operations.tradebook import Fill, NotATradebook, fills

_IST: Final = timezone(timedelta(hours=5, minutes=30))
_PAGE: Final = 50
# Averages are rounded differently: to a paisa by one, not at all by another.
_SAME_PRICE: Final = Decimal("0.01")


@dataclass(frozen=True)
class Difference:
    """A stored order that the tradebook contradicts. `transaction_id` is `None` for a trade of no stored order."""

    transaction_id: str | None
    text: str


def compare(orders: Sequence[tuple[str, Mapping[str, Any]]], found: Sequence[Fill]) -> list[Difference]:
    """The differences between stored `orders`, each with its transactionId, and the fills of a tradebook.

    An order and a fill belong together by the exchange's order id. The others are compared by security and side.
    """
    by_id = {fill.order_id: fill for fill in found if fill.order_id is not None}
    used: set[str | None] = set()
    differences: list[Difference] = []
    rest: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for transaction_id, order in orders:
        fill = by_id.get(order.get("exchangeOrderId") or "")
        if fill is None:
            rest[(order["tradingsymbol"], order["transactionType"])].append((transaction_id, order))
            continue
        used.add(fill.order_id)
        text = _difference(order, fill.quantity, fill.average_price)
        if text is not None:
            differences.append(Difference(transaction_id, text))
    left: dict[tuple[str, str], list[Fill]] = defaultdict(list)
    for fill in found:
        if fill.order_id is None or fill.order_id not in used:
            left[(fill.symbol, fill.side)].append(fill)
    for key in dict.fromkeys((*rest, *left)):
        differences += _of_security(key, rest.get(key, []), left.get(key, []))
    return differences


def _of_security(
    key: tuple[str, str], orders: Sequence[tuple[str, Mapping[str, Any]]], left: Sequence[Fill]
) -> Iterator[Difference]:
    """The differences of orders and fills of one security and side that no order id connects."""
    traded = sum(fill.quantity for fill in left)
    if not orders:
        yield Difference(None, f"{key[1]} {key[0]}: {traded} in the tradebook, of no stored order")
        return
    if len(orders) == 1:
        prices = [fill.average_price for fill in left]
        value = None if None in prices else sum((f.quantity * (f.average_price or Decimal()) for f in left), Decimal())
        text = _difference(orders[0][1], traded, None if value is None or not traded else value / traded)
        if text is not None:
            yield Difference(orders[0][0], text)
        return
    if sum(order.get("filledQuantity") or 0 for _, order in orders) != traded or any(map(_is_unknown, orders)):
        for transaction_id, order in orders:
            yield Difference(
                transaction_id,
                f"{_named(order)}; {traded} in the tradebook for {len(orders)} orders of it, without an order id",
            )


def _is_unknown(stored: tuple[str, Mapping[str, Any]]) -> bool:
    return stored[1]["status"] == "ERROR" or stored[1].get("filledQuantity") is None


def _difference(order: Mapping[str, Any], quantity: int, price: Decimal | None) -> str | None:
    filled, stored_price = order.get("filledQuantity"), order.get("averagePrice")
    undecided = order["status"] in ("ERROR", "PLACED") or filled is None
    if undecided or filled != quantity:
        at = f" at {price.normalize():f}" if price is not None else ""
        return f"{_named(order)}; {quantity} in the tradebook{at}"
    if quantity and price is not None and (stored_price is None or abs(stored_price - price) > _SAME_PRICE):
        return f"{_named(order)}; the price is {price.normalize():f} in the tradebook"
    return None


def _named(order: Mapping[str, Any]) -> str:
    filled = "unknown" if order.get("filledQuantity") is None else order["filledQuantity"]
    price = f" at {order['averagePrice']}" if order.get("averagePrice") is not None else ""
    return f"{order['transactionType']} {order['tradingsymbol']}: stored {order['status']}, {filled} filled{price}"


def stored_orders(api: Api, notes: str, found: Sequence[Fill]) -> list[tuple[str, Mapping[str, Any]]]:
    """The placed orders of the user's transactions that were created on the days of the fills (IST)."""
    days = [fill.day for fill in found]
    start = datetime.combine(min(days), time(), _IST)
    end = datetime.combine(max(days) + timedelta(days=1), time(), _IST)
    query = {"notes": notes, "from": start.isoformat(), "to": end.isoformat(), "limit": _PAGE}
    orders: list[tuple[str, Mapping[str, Any]]] = []
    cursor = None
    while True:
        page = api.call("GET", "/orders", params=query | ({"cursor": cursor} if cursor else {}))
        for listed in page["items"]:
            orders += [(listed["transactionId"], order) for order in _exact(listed["orders"])]
        cursor = page.get("cursor")
        if cursor is None:
            return orders


def _exact(orders: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for order in orders:
        price = order.get("averagePrice")
        yield dict(order) if price is None else {**order, "averagePrice": Decimal(str(price))}


def main(arguments: list[str]) -> int:
    """0 where both agree, 1 where they differ, 2 where they cannot be compared."""
    parser = stages.parser(__doc__)
    parser.add_argument("file", help="the tradebook, a CSV file")
    parser.add_argument("--notes", required=True, help="the user whose tradebook it is")
    parser.add_argument("--open", action="store_true", help="open a case for each transaction that differs")
    parser.add_argument("--api", help="the API's URL, for those without AWS credentials")
    options = parser.parse_args(arguments)
    try:
        found = fills(Path(options.file).read_text(encoding="utf-8-sig").splitlines())
        if not found:
            raise NotATradebook("it has no trades")
        stage = stages.of(options)
        with Api(stage, url=options.api) as api:
            differences = compare(stored_orders(api, options.notes, found), found)
        for each in differences:
            print(f"{each.transaction_id or 'no transaction'}: {each.text}")
        if options.open:
            with Api(stage, url=options.api, scope="OperatorScope") as api:
                _open(api, differences)
    except (ApiError, BotoCoreError, ClientError, NotATradebook, OSError, UnicodeError, httpx.HTTPError) as error:
        print(f"the tradebook cannot be compared: {error}", file=sys.stderr)
        return 2
    print(f"{len(differences)} differ" if differences else f"{len(found)} fills agree")
    return 1 if differences else 0


def _open(api: Api, differences: Sequence[Difference]) -> None:
    texts: dict[str, list[str]] = defaultdict(list)
    for each in differences:
        if each.transaction_id is not None:
            texts[each.transaction_id].append(each.text)
    for transaction_id, found in texts.items():
        try:
            api.call("POST", f"/cases/{transaction_id}", json={"text": "; ".join(found)[:500]})
        except ApiError as error:
            print(f"{transaction_id}: no case was opened: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
