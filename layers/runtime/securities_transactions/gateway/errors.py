"""Errors of a call to the Gateway. They are apart from the client so that other modules need not load httpx.

GatewayError
├── GatewayRefused        the Gateway rejected the request; has its status and errors
├── GatewayMisconfigured  a setting of ours is wrong; the message names it
└── GatewayUnavailable    the Gateway is down, slow or limits the rate; retry later
    ├── NotTheGateway     a response without the Gateway's envelope: a proxy's page, a redirect, a wrong address
    └── GatewayUnreadable the Gateway's own response, in a shape that the product cannot parse
"""

from typing import Final

RETRY_AFTER_SECONDS: Final = 5
# Texts of the Gateway for a wrong name or a wrong token, in lower case, with any status (docs/reference/gateway.md).
_ABOUT_US: Final = frozenset({"invalid gateway", "invalid jwt", "invalid_gateway", "invalid_jwt"})


class GatewayError(Exception):
    """A call to the Gateway failed.

    `is_about_us` is True if a credential or a setting of ours is the cause: the error implies nothing about the
    transaction. `needs_operator` is True if a retry does not help and an operator must act.
    """

    is_about_us = False

    @property
    def needs_operator(self) -> bool:
        """True if an operator must act."""
        return self.is_about_us


class GatewayRefused(GatewayError):
    """The Gateway rejected the request.

    `status` is its HTTP status, `errors` its texts, `error_type` its class of error. `is_about_us` is True if it
    rejected our credentials. The texts are for the caller, not for logs, and so not part of the message: they may
    repeat parts of the request.
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
    """A response from a proxy, or from an address where the Gateway serves nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the response {status} is not the Gateway's own")
        self.status = status


class GatewayUnreadable(GatewayUnavailable):
    """The Gateway's own response has a shape that docs/reference/gateway.md does not describe.

    The message names the unexpected part.
    """

    @property
    def needs_operator(self) -> bool:
        """True: an operator must find out what the vendor changed."""
        return True


class SecretsError(Exception):
    """The stored secret is not usable. The message names the member at fault, never its value."""
