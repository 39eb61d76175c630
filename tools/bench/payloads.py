"""Webhooks as the Gateway would send them now: genuine, with any number of orders, seeded."""

import json
import random
from datetime import UTC, datetime
from typing import Any

from securities_transactions.domain.checksum import sign
from securities_transactions.domain.secrets import ApiSecret
from securities_transactions.domain.times import timestamp_text

GATEWAY_SECRET = "bench-gateway-secret"
API_SECRET = "bench-api-secret"
TRANSACTION_ID = "TRX_0123456789abcdef0123456789abcdef"
AUTH_ID = "65a1b2c3d4e5f60718293a4b"
TICKERS = [
    "RELIANCE",
    "TCS",
    "HDFCBANK",
    "INFY",
    "ICICIBANK",
    "HINDUNILVR",
    "SBIN",
    "BHARTIARTL",
    "ITC",
    "KOTAKBANK",
    "LT",
    "AXISBANK",
    "ASIANPAINT",
    "MARUTI",
    "SUNPHARMA",
    "TITAN",
    "BAJFINANCE",
    "NESTLEIND",
    "WIPRO",
    "ULTRACEMCO",
    "ADANIENT",
    "M&M",
    "POWERGRID",
    "NTPC",
    "TATAMOTORS",
    "JSWSTEEL",
    "TATASTEEL",
    "HCLTECH",
    "COALINDIA",
    "ONGC",
    "BAJAJ-AUTO",
    "BAJAJFINSV",
    "TECHM",
    "HDFCLIFE",
    "SBILIFE",
    "GRASIM",
    "DRREDDY",
    "CIPLA",
    "EICHERMOT",
    "BRITANNIA",
    "DIVISLAB",
    "APOLLOHOSP",
    "HEROMOTOCO",
    "TATACONSUM",
    "INDUSINDBK",
    "UPL",
    "BPCL",
    "HINDALCO",
    "SHREECEM",
    "NIFTYBEES",
]


def batch(orders: int) -> dict[str, Any]:
    """A completed batch of `orders` orders. NSE order ids have a fixed prefix and eight digits that vary."""
    chance = random.Random(orders)
    return {
        "batchId": "65b0000000000000000000a1",
        "variety": "regular",
        "quantity": orders,
        "filled": orders,
        "buyAmount": 15750.09,
        "sellAmount": 0,
        "completedDate": "2026-01-15T04:33:10.000Z",
        "status": "COMPLETED",
        "orders": [_order(_ticker(n), chance) for n in range(orders)],
        "unplaced": [],
    }


def webhook(orders: int) -> str:
    """The body of a genuine webhook about `batch(orders)` with the current timestamp."""
    timestamp = timestamp_text(datetime.now(UTC))
    return json.dumps(
        batch(orders)
        | {
            "transactionId": TRANSACTION_ID,
            "broker": "kite",
            "notes": "user-12345678",
            "smallcaseAuthId": AUTH_ID,
            "timestamp": timestamp,
            "checksum": sign(ApiSecret(API_SECRET), timestamp, AUTH_ID),
        }
    )


def _ticker(n: int) -> str:
    """The ticker number `n`. Numbers beyond the real tickers give derived ones."""
    again = n // len(TICKERS)
    return TICKERS[n % len(TICKERS)] + (str(again) if again else "")


def _order(ticker: str, chance: random.Random) -> dict[str, Any]:
    shares = chance.randint(1, 200)
    return {
        "tradingsymbol": ticker,
        "transactionType": chance.choice(["BUY", "SELL"]),
        "orderType": "MARKET",
        "status": "COMPLETE",
        "quantity": shares,
        "filledQuantity": shares,
        "averagePrice": chance.randint(10_000, 500_000) / 100,
        "price": 0,
        "triggerPrice": 0,
        "product": "CNC",
        "exchange": "NSE",
        "exchangeOrderId": f"1{chance.randint(1, 3)}000000{chance.randint(0, 99_999_999):08}",
        "errorCode": None,
        "statusMessage": "NA",
    }
