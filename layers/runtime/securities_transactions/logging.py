"""Log lines as JSON, in which an error is its type and where it was raised, not what it says.

What a library's error says may be the very thing it was reading: a token, a user's id. Our own errors name what is
wrong and never its value, and AWS's have a code: those are told.
"""

import traceback
from types import TracebackType

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from botocore.exceptions import ClientError


class _Formatter(LambdaPowertoolsFormatter):
    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """The error and what it came of, the latest first."""
        told, error = list[str](), ei[1]
        while error is not None:
            told.append("".join(traceback.format_tb(error.__traceback__)) + _named(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nbecause of\n".join(told)


def logger() -> Logger:
    """The logger of a function; all that a function makes write the same lines."""
    # Powertools' own account of a trace would repeat what the error says.
    return Logger(logger_formatter=_Formatter(serialize_stacktrace=False))


def _named(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, ClientError):
        return f"{name}: {error.response['Error']['Code']} of {error.operation_name}"
    return f"{name}: {error}" if type(error).__module__.startswith("securities_transactions.") else name
