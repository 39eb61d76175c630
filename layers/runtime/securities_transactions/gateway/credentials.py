"""The stored secrets that the Gateway accepts in our calls during a rotation (docs/reference/gateway.md §5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from securities_transactions import logging
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway.secrets import GatewaySecrets, ReadSecrets

_logger = logging.logger()


@dataclass(frozen=True)
class Credentials:
    """The API secret of a call, and the gateway secret that signs its token."""

    api: ApiSecret
    gateway: GatewaySecret


class CredentialsInUse:
    """The pair that the Gateway accepted last, out of the stored secrets. Initially the current ones."""

    def __init__(self, read_secrets: ReadSecrets) -> None:
        self.read_secrets = read_secrets
        self._accepted: tuple[GatewaySecrets, Credentials] | None = None

    @property
    def first(self) -> Credentials:
        """The pair to call with."""
        stored = self.read_secrets()
        if self._accepted is not None and self._accepted[0] == stored:
            return self._accepted[1]
        return Credentials(stored.api, stored.gateway)

    def others(self, refused: Credentials) -> Sequence[Credentials]:
        """The pairs to try after the Gateway `refused` one. Reads the secrets again.

        One secret is changed at a time, so a pair has at most one that is not the current one.
        """
        stored = self.read_secrets(fresh=True)
        pairs = [Credentials(api, stored.gateway) for api in stored.api_keys]
        pairs += [Credentials(stored.api, gateway) for gateway in stored.gateway_keys[1:]]
        return [pair for pair in dict.fromkeys(pairs) if pair != refused]

    def accepted(self, credentials: Credentials) -> None:
        """Record that the Gateway accepted `credentials`: they are used first until the secret changes."""
        stored = self.read_secrets()
        if self._accepted == (stored, credentials):
            return
        _logger.info(
            "the gateway accepts our credentials",
            api_secret=stored.role(credentials.api),
            gateway_secret=stored.role(credentials.gateway),
        )
        self._accepted = stored, credentials
