"""Ingests webhooks: no genuine webhook is lost, and no forged one decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from securities_transactions.domain.cause import Cause, CauseKind
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
    webhook_id,
)
from securities_transactions.gateway.secrets import ReadSecrets, Role
from securities_transactions.storage.counters import WebhookCounts
from securities_transactions.storage.transactions import Transactions, Written
from securities_transactions.storage.webhooks import Webhooks

# Enough to find a webhook by; the whole id would cost a write unit where a basket's item is just small enough.
WEBHOOK_ID_CHARACTERS: Final = 32

Verify = Callable[[bytes, Sequence[ApiSecret], datetime, Policy], Verification]
Reconsider = Callable[[Accepted, Transaction | None], Unchanged | Suspicious]


class IngestStatus(StrEnum):
    """The outcome of a webhook."""

    REJECTED = "rejected"
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    STALE = "stale"
    STORED = "stored"
    DROPPED = "dropped"
    """Too many webhooks with the same timestamp and checksum were stored. A pull is requested anyway."""


Outcome = tuple[Verification, IngestStatus]


@dataclass(frozen=True)
class Ingested:
    """The result of a webhook: its verification, its status, and the API secret that signed it, if genuine.

    `webhook_id` is its id, which is made of the body as received.
    """

    verification: Verification
    status: IngestStatus
    webhook_id: str
    api_secret: Role | None = None


@dataclass(frozen=True)
class IngestWebhook:
    """Ingests webhooks under the `confirm` policy.

    `clock` returns aware UTC, `owner_of` the user of a smallcaseAuthId. `verify` and `reconsider` are the domain's
    rules.
    """

    transactions: Transactions
    webhooks: Webhooks
    webhook_counts: WebhookCounts
    owner_of: Callable[[str], str | None]
    read_secrets: ReadSecrets
    policy: Policy
    confirm: ConfirmPolicy
    clock: Callable[[], datetime]
    verify: Verify = verify
    reconsider: Reconsider = reconsider

    def ingest(self, raw: bytes, request_id: str | None = None) -> Ingested:
        """Verify a body as received, then report it, store it or reject it; one write decides.

        `request_id` is that of the request.
        """
        now, secrets, id_ = self.clock(), self.read_secrets(), webhook_id(raw)
        verification = self.verify(raw, secrets.api_keys, now, self.policy)
        if isinstance(verification, Rejected) and verification.mismatch:
            secrets = self.read_secrets(fresh=True)
            verification = self.verify(raw, secrets.api_keys, now, self.policy)
        if isinstance(verification, Rejected):
            return Ingested(verification, IngestStatus.REJECTED, id_)
        if isinstance(verification, Accepted):
            cause = Cause(kind=CauseKind.WEBHOOK, request_id=request_id, webhook_id=id_[:WEBHOOK_ID_CHARACTERS])
            verified, status = self._report(raw, verification, now, cause)
        else:
            verified, status = self._store(raw, verification, now)
        return Ingested(verified, status, id_, secrets.role(verification.signer))

    def _report(self, raw: bytes, accepted: Accepted, now: datetime, cause: Cause) -> Outcome:
        report = Report.under(
            self.confirm,
            accepted.snapshot,
            transaction_id=accepted.transaction_id,
            smallcase_auth_id=accepted.smallcase_auth_id,
            broker=accepted.broker,
            user_id=accepted.user_id,
            source=Source.WEBHOOK,
            at=now,
            cause=cause,
        )
        written = self.transactions.report(report)
        if isinstance(written, Written):
            return accepted, IngestStatus.ACCEPTED
        match self.reconsider(accepted, written.stored):
            case Suspicious() as suspicious:
                return self._store(raw, suspicious, now)
            case Unchanged.DUPLICATE:
                return accepted, IngestStatus.DUPLICATE
            case Unchanged.STALE:
                return accepted, IngestStatus.STALE
            case Unchanged.RESTATED:
                # If a newer report was written in between, there is nothing left to restate.
                restated = self.transactions.restate(report)
                return accepted, IngestStatus.DUPLICATE if restated else IngestStatus.STALE

    def _store(self, raw: bytes, verified: Suspicious | Unrelated, now: datetime) -> Outcome:
        if not self.webhook_counts.count(verified.proof, now):
            if isinstance(verified, Suspicious) and verified.transaction_id is not None:
                self.transactions.suspect(verified.transaction_id, now)
            return verified, IngestStatus.DROPPED
        if isinstance(verified, Unrelated) and not self._owns(verified.user_id, verified.smallcase_auth_id):
            verified = replace(verified, user_id=None)
        new = self.webhooks.store(raw, verified, now)
        return verified, IngestStatus.STORED if new else IngestStatus.DUPLICATE

    def _owns(self, user_id: str | None, smallcase_auth_id: str | None) -> bool:
        """True if the signed account belongs to the user. The checksum does not cover the user."""
        if user_id is None or smallcase_auth_id is None:
            return False
        return self.owner_of(smallcase_auth_id) == user_id
