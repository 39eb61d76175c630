"""What a webhook is worth: refuse, report, doubt or keep (docs/guarantees.md has the table).

`judge` looks at the body alone. The rest of the verdict needs what is stored and comes from the one conditional write:
`reconsider` reads it off the item that made the condition fail.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import ValidationError

from securities_transactions.domain import checksum
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.order_config import MOST_NOTES_CHARACTERS
from securities_transactions.domain.orders import batch_of
from securities_transactions.domain.revision import Snapshot, digest_of, material
from securities_transactions.domain.transaction import Transaction
from securities_transactions.gateway.secrets import ApiSecret

# A hundred orders have forty thousand bytes; what fits here fits an item and, without its orders, an event.
MOST_BYTES: Final = 100_000
_MOST_BROKER_CHARACTERS: Final = 64
# Whatever has one of these claims to be about an order, so the truth is asked for where it is no good one.
_OF_AN_ORDER: Final = frozenset({"batchId", "orders", "unplaced"})
TRANSACTION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)

Kind = Literal["HOLDINGS_IMPORT", "MF_HOLDINGS_IMPORT", "PENDING_ACTION", "UNKNOWN"]


@dataclass(frozen=True)
class Policy:
    """How strictly webhooks are read.

    A timestamp older than `fresh_for` is doubted, not refused: the vendor retries after 15 minutes, a day and two days
    and may not sign again (docs/gateway.md §4.1), and a pull tells the truth in any case.
    """

    auth_id: re.Pattern[str]
    fresh_for: timedelta = timedelta(minutes=15)
    ahead_by: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Refuse:
    """Not from the Gateway, or not shown to be: nothing is stored. `reason` is safe to answer and to log.

    `mismatch` where all parts have their form and the checksum is wrong: the secret may have changed.
    """

    reason: str
    mismatch: bool = False


@dataclass(frozen=True)
class Report:
    """Genuine and, as far as the body tells, consistent: the snapshot is written if the table agrees."""

    transaction_id: str
    smallcase_auth_id: str
    snapshot: Snapshot
    broker: str | None = None
    notes: str | None = None


@dataclass(frozen=True)
class Doubt:
    """A genuine checksum and any doubt: kept verbatim, changes nothing, pulls the truth of `transaction_id`."""

    reason: str
    transaction_id: str | None
    smallcase_auth_id: str | None = None


@dataclass(frozen=True)
class Keep:
    """Genuine and not about a securities order: kept and published as what it is."""

    kind: Kind
    transaction_id: str | None
    smallcase_auth_id: str | None
    notes: str | None


Verdict = Refuse | Report | Doubt | Keep


def judge(raw: bytes, secrets: Sequence[ApiSecret], now: datetime, policy: Policy) -> Verdict:
    """The verdict on a webhook body as received, at `now` (aware)."""
    try:
        body = loads(raw)
    except ValueError:
        return Refuse("the body is not JSON, so it carries no checksum")
    if not isinstance(body, dict):
        return Refuse("the body is not a JSON object, so it carries no checksum")

    timestamp, auth_id, mark = (_text(body, key) for key in ("timestamp", "smallcaseAuthId", "checksum"))
    transaction_id = _text(body, "transactionId")
    if transaction_id is not None and not TRANSACTION_ID.fullmatch(transaction_id):
        transaction_id = None
    moment = checksum.parse_timestamp(timestamp or "")
    if timestamp is None or moment is None:
        return Refuse("timestamp is missing or not of the form 2026-01-15T04:30:12.345Z")
    if "smallcaseAuthId" in body:
        if auth_id is None or not policy.auth_id.fullmatch(auth_id):
            return Refuse("smallcaseAuthId is not of the agreed form")
        subject = auth_id
    elif transaction_id is not None:
        # Mutual fund holdings are signed with the transactionId in the place of the smallcaseAuthId.
        subject = transaction_id
    else:
        return Refuse("smallcaseAuthId is missing")
    if mark is None:
        return Refuse("checksum is missing")
    if not checksum.is_genuine(secrets, timestamp, subject, mark):
        return Refuse("checksum does not match", mismatch=True)

    notes, broker = _text(body, "notes"), _text(body, "broker")
    if notes is not None and len(notes) > MOST_NOTES_CHARACTERS:
        notes = None
    if auth_id is None or not body.keys() & _OF_AN_ORDER:
        return Keep(_kind(body, auth_id), transaction_id, auth_id, notes)
    if transaction_id is None:
        return Doubt("no transactionId", None, auth_id)
    if body.get("notes") is not None and notes is None:
        return Doubt("notes is not a text of ours", transaction_id, auth_id)
    if len(raw) > MOST_BYTES or len(broker or "") > _MOST_BROKER_CHARACTERS:
        return Doubt("too large for a batch of orders", transaction_id, auth_id)
    if not now - policy.fresh_for <= moment <= now + policy.ahead_by:
        return Doubt("timestamp is stale or ahead", transaction_id, auth_id)
    try:
        batch = batch_of(body)
    except ValidationError as error:
        fields = sorted({".".join(str(part) for part in problem["loc"]) for problem in error.errors()})
        return Doubt(f"not a batch of orders: {', '.join(fields)[:200]}", transaction_id, auth_id)
    if not batch.orders and not batch.unplaced:
        return Doubt("a batch without orders", transaction_id, auth_id)
    return Report(transaction_id, auth_id, Snapshot(batch, timestamp), broker, notes)


Reconsidered = Literal["duplicate", "stale", "touch"] | Doubt


def reconsider(report: Report, stored: Transaction | None) -> Reconsidered:
    """Why the conditional write of `report` was refused, from the item that was `stored` at that moment.

    "duplicate" and "stale" change nothing. "touch" is the same content said later: only its revision moves on.
    """

    def doubt(reason: str) -> Doubt:
        return Doubt(reason, report.transaction_id, report.smallcase_auth_id)

    if stored is None:
        return doubt("a transaction that is not stored")
    if stored.smallcaseAuthId not in (None, report.smallcase_auth_id):
        return doubt("another smallcaseAuthId than this transaction's")
    if report.notes not in (None, stored.notes):
        return doubt("other notes than this transaction's")
    if stored.batchId not in (None, report.snapshot.batch.batchId):
        return doubt("another batch than this transaction's")
    revision = report.snapshot.revision
    if stored.revision is None or revision == stored.revision:
        return "duplicate"
    if stored.is_settled:
        if stored.snapshot is not None and material(stored.snapshot) == material(report.snapshot.batch):
            return "duplicate"
        # An open state of a settled batch is a late retry; another final one may correct it, downwards too.
        return doubt("contradicts what is settled") if report.snapshot.batch.is_final else "stale"
    known, batch = stored.snapshot, report.snapshot.batch
    if known is not None and known.is_final and batch.is_final and material(known) != material(batch):
        return doubt("another final outcome than the one reported")
    if revision < stored.revision:
        return "stale"
    return "touch" if report.snapshot.digest == digest_of(stored.revision) else "stale"


def webhook_id(raw: bytes) -> str:
    """The name a kept webhook is stored under: equal bodies are kept once."""
    return hashlib.sha256(raw).hexdigest()


def _text(body: dict[str, Any], key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) else None


def _kind(body: dict[str, Any], auth_id: str | None) -> Kind:
    """Which other kind of webhook this is (docs/gateway.md §4.4)."""
    if auth_id is None or body.get("intent") == "MF_HOLDINGS_IMPORT":
        return "MF_HOLDINGS_IMPORT"
    if "securities" in body or "smallcases" in body:
        return "HOLDINGS_IMPORT"
    return "PENDING_ACTION" if body.keys() & {"iscid", "scid"} else "UNKNOWN"
