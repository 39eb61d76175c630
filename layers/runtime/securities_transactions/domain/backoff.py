"""How long to wait before a transaction is checked again."""

from datetime import timedelta
from typing import Final

_DELAYS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 40, 60, 120, 240, 480, 1440))


def backoff(checks: int, jitter: float) -> timedelta:
    """The wait after `checks` checks in vain: a minute at first, a day at most, a fifth more or less.

    `jitter` is random in [0, 1): it spreads the checks of transactions that were made together.
    """
    return _DELAYS[min(checks, len(_DELAYS) - 1)] * (0.8 + 0.4 * jitter)
