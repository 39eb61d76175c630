"""Virtual time in seconds: each waiting task is a greenlet, and the clock jumps from one end of a wait to the next."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # it has no stubs

T = TypeVar("T")

# Half past three in Mumbai.
OPENED: Final = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


class Loop:
    """The steps that are due, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Any]] = []
        self._count = 0
        self._hub = getcurrent()

    def clock(self) -> datetime:
        """The product's clock: aware UTC."""
        return OPENED + timedelta(seconds=self.now)

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Do `what` at `when`."""
        self._count += 1
        heapq.heappush(self._due, (when, self._count, what))

    def spawn(self, what: Callable[[], object]) -> None:
        """Begin `what`, which may sleep, now."""
        self.at(self.now, greenlet(what, parent=self._hub).switch)

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass for the caller."""
        self.at(self.now + seconds, getcurrent().switch)
        self._hub.switch()

    def wait(self) -> Callable[[], object]:
        """Return a function that wakes the caller, which calls `park` after it has given this away."""
        me = getcurrent()
        return lambda: self.at(self.now, me.switch)

    def park(self) -> None:
        """Let others run until the caller is woken."""
        self._hub.switch()

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen that is due before `until`, or before `done`."""
        while self._due and self._due[0][0] <= until and not done():
            self.now, _, what = heapq.heappop(self._due)
            what()

    def in_parallel(self, tasks: Sequence[Callable[[], T]], most: int) -> list[T]:
        """The product's `InParallel`."""
        if len(tasks) < 2:
            return [task() for task in tasks]
        left, results = deque(enumerate(tasks)), dict[int, T]()
        workers = min(most, len(tasks))
        ended, wake = [0], self.wait()

        def work() -> None:
            while left:
                number, task = left.popleft()
                results[number] = task()
            ended[0] += 1
            if ended[0] == workers:
                wake()

        for _ in range(workers):
            self.spawn(work)
        self.park()
        return [results[number] for number in range(len(tasks))]
