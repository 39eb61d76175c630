"""Errors that the domain, the services and storage raise; `http.api` maps each to the problem that is returned.

RequestError           the caller's request cannot be carried out
├── InvalidField       it has a field that cannot be used
├── NotFound           there is no such thing, or it is another user's
├── ReferenceTaken     the reference is that of another transaction
├── ReferenceReserved  another request with the reference is under way
├── CaseConflict       the open case is not as the request supposes
├── NotAllowed         another person has to do this
└── TooMany            the caller makes too many requests
Contended              the transaction changed under every attempt to write
Stopped                operators have stopped what was requested
"""

from enum import Enum


class RequestError(Exception):
    """The request cannot be fulfilled. The message is safe to return."""


class Fault(Enum):
    """The kind of fault in a field: its form, or its meaning."""

    FORM = "form"
    MEANING = "meaning"


class InvalidField(RequestError):
    """`field` of the request is not valid. `detail` has the reason and contains no value."""

    def __init__(self, field: str, detail: str, fault: Fault = Fault.FORM) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
        self.fault = fault


class NotFound(RequestError):
    """The resource does not exist or belongs to another user. The response does not reveal which."""


class ReferenceTaken(RequestError):
    """The user's transaction `transaction_id` has this reference."""

    def __init__(self, transaction_id: str) -> None:
        super().__init__("reference: is that of another transaction of this user")
        self.transaction_id = transaction_id


class ReferenceReserved(RequestError):
    """Another request of this user with this reference is in progress, or was interrupted.

    `retry_after` is in seconds.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("reference: a request with it is under way")
        self.retry_after = retry_after


class CaseConflict(RequestError):
    """The case is not open, is another person's, or has changed since it was read."""


class NotAllowed(RequestError):
    """The caller may work on cases, and not do this: another person has to."""


class TooMany(RequestError):
    """The user exceeded the rate limit. `retry_after` is in seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Contended(Exception):
    """Every attempt to write the transaction met a concurrent write. The caller may retry."""

    def __init__(self, transaction_id: str) -> None:
        super().__init__(transaction_id)


class Stopped(Exception):
    """Operators have stopped what was requested; `retry_after` is in seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
