"""Broker accounts: the user's identity at a broker, and the books with holdings and cash."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass
class Account:
    """One user's account at one broker: its smallcaseAuthId, cash in rupees, and shares by ticker.

    An account starts with `initial_holding` shares of every security. `traded` is the change that its orders made.
    """

    auth_id: str
    broker: str
    funds: Decimal
    initial_holding: int
    traded: Counter[str] = field(default_factory=Counter)
    spent: dict[str, Decimal] = field(default_factory=dict)
    initial: dict[str, int] = field(default_factory=dict)

    def holding(self, ticker: str) -> int:
        """The current number of shares of `ticker`."""
        return self.initial.get(ticker, self.initial_holding) + self.traded[ticker]

    def book(self, ticker: str, side: str, shares: int, amount: Decimal) -> None:
        """Book an execution: `shares` were traded for `amount` rupees."""
        sign = 1 if side == "BUY" else -1
        self.traded[ticker] += sign * shares
        self.spent[ticker] = self.spent.get(ticker, Decimal(0)) + sign * amount
        self.funds -= sign * amount

    def books(self) -> dict[str, Any]:
        """The books as JSON: `traded` nets shares and rupees over all executions of each security."""
        tickers = sorted(set(self.traded) | set(self.initial))
        return {
            "smallcaseAuthId": self.auth_id,
            "broker": self.broker,
            "funds": self.funds,
            "holdings": {ticker: self.holding(ticker) for ticker in tickers},
            "traded": {
                ticker: {"quantity": self.traded[ticker], "amount": self.spent.get(ticker, Decimal(0))}
                for ticker in tickers
            },
        }


def auth_id_for(client: str, broker: str) -> str:
    """The smallcaseAuthId of `client` at `broker`. It is the same in every run, so that users can return."""
    return hashlib.sha256(f"{broker}/{client}".encode()).hexdigest()[:24]
