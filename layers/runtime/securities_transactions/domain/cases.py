"""Open cases: transactions that need a person, and what people do about them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.domain.statuses import OrderStatus, Side

MOST_COMMENTS: Final = 10
"""How many comments are stored with a case, the latest. The history has all of them."""


@dataclass(frozen=True)
class CaseKey:
    """An entry of the index of open cases. `since` is the time as stored."""

    since: str
    transaction_id: str


class Evidence(StrEnum):
    """The document that a resolution rests on."""

    TRADEBOOK = "tradebook"
    CONTRACT_NOTE = "contract note"
    VENDOR_TICKET = "vendor ticket"


@dataclass(frozen=True)
class Comment:
    """A person's comment on a case. `at` is aware UTC."""

    at: datetime
    subject: str
    text: str


@dataclass(frozen=True)
class Statement:
    """The Gateway's own statement of an order when it was resolved."""

    status: OrderStatus
    filled_quantity: int | None
    average_price: Decimal | None


@dataclass(frozen=True, kw_only=True)
class ResolvedOrder:
    """A person's statement of one order. Quantities are in shares, the price in rupees per share.

    `against` is the Gateway's statement at the time; `None` where it showed no such order.
    """

    tradingsymbol: str
    side: Side
    status: OrderStatus
    quantity: int
    filled_quantity: int
    average_price: Decimal | None = None
    exchange_order_id: str | None = None
    against: Statement | None = None


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """A person's statement of each order that the Gateway cannot state.

    `why` is in words, `evidence` the document that it rests on, `reference` its number or name. `subject` is the person
    who made it, at `at` (aware UTC), `approved_by` a second one.
    """

    orders: tuple[ResolvedOrder, ...]
    why: str
    evidence: Evidence
    reference: str
    subject: str
    at: datetime
    approved_by: str | None = None


@dataclass(frozen=True)
class Proposal:
    """A resolution that waits for a second person. It holds for one version of the transaction."""

    resolution: Resolution
    version: int

    @property
    def id(self) -> str:
        """An id of the content: the approval names what it approves."""
        known = self.resolution
        orders = [
            [each.tradingsymbol, each.side, each.status, each.filled_quantity, each.average_price]
            for each in known.orders
        ]
        text = dumps([self.version, known.subject, known.why, known.evidence, known.reference, orders])
        return sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class CaseWork:
    """The work of people on an open case. `changed_at` (aware UTC) is when they last did anything."""

    changed_at: datetime
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    comments: tuple[Comment, ...] = ()
    proposal: Proposal | None = None
