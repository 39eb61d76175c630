"""Waiting for a condition on a machine of any speed: poll up to a limit that only a fault reaches."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

Seen = TypeVar("Seen")

# Far more than any step takes on a machine with four times the load. A test that passes never waits so long.
PATIENCE: Final = 180.0


def eventually(look: Callable[[], Seen], good: Callable[[Seen], bool] = bool, timeout: float = PATIENCE) -> Seen:
    """The first thing seen that is `good`; `TimeoutError` with what was seen last."""
    deadline = time.monotonic() + timeout
    while not good(seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {timeout:g} s; seen last: {seen!r}")
        time.sleep(0.05)
    return seen
