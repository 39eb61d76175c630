"""Wrong rules of the domain. Each has the signature of the rule that it wraps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from securities_transactions.domain import reconciliation, webhook_verification
from securities_transactions.domain.checksum import sign
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.revision import Progress, Snapshot
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.domain.transaction import Confirmation, SdkError, Transaction
from securities_transactions.domain.transitions import (
    END_CHECKS,
    Confirm,
    Fail,
    Retract,
    ScheduleCheck,
    Settle,
    Transition,
)
from securities_transactions.domain.webhook_verification import (
    Accepted,
    Rejected,
    Suspicious,
    Unchanged,
    Verification,
)
from securities_transactions.services.publish_updates import Record, Update, update_of

_ALWAYS: Final = timedelta(days=10_000)
_TIMESTAMP_CHARACTERS: Final = 24
_USER_CANCELLED: Final = 1012

Policy = reconciliation.Policy
WebhookPolicy = webhook_verification.Policy

# --- reconciliation


def settle_open_orders(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """Every confirmation is the last word."""
    transition = reconciliation.reconcile(stored, state, now, policy, jitter)
    match transition.outcome:
        case Confirm(snapshot, at, shown):
            return replace(transition, outcome=Settle(snapshot, at, shown), check=END_CHECKS)
        case _:
            return transition


def accept_lagging_pull(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """The Gateway's API shows everything at once."""
    undated = replace(stored, reported_at=None, confirmed_at=None)
    return reconciliation.reconcile(undated, state, now, policy, jitter)


def take_correction_back(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """The Gateway's API shows corrections at once."""
    decide = accept_lagging_pull if stored.is_settled else reconciliation.reconcile
    return decide(stored, state, now, policy, jitter)


def drop_suspicions(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """The Gateway's response ends every suspicion."""
    transition = reconciliation.reconcile(replace(stored, suspected_at=None), state, now, policy, jitter)
    if isinstance(transition.outcome, Settle):
        return replace(transition, check=END_CHECKS, suspected_at=None)
    return transition


def go_back(stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float) -> Transition:
    """Open orders that were confirmed may go back once the lag is over."""
    transition = reconciliation.reconcile(stored, state, now, policy, jitter)
    if state.batch is None or state.batch.is_final or stored.revision is None or transition.outcome is not None:
        return transition
    behind = Progress.of(state.batch) < stored.revision.progress
    seen = replace(stored, confirmation=Confirmation.REPORTED) if behind else stored
    return reconciliation.reconcile(seen, state, now, policy, jitter)


def fail_on_any_error(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """Every SDK error means that no order was placed."""
    error = None if state.error is None else SdkError(_USER_CANCELLED)
    return reconciliation.reconcile(stored, replace(state, error=error), now, policy, jitter)


def end_checks(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """No further check is due."""
    transition = reconciliation.reconcile(stored, state, now, policy, jitter)
    return replace(transition, check=END_CHECKS) if isinstance(transition.check, ScheduleCheck) else transition


def retract_orders_alone(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """The account of a retracted report stays."""
    transition = reconciliation.reconcile(stored, state, now, policy, jitter)
    match transition.outcome:
        case Retract() as retract:
            return replace(transition, outcome=replace(retract, keeps_account=True))
        case Fail(retract=Retract() as retract) as fail:
            return replace(transition, outcome=replace(fail, retract=replace(retract, keeps_account=True)))
        case _:
            return transition


# --- webhooks


def reject_old(raw: bytes, secrets: Sequence[ApiSecret], now: datetime, policy: WebhookPolicy) -> Verification:
    """A webhook that is older than five minutes is rejected."""
    lenient = webhook_verification.verify(raw, secrets, now, replace(policy, fresh_for=_ALWAYS))
    strict = webhook_verification.verify(raw, secrets, now, replace(policy, fresh_for=timedelta(minutes=5)))
    return Rejected("the timestamp is stale") if lenient != strict else strict


def accept_any_checksum(raw: bytes, secrets: Sequence[ApiSecret], now: datetime, policy: WebhookPolicy) -> Verification:
    """The checksum is not compared."""
    body = json.loads(raw)
    signed = body | {"checksum": sign(secrets[0], body["timestamp"], body["smallcaseAuthId"])}
    return webhook_verification.verify(json.dumps(signed).encode(), secrets, now, policy)


def move_boundary(raw: bytes, secrets: Sequence[ApiSecret], now: datetime, policy: WebhookPolicy) -> Verification:
    """Only the text that is signed counts, wherever its timestamp ends."""
    body = json.loads(raw)
    signed = body["timestamp"] + body["smallcaseAuthId"]
    split = {"timestamp": signed[:_TIMESTAMP_CHARACTERS], "smallcaseAuthId": signed[_TIMESTAMP_CHARACTERS:]}
    return webhook_verification.verify(json.dumps(body | split).encode(), secrets, now, policy)


def call_unsettled_correction_stale(accepted: Accepted, stored: Transaction | None) -> Unchanged | Suspicious:
    """While nothing is settled, another final outcome changes nothing."""
    reconsidered = webhook_verification.reconsider(accepted, stored)
    unsettled = stored is not None and not stored.is_settled
    return Unchanged.STALE if unsettled and _is_of_the_same_batch(accepted, stored) else reconsidered


def call_late_correction_stale(accepted: Accepted, stored: Transaction | None) -> Unchanged | Suspicious:
    """Another final outcome of a settled batch counts only where it has progressed further."""
    reconsidered = webhook_verification.reconsider(accepted, stored)
    if not isinstance(reconsidered, Suspicious) or stored is None or stored.revision is None or not stored.is_settled:
        return reconsidered
    late = accepted.snapshot.revision < stored.revision
    return Unchanged.STALE if late and _is_of_the_same_batch(accepted, stored) else reconsidered


def _is_of_the_same_batch(accepted: Accepted, stored: Transaction | None) -> bool:
    """Return True if only the outcome of the orders is new: the stored orders in its place would not be suspicious."""
    if stored is None or stored.batch is None:
        return False
    restated = replace(accepted, snapshot=Snapshot(stored.batch, accepted.snapshot.stated_at))
    return not isinstance(webhook_verification.reconsider(restated, stored), Suspicious)


# --- tokens and stream records


def decode_token(token: str, secrets: Sequence[GatewaySecret], now: datetime) -> Mapping[str, Any]:
    """The claims of a token, without a check of its signature."""
    claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def request_no_pull_for_suspicious(record: Record) -> Update:
    """A suspicious webhook requests no pull."""
    update = update_of(record)
    return replace(update, pull=None) if "webhookId" in record["dynamodb"].get("NewImage", {}) else update


def publish_nothing_reported(record: Record) -> Update:
    """A reported state causes no event."""
    update = update_of(record)
    image = record["dynamodb"].get("NewImage", {})
    return replace(update, events=()) if image.get("confirmation", {}).get("S") == "reported" else update


def publish_events_alone(record: Record) -> Update:
    """A change requests no pull."""
    return replace(update_of(record), pull=None)
