"""The deadline of the current invocation's response.

One rule for all functions: calls to other services (aws.py, gateway/client.py) wait no longer than this. So the
function returns its own response, or fails the messages that must be delivered again, before Lambda ends it.
"""

import math
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

from securities_transactions import logging

Result = TypeVar("Result")

# The time to log the failure and return the response, on a shared processor.
RESPONSE_SECONDS: Final = 1.0


class Deadline:
    """The deadline of the current invocation. `monotonic` returns seconds since any start."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = math.inf

    def bounds(self, handler: Callable[[Any, Any], Result]) -> Callable[[Any, Any], Result]:
        """`handler`, whose invocations have the time that Lambda's context says, and whose log lines name them."""

        @wraps(handler)
        def bounded(event: Any, context: Any) -> Result:
            logging.begin(context)
            # Only Lambda ends invocations, and only Lambda passes a context.
            remaining = math.inf if context is None else context.get_remaining_time_in_millis() / 1000
            self._until = self._monotonic() + remaining - RESPONSE_SECONDS
            return handler(event, context)

        return bounded

    @property
    def seconds_left(self) -> float:
        """Seconds until the response must begin: negative if late, infinite before the first invocation."""
        return self._until - self._monotonic()
