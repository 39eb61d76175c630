"""A request in API Gateway's form (payload format 2.0), and its caller."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from securities_transactions import logging
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.order_config import MOST_NOTES_CHARACTERS
from securities_transactions.domain.transaction import TRANSACTION_ID
from securities_transactions.http import problems
from securities_transactions.http.problems import Problem

# The HTTP API accepts 10 MB. A create request of a hundred securities has 20 KB.
MOST_BODY_BYTES: Final = 256 * 1024
# A DynamoDB sort key has at most 1024 bytes, and ids follow a prefix in it.
MOST_ID_BYTES: Final = 512
MOST_ITEMS: Final = 50
USUAL_ITEMS: Final = 20

# Issuers put the scopes of a token in one of these claims (docs/reference/settings.md).
_SCOPE_CLAIMS: Final = ("scope", "scp")
# The maximum number of unknown parameters in a response, and the length of each name.
_MOST_SHOWN: Final = 64

# Issuers name the client that a token was issued to in one of these.
_CLIENT_CLAIMS: Final = ("client_id", "azp", "cid", "appid")
_MOST_CLIENT_CHARACTERS: Final = 128
# Auth0's and Microsoft's marks of a token that a client requested for itself.
_CLIENT_MARKS: Final = (("gty", "client-credentials"), ("idtyp", "app"))

_logger = logging.logger()

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Caller:
    """The caller: the user id in the access token, and whether it may act for every user.

    `is_operator`: it has the operators' scope, and its token was issued to a person.
    """

    user_id: str
    is_service: bool
    client: str | None = None
    is_operator: bool = False

    def acting_for(self, notes: str | None) -> str:
        """The user that this call is for: the caller, or the user that a service names in `notes`.

        Raises `Problem` 403 if any other caller names another user, and 400 for text that cannot be a user id.
        """
        if notes is None or notes == self.user_id:
            return self.user_id
        if not 1 <= len(notes) <= MOST_NOTES_CHARACTERS:
            raise problems.of_field("notes", f"must have 1 to {MOST_NOTES_CHARACTERS} characters")
        if not self.is_service:
            raise Problem(problems.FORBIDDEN, "notes: only a token with the service scope may name another user")
        self.leave_trace(notes)
        return notes

    def may_see(self, user_id: str) -> bool:
        """True if this caller may see what belongs to `user_id`; a service's access is logged."""
        if user_id == self.user_id:
            return True
        if self.is_service:
            self.leave_trace(user_id)
        return self.is_service

    def cause(self, kind: CauseKind, request: "Request", user_id: str) -> Cause:
        """The cause of what this caller changes for `user_id`: a user is not named in their own history."""
        if user_id == self.user_id:
            return Cause(kind=kind, request_id=request.id_in_log)
        return Cause(kind=kind, request_id=request.id_in_log, subject=self.user_id, client=self.client)

    def leave_trace(self, user_id: str) -> None:
        """Log that a service or an operator acts for a user, whom the line names by a pseudonym (`pseudonym_of`)."""
        _logger.info(
            "acts for a user",
            extra={"subject": self.user_id, "client": self.client, "for_user": pseudonym_of(user_id)},
        )


def pseudonym_of(user_id: str) -> str:
    """The name of a user in log lines: the first 16 characters of the SHA-256 of `notes`, in hexadecimal."""
    return hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class Request:
    """A request in API Gateway's form."""

    event: Mapping[str, Any]
    context: Any = None

    @property
    def id(self) -> str:
        """API Gateway's id of the request, as in its access log. Empty if the event has none."""
        return str((self.event.get("requestContext") or {}).get("requestId") or "")

    @property
    def id_in_log(self) -> str | None:
        """The `request_id` of the request's log lines: API Gateway's, else Lambda's, if there is one."""
        return self.id or (None if self.context is None else str(self.context.aws_request_id) or None)

    @property
    def transaction_id(self) -> str | None:
        """The transaction that the path names, if it does and the name has the form of an id."""
        value = (self.event.get("pathParameters") or {}).get("transactionId")
        return value if isinstance(value, str) and TRANSACTION_ID.fullmatch(value) else None

    def allow(self, *names: str) -> None:
        """Raises `Problem` 400 that names every query parameter except `names`: it may be misspelled."""
        unknown = sorted(set(self.event.get("queryStringParameters") or {}) - set(names))
        if unknown:
            detail = "is not a parameter of this route"
            errors = [{"field": name[:_MOST_SHOWN], "detail": detail} for name in unknown[:_MOST_SHOWN]]
            raise Problem(problems.INVALID_REQUEST, f"{errors[0]['field']}: {detail}", errors=errors)

    @property
    def step(self) -> str:
        """The last part of the route's path."""
        return str(self.event["routeKey"]).rpartition("/")[2]

    def header(self, name: str) -> str | None:
        """A header by its lower-case name."""
        value = self.event.get("headers", {}).get(name)
        return value if isinstance(value, str) else None

    def names(self, name: str) -> bool:
        """True if the route has the path parameter `name`."""
        return name in (self.event.get("pathParameters") or {})

    def path(self, name: str) -> str:
        """A path parameter; all of them are ids. Raises `Problem` 404 if it is too long for a key of any table."""
        value = str(self.event["pathParameters"][name])
        if len(value.encode()) > MOST_ID_BYTES:
            raise Problem(problems.NOT_FOUND, f"{name}: too long for an id")
        return value

    def rest(self, name: str) -> str:
        """The match of a greedy path parameter, without slashes around it. Empty if it matched nothing."""
        return str((self.event.get("pathParameters") or {}).get(name) or "").strip("/")

    def query(self, name: str) -> str | None:
        """A query parameter. If it is repeated, API Gateway joins the values with commas."""
        return (self.event.get("queryStringParameters") or {}).get(name)

    def flag(self, name: str) -> bool:
        """A boolean query parameter."""
        value = self.query(name)
        if value not in (None, "true", "false"):
            raise problems.of_field(name, "must be true or false")
        return value == "true"

    def limit(self) -> int:
        """The maximum number of items of a page. Raises `Problem` 400 if it is not a number within the bounds."""
        text = self.query("limit")
        if text is None:
            return USUAL_ITEMS
        # Python converts at most 4300 digits.
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MOST_ITEMS):
            raise problems.of_field("limit", f"must be a number from 1 to {MOST_ITEMS}")
        return int(text)

    @property
    def source_address(self) -> IPv4Address | IPv6Address | None:
        """The source address of the connection, as API Gateway saw it, or `None` if it is not an address.

        No header is used: any caller can write those.
        """
        try:
            address = ip_address(self.event["requestContext"]["http"]["sourceIp"])
        except (KeyError, ValueError):
            return None
        return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address

    def raw(self, most_bytes: int) -> bytes:
        """The body as received. Raises `Problem` 413 if it exceeds `most_bytes`, before anything parses it."""
        body = str(self.event.get("body") or "")
        encoded = bool(self.event.get("isBase64Encoded"))
        if len(body) > (most_bytes * 4 // 3 + 4 if encoded else most_bytes):
            raise _too_large(most_bytes)
        try:
            raw = base64.b64decode(body, validate=True) if encoded else body.encode("utf-8", "surrogatepass")
        except ValueError as error:  # binascii.Error is a ValueError, and so is the error for non-ASCII text
            raise problems.of_field("body", "is not readable") from error
        if len(raw) > most_bytes:
            raise _too_large(most_bytes)
        return raw

    def json(self) -> Any:
        """The body as JSON. Raises `Problem` 400 if it is not JSON, 413 if it is too large."""
        try:
            return loads(self.raw(MOST_BODY_BYTES))
        except ValueError as error:
            raise problems.of_field("body", f"is not JSON: {error}") from None

    def parse(self, model: type[Model]) -> Model:
        """The body as `model`.

        Raises `Problem` 400, which names the fields at fault, or 413 if the body is too large.
        """
        try:
            return model.model_validate(self.json())
        except ValidationError as error:
            raise problems.of_validation(error) from None

    def caller(self, service_scope: str, operator_scope: str | None = None) -> Caller:
        """The caller, from the claims that the authorizer has verified.

        It is an operator if the token has `operator_scope` and was issued to a person: the service scope implies
        nothing here. Raises `Problem` 401 if the claims contain no user.
        """
        claims = self.event["requestContext"]["authorizer"]["jwt"]["claims"]
        user_id = str(claims.get("sub", ""))
        if not user_id or len(user_id) > MOST_NOTES_CHARACTERS:
            raise Problem(problems.UNUSABLE_TOKEN, f"sub must have 1 to {MOST_NOTES_CHARACTERS} characters")
        scopes = {scope for name in _SCOPE_CLAIMS for scope in _words(claims.get(name))}
        client = next((claims[name] for name in _CLIENT_CLAIMS if isinstance(claims.get(name), str)), None)
        is_operator = operator_scope in scopes and not _is_of_a_client(claims)
        return Caller(user_id, service_scope in scopes, client and client[:_MOST_CLIENT_CHARACTERS], is_operator)


def _is_of_a_client(claims: Mapping[str, Any]) -> bool:
    """True if the token was issued to a client (client credentials), not to a person.

    RFC 9068 makes `sub` the client's own id then. Issuers that write something else there have a mark of their own
    (docs/reference/settings.md, Operators).
    """
    subject = str(claims.get("sub", ""))
    same = any(claims.get(name) == subject for name in (*_CLIENT_CLAIMS, "oid"))
    marked = any(claims.get(name) == mark for name, mark in _CLIENT_MARKS)
    account = str(claims.get("preferred_username", "")).startswith("service-account-")
    return same or marked or account or subject.endswith("@clients")


def _words(claim: Any) -> list[str]:
    """The words of a claim: text with spaces, a list, or the "[a b]" into which API Gateway turns a list."""
    if isinstance(claim, list):
        return [each for each in claim if isinstance(each, str)]
    text = claim if isinstance(claim, str) else ""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return text.split()


def _too_large(most_bytes: int) -> Problem:
    return Problem(problems.TOO_LARGE, f"the body has more than {most_bytes} bytes")
