"""`python -m operations.books [DAY]`: the books of a day, as they were closed or as far as their closing has come.

`--close` closes the books of what was over until now, without waiting for the evening. It schedules the checks, waits
for them, and publishes the report as the evening does.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

import simplejson
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.books import IST, Phase, Run
from securities_transactions.events.builder import of_closing
from securities_transactions.events.publisher import PublishError, entry, publish_all
from securities_transactions.services.close_books import CloseBooks
from securities_transactions.storage.books import Books
from securities_transactions.storage.transactions import Transactions

_POLL_SECONDS: Final = 5.0


def _pause(attempt: int) -> None:
    time.sleep(0.2 * 2**attempt)


def books_of(stage: Stage) -> Books:
    """The stage's Books table."""
    return Books(stage.dynamodb, stage.outputs["BooksTable"])


def closing(stage: Stage, days: int, clock: Callable[[], datetime]) -> CloseBooks:
    """The service that closes the stage's books over `days` days, with the caller's credentials."""
    bus = stage.outputs["EventBusName"]
    return CloseBooks(
        transactions=Transactions(stage.dynamodb, stage.outputs["TransactionsTable"], _pause),
        books=books_of(stage),
        publish=lambda event: publish_all(stage.events, [entry(event, bus)], _pause),
        close_at=clock().astimezone(IST).time(),
        days=days,
        clock=clock,
        seconds_left=lambda: float("inf"),
    )


def close(stage: Stage, days: int, wait: Callable[[], None] = lambda: time.sleep(_POLL_SECONDS)) -> Run:
    """Close the books of what was over until now, or end the closing that is under way; returns it closed."""
    service = closing(stage, days, lambda: datetime.now(UTC))
    run = service.close_now()
    while run.phase is not Phase.CLOSED:
        wait()
        newest = service.books.newest()
        run = service.advance(run if newest is None else newest)
    return run


def told(run: Run) -> str:
    """A closing for people: JSON, with the amounts in rupees."""
    report = {"phase": run.phase.value, "scheduled": run.scheduled}
    report |= of_closing(run).model_dump(exclude_none=True, exclude={"schemaVersion"})
    if run.phase is not Phase.CLOSED:
        del report["occurredAt"]
    return simplejson.dumps(report, indent=2, use_decimal=True, ensure_ascii=False)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write 2026-01-15") from error


def main(arguments: list[str]) -> int:
    """0 where the day is closed without drift, 1 where it is not, or the stage cannot be reached."""
    parser = stages.parser(__doc__)
    parser.add_argument("day", nargs="?", type=_day, help="a day in India, as 2026-01-15; else the newest closing")
    parser.add_argument("--close", action="store_true", help="close the books of what was over until now")
    parser.add_argument("--days", type=int, default=1, help="with --close: how many days to look back")
    options = parser.parse_args(arguments)
    stage = stages.of(options)
    try:
        if options.close:
            run: Run | None = close(stage, options.days)
        else:
            run = books_of(stage).newest() if options.day is None else books_of(stage).of_day(options.day)
    except (BotoCoreError, ClientError, PublishError) as error:
        print(f"{options.stage} cannot be reached: {error}", file=sys.stderr)
        return 1
    if run is None:
        print(f"no books of {options.day or 'any day'} are closed in {stage.name}", file=sys.stderr)
        return 1
    print(told(run))
    return 0 if run.phase is Phase.CLOSED and run.tally.drift == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
