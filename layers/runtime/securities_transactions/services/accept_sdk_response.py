"""What follows from an SDK's response: the account is linked, the orders are reported, the Gateway is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from securities_transactions.domain.reconciliation import Change
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.sdk_response import Rejected, Resolved
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.domain.webhook_verification import Report
from securities_transactions.storage.transactions import Contended
from securities_transactions.storage.users import Notes

_ATTEMPTS: Final = 4


@dataclass(frozen=True)
class Signals:
    """Takes signals; `confirm` is the CONFIRM setting."""

    notes: Notes
    confirm: str

    def rejected(self, transaction: Transaction, said: Rejected, now: datetime) -> None:
        """Keep the SDK's error and ask the Gateway. The error alone never fails a transaction."""
        self.notes.transactions.request_pull(transaction.transactionId, now, said.error())

    def resolved(self, transaction: Transaction, said: Resolved, now: datetime) -> None:
        """Link the account that the verified token names, ask the Gateway, and report the batch the SDK showed.

        The first write is complete without the second: the pull that it asks for brings the orders in any case.
        """
        stored: Transaction | None = transaction
        for _ in range(_ATTEMPTS):
            if stored is None or self._link(stored, said, now):
                break
            stored = self.notes.transactions.get(transaction.transactionId)
        else:
            raise Contended(transaction.transactionId)
        if said.batch is not None:
            snapshot = Snapshot(said.batch, timestamp_text(now))
            report = Report(transaction.transactionId, said.smallcase_auth_id, snapshot, said.broker)
            # Whatever is believed of webhooks: what a browser says never settles anything.
            confirm = "final" if self.confirm == "none" else self.confirm
            self.notes.transactions.report(report, now, confirm=confirm, source="sdk")

    def _link(self, stored: Transaction, said: Resolved, now: datetime) -> bool:
        auth_id = said.smallcase_auth_id
        asks: dict[str, Any] = {"pullRequestedAt": timestamp_text(now)}
        if stored.account is not None or stored.smallcaseAuthId not in (None, auth_id):
            # Linked already, or the orders are another account's than the token's: the Gateway has to say whose.
            return self.notes.transactions.apply(stored, Change(asks))
        account = self.notes.standing(stored.notes, auth_id)
        said_of = {**asks, "smallcaseAuthId": auth_id, "account": account}
        if said.broker:
            said_of["broker"] = said.broker
        change = Change(said_of, counts=account != "known")
        if account == "linked":
            return self.notes.link(stored, change, auth_id, said.broker, now)
        return self.notes.transactions.apply(stored, change)
