"""How a call to the Gateway fails. Apart from the client, so that who only answers for it need not load httpx.

GatewayError
├── GatewayRefused        the Gateway answered no: its status and errors are in it
├── GatewayMisconfigured  a setting of ours is wrong: the message names it
└── GatewayUnavailable    the Gateway is down, slow or limiting: try again later
    ├── NotTheGateway     a response without the Gateway's envelope: a proxy's page, a redirect, a wrong address
    └── GatewayUnreadable the Gateway's own answer, and no reader of ours understands it
"""

from typing import Final

RETRY_AFTER_SECONDS: Final = 5
# Texts of the Gateway for a wrong name or a wrong token, in lower case, under any status (docs/reference/gateway.md).
_ABOUT_US: Final = frozenset({"invalid gateway", "invalid jwt", "invalid_gateway", "invalid_jwt"})


class GatewayError(Exception):
    """The Gateway did not do what was asked.

    `is_about_us` where the cause is a credential or setting of ours: nothing follows for the transaction.
    `needs_operator` where repeating the call does not help: an operator has to act.
    """

    is_about_us = False

    @property
    def needs_operator(self) -> bool:
        """Whether an operator has to act."""
        return self.is_about_us


class GatewayRefused(GatewayError):
    """The Gateway answered no. `status` is its HTTP status, `errors` its texts, `error_type` its class of error.

    `is_about_us` where it refused our credentials. The texts are for who asked, not for logs, and so no part of the
    message: they may repeat what was sent.
    """

    def __init__(
        self, status: int, errors: tuple[str, ...], error_type: str | None, *, is_about_us: bool = False
    ) -> None:
        self.is_about_us = is_about_us or any(error.strip().lower() in _ABOUT_US for error in errors)
        refused = "refuses our credentials" if self.is_about_us else "refused"  # an alarm counts the former
        check = ": check apiSecret and gatewaySecret in the secret, and GatewayName" if self.is_about_us else ""
        super().__init__(f"the Gateway {refused} ({status}, {error_type or 'no type'}){check}")
        self.status = status
        self.errors = errors
        self.error_type = error_type


class GatewayMisconfigured(GatewayError):
    """A stack parameter is wrong. The message names the parameter and is safe to log."""

    is_about_us = True


class GatewayUnavailable(GatewayError):
    """No usable answer. `retry_after` is in seconds.

    `is_overloaded` where the Gateway limits, or is too slow: fewer calls are due, and what was called for comes again.
    `asks_to_wait` is the wait that the Gateway itself asked for, in seconds; `None` where it named none.
    """

    def __init__(self, reason: str, asks_to_wait: int | None = None, *, is_overloaded: bool = False) -> None:
        super().__init__(reason)
        self.asks_to_wait = asks_to_wait
        self.retry_after = RETRY_AFTER_SECONDS if asks_to_wait is None else asks_to_wait
        self.is_overloaded = is_overloaded


class NotTheGateway(GatewayUnavailable):
    """A response that is not the Gateway's own: of a proxy, or of an address where the Gateway serves nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the response {status} is not the Gateway's own")
        self.status = status


class GatewayUnreadable(GatewayUnavailable):
    """The Gateway's own answer does not have a shape that docs/reference/gateway.md describes; the message says what
    is odd."""

    @property
    def needs_operator(self) -> bool:
        """An operator has to find out what the vendor changed."""
        return True


class SecretsError(Exception):
    """The stored secret is not usable; the message names the member at fault, never its value."""
