"""The edge of the HTTP API: payload format 2.0 in, a response or a problem out.

No resolver: every function serves one or two routes, and routing is API Gateway's work.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ValidationError

from securities_transactions import logging
from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.order_config import MOST_NOTES_CHARACTERS
from securities_transactions.gateway.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable
from securities_transactions.gateway.secrets import SecretsError
from securities_transactions.http import problems
from securities_transactions.http.problems import Problem
from securities_transactions.storage.transactions import Contended

# The HTTP API lets 10 MB through; a create request of a hundred securities has 20 KB.
MOST_BODY_BYTES: Final = 256 * 1024
# A DynamoDB sort key has 1024 bytes at most, and ids stand in it behind a prefix.
MOST_ID_BYTES: Final = 512

_logger = logging.logger()

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Caller:
    """Who calls: the user id in the access token, and whether it may act for every user."""

    notes: str
    is_service: bool

    def acting_for(self, notes: str | None) -> str:
        """The user this call is for: the caller, or for a service whom it names.

        `Problem` 403 for anyone else, 400 for what can be no user's id.
        """
        if notes is None or notes == self.notes:
            return self.notes
        if not 1 <= len(notes) <= MOST_NOTES_CHARACTERS:
            raise problems.of_field("notes", f"must have 1 to {MOST_NOTES_CHARACTERS} characters")
        if not self.is_service:
            raise Problem(problems.FORBIDDEN, "notes: only a token with the service scope may name another user")
        return notes

    def may_see(self, notes: str) -> bool:
        """Whether what belongs to `notes` is this caller's to see."""
        return self.is_service or notes == self.notes


@dataclass(frozen=True)
class Request:
    """A request as API Gateway passes it on."""

    event: Mapping[str, Any]
    context: Any = None

    def header(self, name: str) -> str | None:
        """A header by its lower-case name."""
        value = self.event.get("headers", {}).get(name)
        return value if isinstance(value, str) else None

    def names(self, name: str) -> bool:
        """Whether the route has the path parameter `name`."""
        return name in (self.event.get("pathParameters") or {})

    def path(self, name: str) -> str:
        """A path parameter, all of which are ids; `Problem` 404 for one that no table could have as its key."""
        value = str(self.event["pathParameters"][name])
        if len(value.encode()) > MOST_ID_BYTES:
            raise Problem(problems.NOT_FOUND, f"{name}: no id is that long")
        return value

    def query(self, name: str) -> str | None:
        """A query parameter; where it is given several times, API Gateway joins the values with commas."""
        return (self.event.get("queryStringParameters") or {}).get(name)

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false."""
        value = self.query(name)
        if value not in (None, "true", "false"):
            raise problems.of_field(name, "must be true or false")
        return value == "true"

    def raw(self, most_bytes: int) -> bytes:
        """The body as received; `Problem` 413 where it has more than `most_bytes`, before anything looks at it."""
        body = str(self.event.get("body") or "")
        encoded = bool(self.event.get("isBase64Encoded"))
        if len(body) > (most_bytes * 4 // 3 + 4 if encoded else most_bytes):
            raise _too_large(most_bytes)
        try:
            raw = base64.b64decode(body, validate=True) if encoded else body.encode("utf-8", "surrogatepass")
        except ValueError as error:  # binascii.Error is one, and so is text that is not ASCII
            raise problems.of_field("body", "is not readable") from error
        if len(raw) > most_bytes:
            raise _too_large(most_bytes)
        return raw

    def parse(self, model: type[Model]) -> Model:
        """The body as `model`; `Problem` 400 names the fields at fault, 413 a body that is too large."""
        raw = self.raw(MOST_BODY_BYTES)
        try:
            return model.model_validate(loads(raw))
        except ValidationError as error:
            raise problems.of_validation(error) from None
        except ValueError as error:
            raise problems.of_field("body", f"is not JSON: {error}") from None

    def caller(self, service_scope: str) -> Caller:
        """Who calls, from the claims that the authorizer has verified."""
        claims = self.event["requestContext"]["authorizer"]["jwt"]["claims"]
        notes = str(claims.get("sub", ""))
        if not notes or len(notes) > MOST_NOTES_CHARACTERS:
            raise Problem(problems.FORBIDDEN, "the access token's sub names no user")
        return Caller(notes, service_scope in str(claims.get("scope", "")).split())


@dataclass(frozen=True)
class Response:
    """An answer: `body` is a JSON document or nothing."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_lambda(self, content_type: str = "application/json") -> dict[str, Any]:
        """The answer in payload format 2.0."""
        answer: dict[str, Any] = {
            "statusCode": self.status,
            "headers": {"cache-control": "no-store", **self.headers},
        }
        if self.body is not None:
            answer["headers"]["content-type"] = content_type
            answer["body"] = dumps(self.body)
        return answer


def cacheable(request: Request, body: Mapping[str, Any]) -> Response:
    """`body` with its ETag, or 304 where the caller has just that: apps poll for next to nothing."""
    etag = f'"{hashlib.sha256(dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    asked = [each.strip().removeprefix("W/") for each in (request.header("if-none-match") or "").split(",")]
    return Response(304, headers=headers) if etag in asked or "*" in asked else Response(200, body, headers)


def api(function: Callable[[Request], Response]) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """A Lambda handler of `function`: whatever goes wrong is answered as a problem, never as a stack trace."""

    @wraps(function)
    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        try:
            return function(Request(event, context)).to_lambda()
        except Problem as problem:
            return _answer(problem)
        except GatewayRefused as error:
            return _answer(_of_refusal(error))
        except GatewayMisconfigured as error:
            _logger.error("the gateway is misconfigured", reason=str(error))
            return _answer(Problem(problems.GATEWAY_MISCONFIGURED, str(error)))
        except GatewayUnavailable as error:
            _logger.warning("gateway unavailable", reason=str(error))
            return _answer(
                Problem(
                    problems.GATEWAY_UNAVAILABLE,
                    "the Gateway is down or slow; try again",
                    headers={"retry-after": str(error.retry_after)},
                )
            )
        except SecretsError as error:
            _logger.error("misconfigured", reason=str(error))
            return _answer(Problem(problems.MISCONFIGURED, str(error)))
        except (ClientError, BotoCoreError) as error:
            _logger.exception("a part of the service failed")
            return _answer(Problem(problems.UNAVAILABLE, _failed_part(error), headers={"retry-after": "1"}))
        except Contended:
            detail = "the transaction changed at every attempt to write; try again"
            return _answer(Problem(problems.UNAVAILABLE, detail, headers={"retry-after": "1"}))
        except Exception:  # the last line before the caller: logged whole, answered without a trace
            _logger.exception("unexpected")
            return _answer(Problem(problems.INTERNAL, "the error is logged; try again or ask us"))

    return handler


def _too_large(most_bytes: int) -> Problem:
    return Problem(problems.TOO_LARGE, f"the body has more than {most_bytes} bytes")


def _answer(problem: Problem) -> dict[str, Any]:
    return Response(problem.type.status, problem.body(), problem.headers).to_lambda("application/problem+json")


def _of_refusal(error: GatewayRefused) -> Problem:
    """The Gateway's no: about the request, passed on; about our credentials, for the operator."""
    if error.is_about_us:
        _logger.error("the gateway rejects our credentials", status=error.status, error_type=error.error_type)
        return Problem(problems.GATEWAY_MISCONFIGURED, "the operator has to check the Gateway's secret")
    return Problem(
        problems.GATEWAY_REFUSED,
        "; ".join(error.errors) or "the Gateway gave no reason",
        gatewayErrors=list(error.errors),
        gatewayErrorType=error.error_type,
    )


def _failed_part(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return f"storage did not answer ({code}); try again"
