"""The hours in which shares are traded on the Indian exchanges: NSE and BSE keep the same hours and holidays."""

from datetime import datetime, time, timedelta, timezone
from typing import Final

# India has no daylight saving time.
IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
OPENS, CLOSES = time(9, 15), time(15, 30)
# Weekdays without trading, as the exchanges announce them by circular each December (docs/guides/operator.md). A day
# that is missing here counts as a trading day: the worst is that an alarm about webhooks is looked at in vain.
HOLIDAYS: Final = frozenset(
    {
        "2026-01-26",
        "2026-03-03",
        "2026-03-26",
        "2026-03-31",
        "2026-04-03",
        "2026-04-14",
        "2026-05-01",
        "2026-05-28",
        "2026-06-26",
        "2026-09-14",
        "2026-10-02",
        "2026-10-20",
        "2026-11-10",
        "2026-11-24",
        "2026-12-25",
    }
)


def is_market_open(moment: datetime) -> bool:
    """True if the exchanges trade at `moment` (aware). Special sessions on a holiday are not known."""
    local = moment.astimezone(IST)
    is_trading_day = local.weekday() < 5 and local.date().isoformat() not in HOLIDAYS
    return is_trading_day and OPENS <= local.time() < CLOSES
