"""Backoff between the checks of a transaction."""

from datetime import timedelta
from typing import Final

_DELAYS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 40, 60, 120, 240, 480, 1440))


def backoff(checks: int, jitter: float) -> timedelta:
    """The delay after `checks` checks without a result: from one minute up to one day, plus or minus a fifth.

    `jitter` is random in [0, 1). It spreads the checks of transactions that were created together.
    """
    return _DELAYS[min(checks, len(_DELAYS) - 1)] * (0.8 + 0.4 * jitter)
