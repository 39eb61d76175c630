"""The simulated world: its transactions, accounts and prices. Nothing here reads a clock or the network."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tools.gateway_simulator.accounts import Account, auth_id_for
from tools.gateway_simulator.prices import Prices
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.tokens import Identity
from tools.gateway_simulator.transactions import Transaction


@dataclass
class World:
    """Everything that exists. `rng` decides all that is left to chance."""

    settings: Settings
    rng: random.Random
    prices: Prices = field(init=False)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prices = Prices(self.rng)

    def hex(self, digits: int) -> str:
        """A new identifier of `digits` lower-case hex digits."""
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def create(
        self, request: dict[str, Any], owner: Identity, now: datetime, wall: datetime, speed: float
    ) -> Transaction:
        """A new transaction of a request that was found good; `now` is the simulator's time, `wall` the wire's."""
        lifetime = self.settings.expiry_for(request["intent"])
        transaction = Transaction(
            id=f"TRX_{self.hex(32)}",
            request=request,
            owner=owner,
            created_at=wall,
            expire_at=wall + timedelta(seconds=lifetime / (speed or 1)),
            expires_at=now + timedelta(seconds=lifetime),
        )
        self.transactions[transaction.id] = transaction
        return transaction

    def account(self, auth_id: str, broker: str) -> Account:
        """The account behind `auth_id`, opened at `broker` where there is none yet."""
        if auth_id not in self.accounts:
            settings = self.settings
            self.accounts[auth_id] = Account(auth_id, broker, settings.initial_funds, settings.initial_holding)
        return self.accounts[auth_id]

    def account_of_client(self, client: str, broker: str) -> Account:
        """The account that `client` has at `broker`."""
        return self.account(auth_id_for(client, broker), broker)
