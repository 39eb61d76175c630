"""Verification of webhooks: rejected, accepted, suspicious or unrelated (docs/reference/guarantees.md has the table).

`verify` uses only the body. `reconsider` uses the stored transaction, after the conditional write of an accepted
webhook has failed.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal

from pydantic import ValidationError

from securities_transactions.domain import checksum
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.order_config import MOST_NOTES_CHARACTERS
from securities_transactions.domain.order_reading import batch_of
from securities_transactions.domain.revision import Snapshot, financial_fingerprint
from securities_transactions.domain.secrets import ApiSecret
from securities_transactions.domain.times import parse_time
from securities_transactions.domain.transaction import TRANSACTION_ID, Confirmation, Transaction

# A hundred orders take about 40 KB. A body within this limit fits an item and, without its orders, an event.
MOST_BYTES: Final = 100_000
_MOST_BROKER_CHARACTERS: Final = 64
_MOST_TIMESTAMP_CHARACTERS: Final = 64
# A body with one of these is about an order. If the body is not usable, the Gateway is pulled.
_OF_AN_ORDER: Final = frozenset({"batchId", "orders", "unplaced"})

Kind = Literal["HOLDINGS_IMPORT", "MF_HOLDINGS_IMPORT", "PENDING_ACTION", "UNKNOWN"]


@dataclass(frozen=True)
class Policy:
    """Limits of webhook verification.

    A webhook with a timestamp older than `fresh_for` is suspicious, not rejected: the vendor retries after 15 minutes,
    a day and two days and may not sign again (docs/reference/gateway.md §4.1), and a pull decides in any case.
    """

    auth_id: re.Pattern[str]
    fresh_for: timedelta = timedelta(minutes=15)
    ahead_by: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Rejected:
    """Not shown to come from the Gateway. It is not stored. `reason` is safe to return and to log.

    `mismatch` is True if every part has its form and the checksum is wrong: the secret may have changed.
    """

    reason: str
    mismatch: bool = False


@dataclass(frozen=True)
class Accepted:
    """Genuine and, judging by the body, consistent. The snapshot is written if the stored transaction agrees."""

    transaction_id: str
    smallcase_auth_id: str
    snapshot: Snapshot
    broker: str | None = None
    user_id: str | None = None
    proof: str = field(default="", compare=False)
    signer: ApiSecret | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Suspicious:
    """A genuine checksum, but a reason to doubt the body. It is stored verbatim, changes nothing, and causes a pull."""

    reason: str
    transaction_id: str | None
    smallcase_auth_id: str | None = None
    proof: str = field(default="", compare=False)
    signer: ApiSecret | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Unrelated:
    """Genuine and not about a securities order. It is stored and published with its kind."""

    kind: Kind
    transaction_id: str | None
    smallcase_auth_id: str | None
    user_id: str | None
    proof: str = field(default="", compare=False)
    signer: ApiSecret | None = field(default=None, compare=False)


Verification = Rejected | Accepted | Suspicious | Unrelated


def verify(raw: bytes, secrets: Sequence[ApiSecret], now: datetime, policy: Policy) -> Verification:
    """Verify a webhook body as received, at `now` (aware).

    The `proof` of a genuine webhook identifies its timestamp, subject and checksum: the sender can reuse them for any
    number of bodies. Its `signer` is the one of `secrets` that signed it.
    """
    try:
        body = loads(raw)
    except ValueError:
        return Rejected("the body is not JSON, so it carries no checksum")
    if not isinstance(body, dict):
        return Rejected("the body is not a JSON object, so it carries no checksum")

    timestamp, auth_id, mark = _timestamp(body), _text(body, "smallcaseAuthId"), _text(body, "checksum")
    transaction_id = _text(body, "transactionId")
    if transaction_id is not None and not TRANSACTION_ID.fullmatch(transaction_id):
        transaction_id = None
    if timestamp is None:
        return Rejected("timestamp is missing")
    if "smallcaseAuthId" in body:
        if auth_id is None or not policy.auth_id.fullmatch(auth_id):
            return Rejected("smallcaseAuthId is not of the agreed form")
        subject = auth_id
    elif transaction_id is not None:
        # Mutual fund holdings are signed with the transactionId instead of the smallcaseAuthId.
        if not checksum.has_documented_form(timestamp):
            return Rejected("timestamp is not of the form 2026-01-15T04:30:12.345Z")
        subject = transaction_id
    else:
        return Rejected("smallcaseAuthId is missing")
    if mark is None:
        return Rejected("checksum is missing")
    signer = checksum.signer(secrets, timestamp, subject, mark)
    if signer is None:
        return Rejected("checksum does not match", mismatch=True)
    proof = hashlib.sha256(mark.lower().encode()).hexdigest()[:32]
    found = _of_genuine(body, len(raw), timestamp, auth_id, transaction_id, now, policy)
    return replace(found, proof=proof, signer=signer)


def _of_genuine(
    body: dict[str, Any],
    size: int,
    timestamp: str,
    auth_id: str | None,
    transaction_id: str | None,
    now: datetime,
    policy: Policy,
) -> Accepted | Suspicious | Unrelated:
    user_id, broker = _text(body, "notes"), _text(body, "broker")
    if user_id is not None and len(user_id) > MOST_NOTES_CHARACTERS:
        user_id = None
    moment = parse_time(timestamp)
    if auth_id is None or not body.keys() & _OF_AN_ORDER:
        if moment is None or not _is_fresh(moment, now, policy):
            return Suspicious(_age(moment), transaction_id, auth_id)
        return Unrelated(_kind(body, auth_id), transaction_id, auth_id, user_id)
    if transaction_id is None:
        return Suspicious("no transactionId", None, auth_id)
    if body.get("notes") is not None and user_id is None:
        return Suspicious("notes is not a valid user id", transaction_id, auth_id)
    if size > MOST_BYTES or len(broker or "") > _MOST_BROKER_CHARACTERS:
        return Suspicious("too large for a batch of orders", transaction_id, auth_id)
    if moment is None or not _is_fresh(moment, now, policy):
        return Suspicious(_age(moment), transaction_id, auth_id)
    try:
        batch = batch_of(body)
    except ValidationError as error:
        fields = sorted({".".join(str(part) for part in problem["loc"]) for problem in error.errors()})
        return Suspicious(f"not a batch of orders: {', '.join(fields)[:200]}", transaction_id, auth_id)
    if not batch.orders and not batch.unplaced:
        return Suspicious("a batch without orders", transaction_id, auth_id)
    if batch.contradicts_itself:
        return Suspicious("an order that cannot be read or contradicts itself", transaction_id, auth_id)
    return Accepted(transaction_id, auth_id, Snapshot(batch, moment), broker, user_id)


class Unchanged(Enum):
    """The reason why an accepted webhook changes nothing that consumers see."""

    DUPLICATE = "duplicate"
    STALE = "stale"
    RESTATED = "restated"
    """The same content with a later timestamp: only the revision advances."""


def reconsider(accepted: Accepted, stored: Transaction | None) -> Unchanged | Suspicious:
    """The reason why the conditional write of `accepted` failed, given the transaction `stored` at that moment."""

    def suspicious(reason: str) -> Suspicious:
        return Suspicious(reason, accepted.transaction_id, accepted.smallcase_auth_id, accepted.proof, accepted.signer)

    if stored is None:
        return suspicious("a transaction that is not stored")
    if stored.smallcase_auth_id not in (None, accepted.smallcase_auth_id):
        return suspicious("another smallcaseAuthId than this transaction's")
    if accepted.user_id not in (None, stored.user_id):
        return suspicious("other notes than this transaction's")
    if stored.batch_id not in (None, accepted.snapshot.batch.batchId):
        return suspicious("another batch than this transaction's")
    revision, known, batch = accepted.snapshot.revision, stored.batch, accepted.snapshot.batch
    if stored.revision is None or revision == stored.revision:
        return Unchanged.DUPLICATE
    same = known is not None and financial_fingerprint(known) == financial_fingerprint(batch)
    if stored.is_settled:
        if same:
            return Unchanged.DUPLICATE
        # An older open state is a late retry. A newer one, or another final one, may be a correction, also downwards.
        newer = stored.confirmed_at is None or accepted.snapshot.stated_at > stored.confirmed_at
        return suspicious("contradicts what is settled") if batch.is_final or newer else Unchanged.STALE
    if known is not None and known.is_final and batch.is_final and not same:
        return suspicious("another final outcome than the one reported")
    if revision.digest == stored.revision.digest:
        return Unchanged.RESTATED if revision > stored.revision else Unchanged.STALE
    if (revision.progress, revision.stated_at) == (stored.revision.progress, stored.revision.stated_at):
        return suspicious("another state under the same timestamp")
    if revision < stored.revision and stored.confirmation is Confirmation.REPORTED:
        # A reported state may be forged, so it cannot prove another report stale.
        return suspicious("older than what is only reported")
    return Unchanged.STALE


def _is_fresh(moment: datetime, now: datetime, policy: Policy) -> bool:
    """True if it was signed a moment ago. An older webhook may be replayed by anyone who has seen it."""
    return now - policy.fresh_for <= moment <= now + policy.ahead_by


def _age(moment: datetime | None) -> str:
    return "timestamp cannot be read" if moment is None else "timestamp is stale or ahead"


def webhook_id(raw: bytes) -> str:
    """The id under which a webhook is stored. Equal bodies have equal ids."""
    return hashlib.sha256(raw).hexdigest()


def _text(body: dict[str, Any], key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) else None


def _timestamp(body: dict[str, Any]) -> str | None:
    """The signed characters of the timestamp. A number is signed as written."""
    value = body.get("timestamp")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and 0 < len(value) <= _MOST_TIMESTAMP_CHARACTERS else None


def _kind(body: dict[str, Any], auth_id: str | None) -> Kind:
    """The kind of an unrelated webhook (docs/reference/gateway.md §4.4)."""
    if auth_id is None or body.get("intent") == "MF_HOLDINGS_IMPORT":
        return "MF_HOLDINGS_IMPORT"
    if "securities" in body or "smallcases" in body:
        return "HOLDINGS_IMPORT"
    return "PENDING_ACTION" if body.keys() & {"iscid", "scid"} else "UNKNOWN"
