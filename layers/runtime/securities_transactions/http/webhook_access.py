"""Which requests for the webhook are looked at: by the segment of the URL, and by the address that they come from.

Neither proves anything, which the checksum alone does (docs/reference/gateway.md §4.2): they keep others from trying.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from securities_transactions.http.request import Request

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class UnknownSegment:
    """The URL is not one that the vendor was given."""


@dataclass(frozen=True)
class UnknownSource:
    """The request comes from elsewhere: from `network`, the caller's address cut to what names no person."""

    network: str | None


@dataclass(frozen=True)
class WebhookAccess:
    """`segments` are accepted after /webhooks/orders/, an empty one for the URL without any; no `sources` are all."""

    segments: Sequence[str]
    sources: Sequence[Network]

    def refusal(self, request: Request) -> UnknownSegment | UnknownSource | None:
        """Why `request` is not looked at, or `None`."""
        given = request.rest("segment")
        # Every segment is compared, in constant time: how long it takes tells nothing of them.
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
