"""The simulator's clock: it can run fast, stop and jump, and jobs wait on it."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

Job = Callable[[], Awaitable[None]]


def utc_now() -> datetime:
    """The wall's time, aware UTC."""
    return datetime.now(UTC)


class Clock:
    """Time that passes `speed` times as fast as the wall's; 0 stands still. `wall` gives the wall's, aware UTC."""

    def __init__(self, speed: float = 1, wall: Callable[[], datetime] = utc_now) -> None:
        self.wall_now = wall
        self._start = wall()
        self._at = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        """The simulator's time, aware UTC."""
        return self._start + timedelta(seconds=(time.monotonic() - self._at) * self._speed)

    def set(self, now: datetime | None = None, speed: float | None = None) -> None:
        """Continue from `now` at `speed`. Omitted parameters keep their values."""
        self._start, self._at = now or self.now(), time.monotonic()
        self._speed = self._speed if speed is None else speed

    def wall(self, moment: datetime) -> datetime:
        """The wall-clock time of `moment` of this clock, at the current speed."""
        return self.wall_now() + (moment - self.now()) / (self._speed or 1)


class Agenda:
    """Jobs that are due at times of a `Clock`. A jump runs them one after another, otherwise they run when due."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[tuple[datetime, int, Job]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._jumping = False

    def after(self, seconds: float, job: Job) -> None:
        """Run `job` after `seconds` of the clock."""
        self.at(self.clock.now() + timedelta(seconds=seconds), job)

    def at(self, moment: datetime, job: Job) -> None:
        heapq.heappush(self._heap, (moment, next(self._numbers), job))
        self._changed.set()

    def retime(self, now: datetime | None = None, speed: float | None = None) -> None:
        """Set the clock and run the jobs that became due."""
        self.clock.set(now, speed)
        self._changed.set()

    async def advance(self, seconds: float) -> None:
        """Jump ahead by `seconds`, finishing every job on the way before time continues."""
        end = self.clock.now() + timedelta(seconds=seconds)
        self._jumping, speed = True, self.clock.speed
        try:
            while self._heap and self._heap[0][0] <= end:
                moment, _, job = heapq.heappop(self._heap)
                self.clock.set(max(moment, self.clock.now()), 0)
                await job()
            self.clock.set(end, 0)
        finally:
            self._jumping = False
            self.retime(speed=speed)

    async def run(self) -> None:
        """Run jobs when they are due, until cancelled."""
        try:
            while True:
                self._changed.clear()
                while not self._jumping and self._heap and self._heap[0][0] <= self.clock.now():
                    task = asyncio.ensure_future(heapq.heappop(self._heap)[2]())
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                try:
                    await asyncio.wait_for(self._changed.wait(), self._wait())
                except TimeoutError:
                    continue
        finally:
            for task in self._running:
                task.cancel()

    def _wait(self) -> float | None:
        """Wall-clock seconds until the next job is due."""
        if not self._heap or self._jumping or not self.clock.speed:
            return None
        return max(0.0, (self._heap[0][0] - self.clock.now()).total_seconds() / self.clock.speed)
