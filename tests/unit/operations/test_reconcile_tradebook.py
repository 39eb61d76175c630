"""A broker's tradebook beside the stored orders."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from operations.reconcile_tradebook import compare
from operations.tradebook import Fill, NotATradebook, fills

# The headings of Zerodha's export, as importers of other projects document them.
ZERODHA = (
    "symbol,isin,trade_date,exchange,segment,series,trade_type,auction,quantity,price,trade_id,order_id,"
    "order_execution_time"
)
INFY = "INFY,INE009A01021,2026-01-15,NSE,EQ,EQ,buy,false,{},{},{},1100000000001,2026-01-15T10:00:01"
DAY = date(2026, 1, 15)


def zerodha(*rows: str) -> list[Fill]:
    return fills([ZERODHA, *rows])


def test_trades_of_one_order_are_summed_up() -> None:
    found = zerodha(INFY.format(2, "1498.20", 1), INFY.format("1.000000", "1501.20", 2))
    assert found == [Fill("INFY", "BUY", DAY, "1100000000001", 3, Decimal("1499.20"))]


def test_trade_that_is_in_the_file_twice_counts_once() -> None:
    row = INFY.format(2, "1498.20", 1)
    assert zerodha(row, row)[0].quantity == 2


@pytest.mark.parametrize(
    "lines",
    [
        ["Trading Symbol,Side,Qty,Trade Price,Date", 'INFY-EQ,B,3,"1,499.20",15/01/2026 10:00'],
        ["Client: AB1234", "", "\ufeffSCRIP,Buy/Sell,QTY.,Value,Trade_Date", "infy,BUY,3,4497.60,15-Jan-2026"],
        [
            "Symbol,Type,Quantity,Value,Execution date and time,Order status",
            "INFY,BUY,3,4497.60,15-01-2026 10:00 AM,Executed",
            "INFY,BUY,9,1,15-01-2026 10:00 AM,Cancelled",
        ],
    ],
)
def test_headings_and_days_of_several_reports_are_read(lines: list[str]) -> None:
    assert fills(lines) == [Fill("INFY", "BUY", DAY, None, 3, Decimal("1499.20"))]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["a,b", "1,2"], "headings"),
        ([ZERODHA, INFY.format("x", 1, 1)], "line 2: quantity"),
        ([ZERODHA, INFY.format("1.5", 1, 1)], "line 2: quantity"),
        ([ZERODHA, INFY.format("1", "NaN", 1)], "line 2: price"),
        ([ZERODHA, INFY.format("1", 1, 1).replace("buy", "hold")], "line 2: side"),
        ([ZERODHA, INFY.format("1", 1, 1).replace("2026-01-15,", "soon,")], "line 2: date"),
    ],
)
def test_file_that_cannot_be_read_names_the_place(lines: list[str], named: str) -> None:
    with pytest.raises(NotATradebook, match=named):
        fills(lines)


def order(status: str = "COMPLETE", filled: int | None = 3, price: str | None = "1499.2", **more: Any) -> Any:
    known = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": status, "exchangeOrderId": "1"}
    filled_part = {} if filled is None else {"filledQuantity": filled}
    return {**known, **filled_part, **({} if price is None else {"averagePrice": Decimal(price)}), **more}


def fill(quantity: int = 3, price: str = "1499.2", order_id: str | None = "1") -> Fill:
    return Fill("INFY", "BUY", DAY, order_id, quantity, Decimal(price))


def without_id(stored: Any, order_id: str | None) -> Any:
    return stored if order_id else {name: value for name, value in stored.items() if name != "exchangeOrderId"}


@pytest.mark.parametrize("order_id", ["1", None])
@pytest.mark.parametrize(
    ("stored", "quantity", "price"),
    [(order(), 3, "1499.2"), (order(), 3, "1499.2049"), (order("PARTIAL", 2), 2, "1499.2")],
)
def test_order_that_agrees_is_not_listed(stored: Any, quantity: int, price: str, order_id: str | None) -> None:
    assert compare([("T1", without_id(stored, order_id))], [fill(quantity, price, order_id)]) == []


@pytest.mark.parametrize("order_id", ["1", None])
@pytest.mark.parametrize(
    ("stored", "quantity", "price", "text"),
    [
        (order("ERROR", 0, None), 3, "1499.2", "stored ERROR, 0 filled; 3 in the tradebook at 1499.2"),
        (order("ERROR", None, None), 3, "1499.2", "stored ERROR, unknown filled; 3 in the tradebook at 1499.2"),
        (order(), 2, "1499.2", "stored COMPLETE, 3 filled at 1499.2; 2 in the tradebook at 1499.2"),
        (order("REJECTED", 0, None), 3, "1499.2", "stored REJECTED, 0 filled; 3 in the tradebook at 1499.2"),
        (order(), 3, "1500", "stored COMPLETE, 3 filled at 1499.2; the price is 1500 in the tradebook"),
        (order(price=None), 3, "1499.2", "stored COMPLETE, 3 filled; the price is 1499.2 in the tradebook"),
    ],
)
def test_order_that_differs_is_listed(stored: Any, quantity: int, price: str, text: str, order_id: str | None) -> None:
    (found,) = compare([("T1", without_id(stored, order_id))], [fill(quantity, price, order_id)])
    assert (found.transaction_id, found.text) == ("T1", f"BUY INFY: {text}")


def test_stored_fill_that_the_tradebook_lacks_is_listed() -> None:
    other = Fill("TCS", "SELL", DAY, "9", 1, Decimal(1))
    first, second = compare([("T1", order())], [other])
    assert first.text == "BUY INFY: stored COMPLETE, 3 filled at 1499.2; 0 in the tradebook"
    assert (second.transaction_id, second.text) == (None, "SELL TCS: 1 in the tradebook, of no stored order")


def test_rejected_order_without_a_trade_agrees() -> None:
    assert compare([("T1", order("REJECTED", 0, None))], []) == []


def test_orders_that_no_id_distinguishes_are_compared_as_a_sum() -> None:
    known = [("T1", order(exchangeOrderId=None)), ("T2", order(exchangeOrderId=None))]
    assert compare(known, [fill(6, order_id=None)]) == []
    assert [each.transaction_id for each in compare(known, [fill(5, order_id=None)])] == ["T1", "T2"]
