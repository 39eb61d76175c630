"""Creating a transaction at the Gateway and storing it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from securities_transactions.domain import statuses
from securities_transactions.domain.order_config import NewTransaction
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction, check_shard, encode_request
from securities_transactions.gateway.client import Gateway
from securities_transactions.storage.users import Notes

# Where the Gateway does not say: the longest lifetime that it documents for orders (docs/gateway.md §2.1).
ASSUMED_LIFETIME: Final = timedelta(minutes=15)
# The first look at a transaction nobody reported on: once it can be said to have expired (settling.Policy).
FIRST_CHECK_AFTER_EXPIRY: Final = timedelta(minutes=13)


@dataclass(frozen=True)
class Creator:
    """Creates transactions at the Gateway and stores them."""

    gateway: Gateway
    notes: Notes
    clock: Callable[[], datetime]

    def create(self, asked: NewTransaction, notes: str, auth_token: str) -> Mapping[str, Any]:
        """Create what was `asked` for the user `notes`; transactionId and expireAt (UTC, ISO 8601) of the result.

        The Gateway is called first and the transaction stored second: where the process dies in between, an id exists
        that no user has seen and that expires unused; a webhook for it would be adopted.
        """
        created = self.gateway.create_transaction(asked.gateway_body(notes), auth_token)
        now = self.clock()
        expire_at = created.expire_at or now + ASSUMED_LIFETIME
        transaction = Transaction(
            transactionId=created.transaction_id,
            notes=notes,
            status=statuses.CREATED,
            version=1,
            createdAt=timestamp_text(now),
            expireAt=timestamp_text(expire_at),
            request=encode_request(asked.request()),
            nextCheckAt=timestamp_text(expire_at + FIRST_CHECK_AFTER_EXPIRY),
            checkShard=check_shard(created.transaction_id),
        )
        self.notes.create(transaction)
        return {"transactionId": transaction.transactionId, "expireAt": transaction.expireAt}
