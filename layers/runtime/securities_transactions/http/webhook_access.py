"""Admission of webhook requests by the segment of the URL and by the source address.

Neither proves anything; only the checksum does (docs/reference/gateway.md §4.2). They keep other senders from trying.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from securities_transactions.http.request import Request

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class UnknownSegment:
    """The URL is not one that was given to the vendor."""


@dataclass(frozen=True)
class UnknownSource:
    """The source address is not allowed. `network` is the address, cut so that it identifies no person."""

    network: str | None


@dataclass(frozen=True)
class WebhookAccess:
    """The admission rules for webhook requests.

    `segments` are accepted after /webhooks/orders/; an empty one accepts the URL without a segment. Empty `sources`
    accept every address.
    """

    segments: Sequence[str]
    sources: Sequence[Network]

    def refusal(self, request: Request) -> UnknownSegment | UnknownSource | None:
        """The reason why `request` is not admitted, or `None`."""
        given = request.rest("segment")
        # Every segment is compared in constant time, so the duration reveals nothing about them.
        accepted = [hmac.compare_digest(given.encode(), each.encode()) for each in self.segments]
        if not any(accepted):
            return UnknownSegment()
        if not self.sources:
            return None
        address = request.source_address
        if address is not None and any(address in each for each in self.sources):
            return None
        return UnknownSource(None if address is None else _cut(address))


def _cut(address: IPv4Address | IPv6Address) -> str:
    length = 48 if isinstance(address, IPv6Address) else 24
    return str(ip_network(f"{address}/{length}", strict=False))
