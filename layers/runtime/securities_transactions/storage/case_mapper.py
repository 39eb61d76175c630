"""The mapping between what people do about an open case and the attributes of its item.

docs/reference/storage-format.md describes them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from securities_transactions.domain.cases import (
    CaseWork,
    Comment,
    Evidence,
    Proposal,
    Resolution,
    ResolvedOrder,
    Statement,
)
from securities_transactions.domain.statuses import OrderStatus, Side
from securities_transactions.domain.times import parse_time, timestamp_text
from securities_transactions.storage.dynamodb import present


def of_work(work: CaseWork) -> dict[str, Any]:
    """The work on a case as it is stored."""
    proposal = work.proposal
    return present(
        {
            "changedAt": timestamp_text(work.changed_at),
            "claimedBy": work.claimed_by,
            "claimedAt": None if work.claimed_at is None else timestamp_text(work.claimed_at),
            "comments": [{"at": timestamp_text(c.at), "by": c.subject, "text": c.text} for c in work.comments] or None,
            "proposal": None
            if proposal is None
            else {**of_resolution(proposal.resolution), "version": proposal.version},
        }
    )


def to_work(stored: Mapping[str, Any]) -> CaseWork:
    """The work on a case; `KeyError`, `TypeError` or `ValueError` where it is not one."""
    proposal, claimed_at = stored.get("proposal"), stored.get("claimedAt")
    comments = tuple(Comment(_time(each["at"]), each["by"], each["text"]) for each in stored.get("comments", ()))
    return CaseWork(
        changed_at=_time(stored["changedAt"]),
        claimed_by=stored.get("claimedBy"),
        claimed_at=None if claimed_at is None else _time(claimed_at),
        comments=comments,
        proposal=None if proposal is None else Proposal(to_resolution(proposal), int(proposal["version"])),
    )


def of_resolution(resolution: Resolution) -> dict[str, Any]:
    """A resolution as it is stored."""
    return present(
        {
            "orders": [_of_order(each) for each in resolution.orders],
            "why": resolution.why,
            "evidence": resolution.evidence.value,
            "reference": resolution.reference,
            "by": resolution.subject,
            "at": timestamp_text(resolution.at),
            "approvedBy": resolution.approved_by,
        }
    )


def to_resolution(stored: Mapping[str, Any]) -> Resolution:
    """The resolution; `KeyError`, `TypeError` or `ValueError` where it is not one."""
    return Resolution(
        orders=tuple(_to_order(each) for each in stored["orders"]),
        why=stored["why"],
        evidence=Evidence(stored["evidence"]),
        reference=stored["reference"],
        subject=stored["by"],
        at=_time(stored["at"]),
        approved_by=stored.get("approvedBy"),
    )


def _of_order(order: ResolvedOrder) -> dict[str, Any]:
    against = order.against
    return present(
        {
            "tradingsymbol": order.tradingsymbol,
            "transactionType": order.side.value,
            "status": order.status.value,
            "quantity": order.quantity,
            "filledQuantity": order.filled_quantity,
            "averagePrice": order.average_price,
            "exchangeOrderId": order.exchange_order_id,
            "against": None
            if against is None
            else present(
                {
                    "status": against.status.value,
                    "filledQuantity": against.filled_quantity,
                    "averagePrice": against.average_price,
                }
            ),
        }
    )


def _to_order(stored: Mapping[str, Any]) -> ResolvedOrder:
    return ResolvedOrder(
        tradingsymbol=stored["tradingsymbol"],
        side=Side(stored["transactionType"]),
        status=OrderStatus(stored["status"]),
        quantity=int(stored["quantity"]),
        filled_quantity=int(stored["filledQuantity"]),
        average_price=stored.get("averagePrice"),
        exchange_order_id=stored.get("exchangeOrderId"),
        against=None if "against" not in stored else _to_statement(stored["against"]),
    )


def _to_statement(stored: Mapping[str, Any]) -> Statement:
    filled = stored.get("filledQuantity")
    return Statement(OrderStatus(stored["status"]), None if filled is None else int(filled), stored.get("averagePrice"))


def _time(text: Any) -> datetime:
    moment = parse_time(text)
    if moment is None:
        raise ValueError("not a time")
    return moment
