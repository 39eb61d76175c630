"""JSON log lines in which an error appears as its type and source line, without its message.

The message of a library's error may contain the input: a token, a user id. The messages of our own errors name the
fault and never its value, and AWS errors have a code, so those are logged.
"""

import traceback
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from aws_lambda_powertools.logging.types import LogRecord

_OF_AN_INVOCATION: Final = ("function", "request_id", "invocation_id", "transaction_id")


class _Formatter(LambdaPowertoolsFormatter):
    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """The error and its causes, latest first."""
        told, error = list[str](), ei[1]
        while error is not None:
            told.append("".join(traceback.format_tb(error.__traceback__)) + _named(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nbecause of\n".join(told)

    def serialize(self, log: "LogRecord") -> str:
        """The line as JSON. Logs are charged by the byte, and their place in the code matters for problems only."""
        if log.get("level") == "INFO":
            fields: dict[str, Any] = dict(log)
            for name in ("location", "service"):
                fields.pop(name, None)
            return super().serialize(cast("LogRecord", fields))
        return super().serialize(log)


@cache
def logger() -> Logger:
    """The logger of a function. All loggers of a function write the same lines."""
    # Powertools' own stack trace would repeat the error's message.
    return Logger(logger_formatter=_Formatter(serialize_stacktrace=False))


def begin(context: Any) -> None:
    """Name the invocation of Lambda's `context` (`None` for none) in every line until the next one begins.

    Without a request to the API, the invocation is the request.
    """
    line = logger()
    line.remove_keys(_OF_AN_INVOCATION)
    if context is not None:
        id_ = context.aws_request_id
        line.append_keys(function=context.function_name, request_id=id_, invocation_id=id_)


def name_request(request_id: str, transaction_id: str | None) -> None:
    """Name the request to the API and the transaction that it is about, where there are such, in every line of it."""
    named = {"request_id": request_id, "transaction_id": transaction_id}
    logger().append_keys(**{name: value for name, value in named.items() if value})


def _named(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, ClientError):
        return f"{name}: {error.response['Error']['Code']} of {error.operation_name}"
    return f"{name}: {error}" if type(error).__module__.startswith("securities_transactions.") else name
