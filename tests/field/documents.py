"""The Gateway's messages: orders and batches of orders, with made-up values."""

from typing import Any, Final

Document = dict[str, Any]

COMPLETED_AT: Final = "2026-01-15T04:33:10.000Z"


def order(
    symbol: str = "INFY", status: str = "PLACED", quantity: Any = 10, filled: Any = 0, price: Any = 0, **more: Any
) -> Document:
    """An order to buy `quantity` of `symbol`; `price` is the average price of the filled shares."""
    return {
        "tradingsymbol": symbol,
        "transactionType": "BUY",
        "orderType": "MARKET",
        "status": status,
        "quantity": quantity,
        "filledQuantity": filled,
        "averagePrice": price,
        "price": 0,
        "triggerPrice": 0,
        "product": "CNC",
        "exchange": "NSE",
        "exchangeOrderId": None,
        "errorCode": None,
        "statusMessage": None,
        **more,
    }


def filled_order(symbol: str = "INFY", shares: Any = 10, price: Any = 1500, **more: Any) -> Document:
    """An order whose shares were all bought."""
    return order(symbol, "COMPLETE", shares, shares, price, **more)


def limit_order(price: Any) -> Document:
    """A placed order with a limit."""
    return order(orderType="LIMIT") | {"price": price}


def batch(*orders: Document, unplaced: tuple[Document, ...] = (), status: str = "PLACED", **more: Any) -> Document:
    """A batch that is in progress."""
    return {
        "batchId": "65b0000000000000000000a1",
        "variety": "regular",
        "quantity": len(orders) + len(unplaced),
        "filled": sum(each.get("status") == "COMPLETE" for each in orders),
        "buyAmount": 0,
        "sellAmount": 0,
        "completedDate": None,
        "status": status,
        "orders": list(orders),
        "unplaced": list(unplaced),
        **more,
    }


def completed_batch(*orders: Document, unplaced: tuple[Document, ...] = (), **more: Any) -> Document:
    """A batch that has its final update."""
    return batch(*orders, unplaced=unplaced, status="COMPLETED", **{"completedDate": COMPLETED_AT, **more})
