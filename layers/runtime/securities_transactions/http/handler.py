"""The edge of the HTTP API: an event of API Gateway in, a response or a problem out.

No resolver: every function serves one or two routes, and routing is API Gateway's work.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from securities_transactions import logging
from securities_transactions.domain.errors import Contended, Fault, InvalidField, NotFound, TooMany
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
    """A Lambda handler of `respond`: whatever goes wrong is returned as a problem, never as a stack trace."""

    @wraps(respond)
    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        try:
            return respond(Request(event, context)).to_lambda()
        except Problem as problem:
            return _returned(problem)
        except InvalidField as error:
            kind = problems.UNPROCESSABLE if error.fault is Fault.MEANING else problems.INVALID_REQUEST
            return _returned(problems.of_field(error.field, error.detail, kind))
        except NotFound as error:
            return _returned(Problem(problems.NOT_FOUND, str(error)))
        except TooMany as error:
            headers = {"retry-after": str(error.retry_after)}
            return _returned(Problem(problems.TOO_MANY_REQUESTS, str(error), headers=headers))
        except GatewayRefused as error:
            return _returned(_of_refusal(error))
        except GatewayMisconfigured as error:
            _logger.error("the gateway is misconfigured", reason=str(error))
            return _returned(Problem(problems.GATEWAY_MISCONFIGURED, str(error)))
        except GatewayUnavailable as error:
            log = _logger.error if error.needs_operator else _logger.warning
            log("gateway unavailable", reason=str(error))
            return _returned(
                Problem(
                    problems.GATEWAY_UNAVAILABLE,
                    "the Gateway is down or slow; try again",
                    headers={"retry-after": str(error.retry_after)},
                )
            )
        except SecretsError as error:
            _logger.error("misconfigured", reason=str(error))
            return _returned(Problem(problems.MISCONFIGURED, str(error)))
        except (ClientError, BotoCoreError) as error:
            _logger.exception("a part of the service failed")
            return _returned(Problem(problems.UNAVAILABLE, _failed_part(error), headers={"retry-after": "1"}))
        except Contended:
            detail = "the transaction changed at every attempt to write; try again"
            return _returned(Problem(problems.UNAVAILABLE, detail, headers={"retry-after": "1"}))
        except Exception:  # the last line before the caller: logged whole, answered without a trace
            _logger.exception("unexpected")
            return _returned(Problem(problems.INTERNAL, "the error is logged; try again or ask us"))

    return handler


def _returned(problem: Problem) -> dict[str, Any]:
    return Response(problem.type.status, problem.body(), problem.headers).to_lambda("application/problem+json")


def _of_refusal(error: GatewayRefused) -> Problem:
    """The Gateway's no: about the request, passed on; about our credentials, for the operator."""
    if error.is_about_us:
        _logger.error("the gateway rejects our credentials", status=error.status, error_type=error.error_type)
        return Problem(problems.GATEWAY_MISCONFIGURED, "the operator has to check the Gateway's secret")
    kind: dict[str, Any] = {} if error.error_type is None else {"gatewayErrorType": error.error_type}
    reason = "; ".join(error.errors) or "the Gateway gave no reason"
    return Problem(problems.GATEWAY_REFUSED, reason, gatewayErrors=list(error.errors), **kind)


def _failed_part(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return f"storage did not answer ({code}); try again"
