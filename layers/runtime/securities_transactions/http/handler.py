"""The edge of the HTTP API: from an event of API Gateway to a response or a problem.

There is no resolver: every function serves one or two routes, and API Gateway does the routing.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from securities_transactions import logging
from securities_transactions.domain.errors import (
    CaseConflict,
    Contended,
    Fault,
    InvalidField,
    NotAllowed,
    NotFound,
    ReferenceReserved,
    ReferenceTaken,
    Stopped,
    TooMany,
)
from securities_transactions.gateway.errors import (
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    SecretsError,
)
from securities_transactions.http import problems
from securities_transactions.http.problems import Problem
from securities_transactions.http.request import Request
from securities_transactions.http.response import Response

_logger = logging.logger()

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def http_handler(respond: Callable[[Request], Response]) -> Handler:
    """A Lambda handler for `respond`. Every error is returned as a problem, never as a stack trace."""

    @wraps(respond)
    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        request = Request(event, context)
        logging.name_request(request.id, request.transaction_id)
        try:
            answer = respond(request).to_lambda()
        except Exception as error:
            problem = _problem_of(error)
            body = problem.body() | ({"instance": f"urn:request:{quote(request.id)}"} if request.id else {})
            answer = Response(problem.type.status, body, problem.headers).to_lambda("application/problem+json")
        if request.id:
            answer["headers"]["x-request-id"] = request.id
        return answer

    return handler


def _problem_of(error: Exception) -> Problem:
    """The problem for an error. The facts that the operator needs are logged."""
    match error:
        case Problem():
            return error
        case InvalidField():
            kind = problems.UNPROCESSABLE if error.fault is Fault.MEANING else problems.INVALID_REQUEST
            return problems.of_field(error.field, error.detail, kind)
        case NotFound():
            return Problem(problems.NOT_FOUND, str(error))
        case CaseConflict():
            return Problem(problems.CASE_CONFLICT, str(error))
        case NotAllowed():
            return Problem(problems.FORBIDDEN, str(error))
        case ReferenceTaken():
            return Problem(problems.REFERENCE_TAKEN, str(error), transactionId=error.transaction_id)
        case ReferenceReserved():
            return Problem(problems.REQUEST_IN_PROGRESS, str(error), headers=_after(error.retry_after))
        case TooMany():
            return Problem(problems.TOO_MANY_REQUESTS, str(error), headers=_after(error.retry_after))
        case Stopped():
            return Problem(problems.UNAVAILABLE, str(error), headers=_after(error.retry_after))
        case GatewayRefused():
            return _of_refusal(error)
        case GatewayMisconfigured():
            _logger.error("the gateway is misconfigured", reason=str(error))
            return Problem(problems.GATEWAY_MISCONFIGURED, str(error))
        case GatewayUnavailable():
            log = _logger.error if error.needs_operator else _logger.warning
            log("gateway unavailable", reason=str(error))
            detail = "the Gateway is down or slow; retry later"
            return Problem(problems.GATEWAY_UNAVAILABLE, detail, headers=_after(error.retry_after))
        case SecretsError():
            _logger.error("misconfigured", reason=str(error))
            return Problem(problems.MISCONFIGURED, str(error))
        case ClientError() | BotoCoreError():
            _logger.error("an AWS service failed", exc_info=error)
            return Problem(problems.UNAVAILABLE, _failed_part(error), headers=_after(1))
        case Contended():
            detail = "every attempt to write met a concurrent write; retry"
            return Problem(problems.UNAVAILABLE, detail, headers=_after(1))
        case _:  # the last handler before the caller: log everything, return no trace
            _logger.error("unexpected", exc_info=error)
            return Problem(problems.INTERNAL, "the error is logged; retry, or contact the operator")


def _after(seconds: int) -> dict[str, str]:
    return {"retry-after": str(seconds)}


def _of_refusal(error: GatewayRefused) -> Problem:
    """The problem for a refusal: of the request (for the caller) or of our credentials (for the operator)."""
    if error.is_about_us:
        _logger.error("the gateway rejects our credentials", status=error.status, reason=str(error))
        detail = "the Gateway refuses this service's credentials; its operators are told"
        return Problem(problems.GATEWAY_UNAVAILABLE, detail, headers={"retry-after": "60"})
    kind: dict[str, Any] = {} if error.error_type is None else {"gatewayErrorType": error.error_type}
    reason = "; ".join(error.errors) or "the Gateway gave no reason"
    return Problem(problems.GATEWAY_REFUSED, reason, gatewayErrors=list(error.errors), **kind)


def _failed_part(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return f"storage did not respond ({code}); retry"
