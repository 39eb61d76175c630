"""Moving prices: a random walk for each security, from a known or a derived start."""

import hashlib
import random
from decimal import Decimal

_TICK = Decimal("0.05")

# Round figures near no real quote. Any other NSE symbol gets a start derived from its name.
CATALOGUE = {
    "INFY": 1500, "TCS": 3400, "RELIANCE": 1400, "HDFCBANK": 950, "ICICIBANK": 1350, "SBIN": 850, "ITC": 410,
    "M&M": 3300, "BAJAJ-AUTO": 8800, "TATAMOTORS": 690, "WIPRO": 250, "LT": 3700, "AXISBANK": 1150,
    "MARUTI": 15000, "SUNPHARMA": 1640, "ASIANPAINT": 2450, "HINDUNILVR": 2500, "BHARTIARTL": 1900,
    "KOTAKBANK": 2050, "TITAN": 3500, "NESTLEIND": 1200, "POWERGRID": 285, "NTPC": 335, "ONGC": 240,
    "COALINDIA": 390, "TATASTEEL": 160, "JSWSTEEL": 1080, "GRASIM": 2800, "HCLTECH": 1450, "TECHM": 1500,
    "NIFTYBEES": 285, "BANKBEES": 580, "GOLDBEES": 95, "LIQUIDBEES": 1000, "JUNIORBEES": 740, "ITBEES": 38,
    "PGINVIT": 90, "INDIGRID": 150, "IRBINVIT": 62, "EMBASSY": 390, "MINDSPACE": 410, "BIRET": 320,
}  # fmt: skip


class Prices:
    """The last traded price of every security, in rupees. `walk` moves one by about 0.1 %."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._last: dict[str, Decimal] = {}

    def last(self, ticker: str) -> Decimal:
        if ticker not in self._last:
            self._last[ticker] = Decimal(CATALOGUE.get(ticker) or _derived(ticker))
        return self._last[ticker]

    def walk(self, ticker: str) -> Decimal:
        """Move the price of `ticker` by one step and return it."""
        moved = self.last(ticker) * (1 + Decimal(round(self._rng.gauss(0, 0.001), 6)))
        self._last[ticker] = max(_TICK, (moved / _TICK).quantize(Decimal(1)) * _TICK)
        return self._last[ticker]

    def put(self, ticker: str, price: Decimal) -> None:
        """Set the price of `ticker`."""
        self._last[ticker] = price


def _derived(ticker: str) -> int:
    return 50 + int.from_bytes(hashlib.sha256(ticker.encode()).digest()[:4], "big") % 2950
