"""Ingesting a webhook: nothing genuine is lost, nothing forged decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from securities_transactions.domain.secrets import ApiSecret
from securities_transactions.domain.transaction import ConfirmPolicy, Source, Transaction
from securities_transactions.domain.transitions import Report
from securities_transactions.domain.webhook_verification import (
    Accepted,
    Policy,
    Rejected,
    Suspicious,
    Unchanged,
    Unrelated,
    Verification,
    reconsider,
    verify,
)
from securities_transactions.gateway.secrets import ReadSecrets
from securities_transactions.storage.transactions import Transactions, Written
from securities_transactions.storage.webhooks import Webhooks

Verify = Callable[[bytes, Sequence[ApiSecret], datetime, Policy], Verification]
Reconsider = Callable[[Accepted, Transaction | None], Unchanged | Suspicious]


class IngestStatus(StrEnum):
    """What became of a webhook."""

    REJECTED = "rejected"
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    STALE = "stale"
    STORED = "stored"


@dataclass(frozen=True)
class Ingested:
    """What a webhook was worth in the end, and what became of it."""

    verification: Verification
    status: IngestStatus


@dataclass(frozen=True)
class IngestWebhook:
    """Ingests webhooks under the `confirm` policy. `clock` gives aware UTC.

    `verify` and `reconsider` are the domain's rules.
    """

    transactions: Transactions
    webhooks: Webhooks
    read_secrets: ReadSecrets
    policy: Policy
    confirm: ConfirmPolicy
    clock: Callable[[], datetime]
    verify: Verify = verify
    reconsider: Reconsider = reconsider

    def ingest(self, raw: bytes) -> Ingested:
        """Verify a body as received, then report it, store it or reject it; one write decides."""
        now = self.clock()
        verification = self.verify(raw, self.read_secrets().webhook_keys, now, self.policy)
        if isinstance(verification, Rejected) and verification.mismatch:
            verification = self.verify(raw, self.read_secrets(fresh=True).webhook_keys, now, self.policy)
        match verification:
            case Rejected():
                return Ingested(verification, IngestStatus.REJECTED)
            case Accepted():
                return self._report(raw, verification, now)
            case Suspicious() | Unrelated():
                return self._store(raw, verification, now)

    def _report(self, raw: bytes, accepted: Accepted, now: datetime) -> Ingested:
        report = Report.under(
            self.confirm,
            accepted.snapshot,
            transaction_id=accepted.transaction_id,
            smallcase_auth_id=accepted.smallcase_auth_id,
            broker=accepted.broker,
            user_id=accepted.user_id,
            source=Source.WEBHOOK,
            at=now,
        )
        written = self.transactions.report(report)
        if isinstance(written, Written):
            return Ingested(accepted, IngestStatus.ACCEPTED)
        match self.reconsider(accepted, written.stored):
            case Suspicious() as suspicious:
                return self._store(raw, suspicious, now)
            case Unchanged.DUPLICATE:
                return Ingested(accepted, IngestStatus.DUPLICATE)
            case Unchanged.STALE:
                return Ingested(accepted, IngestStatus.STALE)
            case Unchanged.RESTATED:
                # Overtaken by something newer in between: then there is nothing left to restate.
                restated = self.transactions.restate(report)
                return Ingested(accepted, IngestStatus.DUPLICATE if restated else IngestStatus.STALE)

    def _store(self, raw: bytes, verified: Suspicious | Unrelated, now: datetime) -> Ingested:
        new = self.webhooks.store(raw, verified, now)
        return Ingested(verified, IngestStatus.STORED if new else IngestStatus.DUPLICATE)
