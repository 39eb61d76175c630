"""Asking the Gateway for the truth of a transaction and writing what it changes.

One pull in flight per transaction and a minimum interval between two, whoever asks and however often: a flood of
forged webhooks does not become a flood of calls to the Gateway.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from securities_transactions.domain import reconciliation, statuses
from securities_transactions.domain.gateway_state import Truth
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction, check_shard, encode_request
from securities_transactions.gateway.errors import GatewayError, GatewayRefused, GatewayUnavailable
from securities_transactions.storage.transactions import Contended, Pull, Transactions
from securities_transactions.storage.users import Notes

# "busy" has a check scheduled, "done" had one that was made since; "deferred" is up to the caller to ask again, for
# nothing is stored that could be due.
Outcome = Literal["pulled", "busy", "done", "adopted", "deferred", "unknown"]

_ATTEMPTS: Final = 4


class PullsTruth(Protocol):
    """The part of `securities_transactions.gateway.client.Gateway` that pulling needs."""

    def pull(self, transaction_id: str, now: datetime, batch_id: str | None = None) -> Truth:
        """What the Gateway knows of a transaction; see `Gateway.pull`."""


@dataclass(frozen=True)
class Puller:
    """Pulls transactions. `clock` gives aware UTC, `jitter` a random number in [0, 1).

    `adoption_lease(key)` is True at most once per interval for a key: it bounds pulls of transactions that are not
    stored here, by whoever's smallcaseAuthId asked.
    """

    gateway: PullsTruth
    transactions: Transactions
    notes: Notes
    policy: reconciliation.Policy
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    adoption_lease: Callable[[str, datetime, timedelta], bool]
    interval: timedelta = timedelta(seconds=30)

    def pull(self, asked: Pull) -> Outcome:
        """Pull a transaction and write what its truth changes.

        Raises `GatewayError` where the Gateway does not say, with the next check scheduled for a transaction that is
        stored, and `Contended` where others kept writing.
        """
        now, transaction_id = self.clock(), asked.transaction_id
        stored = self.transactions.lease_pull(asked, now, self.interval)
        if stored == "busy" or stored == "done":
            return stored
        if stored is None:
            return self._adopt(asked, now)
        try:
            truth = self.gateway.pull(transaction_id, now, stored.batchId)
        except GatewayError as error:
            later = timedelta(seconds=error.retry_after) if isinstance(error, GatewayUnavailable) else timedelta()
            self.transactions.apply(stored, reconciliation.wait(stored, now + later, self.policy, self.jitter()))
            raise
        for _ in range(_ATTEMPTS):
            if self._settle(stored, truth):
                return "pulled"
            again = self.transactions.get(transaction_id)
            if again is None:
                return "unknown"
            stored = again
        raise Contended(transaction_id)

    def is_scheduled(self, transaction_id: str) -> bool:
        """Whether a check of the transaction is due some time, so that nobody else has to ask again."""
        stored = self.transactions.get(transaction_id)
        return stored is not None and stored.nextCheckAt is not None

    def _settle(self, stored: Transaction, truth: Truth) -> bool:
        now = self.clock()
        change = reconciliation.decide(stored, truth, now, self.policy, self.jitter())
        auth_id = truth.smallcase_auth_id
        if auth_id is None or (stored.account is not None and stored.smallcaseAuthId == auth_id):
            return self.transactions.apply(stored, change)
        account = self.notes.standing(stored.notes, auth_id)
        broker = truth.broker or stored.broker
        named = {"smallcaseAuthId": auth_id, "broker": broker} if broker else {"smallcaseAuthId": auth_id}
        change = replace(
            change,
            set={**change.set, **named, "account": account},
            remove=change.remove - named.keys(),
            counts=change.counts or account != "known",
        )
        if account == "linked":
            return self.notes.link(stored, change, auth_id, broker, now)
        return self.transactions.apply(stored, change)

    def _adopt(self, asked: Pull, now: datetime) -> Outcome:
        """Take in a transaction of our gateway's that is not stored: made elsewhere, or our write was lost."""
        transaction_id = asked.transaction_id
        if not self.adoption_lease(asked.smallcase_auth_id or transaction_id, now, self.interval):
            return "deferred"
        try:
            truth = self.gateway.pull(transaction_id, now)
        except GatewayRefused as error:
            if error.is_about_us:  # that says nothing of the transaction
                raise
            return "unknown"
        owner = truth.notes
        if owner is None and truth.smallcase_auth_id is not None:
            owner = self.notes.owner_of(truth.smallcase_auth_id)
        if owner is None:
            # The Gateway's API may lag: whose it is shows with the orders at the latest.
            return "deferred" if truth.batch is None else "unknown"
        adopted = Transaction(
            transactionId=transaction_id,
            notes=owner,
            status=statuses.CREATED,
            version=1,
            createdAt=timestamp_text(truth.created_at or now),
            expireAt=timestamp_text(truth.expire_at or now),
            request=encode_request(truth.request or {}),
            nextCheckAt=timestamp_text(now),
            checkShard=check_shard(transaction_id),
            pulledAt=timestamp_text(now),
            doubtedAt=timestamp_text(now) if asked.doubted else None,
            adopted=True,
        )
        self.notes.create(adopted)
        stored = self.transactions.get(transaction_id)
        if stored is None:
            return "unknown"
        return "adopted" if self._settle(stored, truth) else "deferred"
