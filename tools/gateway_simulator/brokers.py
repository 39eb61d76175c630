"""The brokers behind the Gateway, their features, and their market hours (docs/reference/gateway.md §7)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Literal

INDIA = timezone(timedelta(hours=5, minutes=30))
_OPEN, _CLOSE = time(9, 15), time(15, 30)
_AMO_FROM, _AMO_UNTIL = time(15, 45), time(8, 57)

LIMIT_TYPES = ("LIMIT", "SL", "SLM")


@dataclass(frozen=True)
class Broker:
    """One broker: its key on the wire, its display name, and the order types that it accepts besides market orders."""

    key: str
    name: str
    limit_orders: bool = False
    amo: bool = True
    test_accounts: bool = True  # "-leprechaun" accounts exist


_ALL = (
    Broker("aliceblue", "Alice Blue"),
    Broker("angelbroking", "Angel One"),
    Broker("axis", "Axis Direct"),
    Broker("dhan", "Dhan", test_accounts=False),
    Broker("edelweiss", "Nuvama"),
    Broker("fisdom", "Fisdom", amo=False, test_accounts=False),
    Broker("fivepaisa", "5paisa", limit_orders=True),
    Broker("fundzbazar", "FundzBazar", amo=False),
    Broker("groww", "Groww", limit_orders=True, test_accounts=False),
    Broker("hdfc", "HDFC Securities"),
    Broker("hdfcsky", "HDFC Sky", test_accounts=False),
    Broker("icici", "ICICI Direct"),
    Broker("iifl", "IIFL Securities"),
    Broker("kite", "Zerodha", limit_orders=True),
    Broker("kotak", "Kotak Securities"),
    Broker("motilal", "Motilal Oswal", test_accounts=False),
    Broker("paytm", "Paytm Money"),
    Broker("sbi", "SBI Securities"),
    Broker("trustline", "Trustline"),
    Broker("upstox", "Upstox"),
)
BROKERS = {broker.key: broker for broker in _ALL}


@dataclass(frozen=True)
class Market:
    """The market at one broker. `opens_at` (aware) is the time when a waiting order goes to the exchange."""

    open: bool
    amo: bool
    opens_at: datetime


def market(broker: Broker, mode: Literal["open", "closed", "hours"], now: datetime) -> Market:
    """The market of `broker` at `now`. Mode "hours" uses NSE's hours, Monday to Friday, without holidays."""
    if mode != "hours":
        return Market(mode == "open", broker.amo and mode == "closed", now)
    local = now.astimezone(INDIA)
    is_open = local.weekday() < 5 and _OPEN <= local.time() < _CLOSE
    in_window = local.weekday() >= 5 or local.time() >= _AMO_FROM or local.time() < _AMO_UNTIL
    return Market(is_open, broker.amo and in_window and not is_open, _next_open(local))


def _next_open(local: datetime) -> datetime:
    day = local if local.time() < _OPEN else local + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day.date(), _OPEN, INDIA)


def closes_at(now: datetime) -> datetime:
    """The end of the trading day of `now`, or of the next trading day if it has passed."""
    local = now.astimezone(INDIA)
    close = datetime.combine(local.date(), _CLOSE, INDIA)
    return close if now < close else datetime.combine(_next_open(local).date(), _CLOSE, INDIA)
