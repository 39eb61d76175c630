"""How long the current invocation has until its response has to be on its way.

One rule for all functions: what waits for others (aws.py, gateway/client.py) waits no longer than this, so that the
function returns its own response, or fails what is to be delivered again, before Lambda ends it.
"""

import math
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

from securities_transactions import logging

Result = TypeVar("Result")

# What it takes to log the failure and to return the response, on a processor that is shared.
RESPONSE_SECONDS: Final = 1.0


class Deadline:
    """The current invocation's. `monotonic` gives seconds from any start."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = math.inf

    def bounds(self, handler: Callable[[Any, Any], Result]) -> Callable[[Any, Any], Result]:
        """`handler`, whose invocations have the time that Lambda's context says, and whose log lines name them."""

        @wraps(handler)
        def bounded(event: Any, context: Any) -> Result:
            logging.begin(context)
            # Only Lambda ends its invocations, and only Lambda gives a context.
            remaining = math.inf if context is None else context.get_remaining_time_in_millis() / 1000
            self._until = self._monotonic() + remaining - RESPONSE_SECONDS
            return handler(event, context)

        return bounded

    @property
    def seconds_left(self) -> float:
        """Seconds until the response has to be begun: negative where it is late, infinite before any invocation."""
        return self._until - self._monotonic()
