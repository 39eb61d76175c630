"""The simulated world: its transactions, accounts and prices. Nothing here uses a clock or the network."""

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
    """The state of the world. `rng` makes all random decisions."""

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
        """Create a transaction from a valid request. `now` is the simulator's time, `wall` is wire time."""
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
        """The account of `auth_id`. It is opened at `broker` if it does not exist."""
        if auth_id not in self.accounts:
            settings = self.settings
            self.accounts[auth_id] = Account(auth_id, broker, settings.initial_funds, settings.initial_holding)
        return self.accounts[auth_id]

    def account_of_client(self, client: str, broker: str) -> Account:
        """The account of `client` at `broker`."""
        return self.account(auth_id_for(client, broker), broker)
