"""Time, randomness and concurrency: a discrete-event world in which every wait may be overtaken or may never end.

Each invocation of a handler is a greenlet. At every fake I/O call it yields to the world, which continues with the next
event in virtual time. So handlers interleave at each of their steps, without threads, and the seed decides how.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # it has no stubs

START: Final = datetime(2026, 1, 15, 4, 0, tzinfo=UTC)
SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# Calls whose conditions decide: others may write between what was read and the condition.
_WRITES: Final = ("PutItem", "UpdateItem", "TransactWriteItems")

# Errors that say a function is wrong, and not that something failed around it.
_BUGS: Final = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError)

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone: no handler of errors sees it, nothing after it runs."""


class Violation(BaseException):
    """A promise is broken, `rule` names it. No handler of errors in the product may swallow it."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


@dataclass(frozen=True)
class Rates:
    """The failure rate of each I/O call. Until `calm`, in milliseconds since the start."""

    crash: float = 0.0
    refused: float = 0.0
    repeated: float = 0.0
    answer_lost: float = 0.0
    slow: float = 0.0
    overtaken: float = 0.0
    switch: float = 0.3
    calm: int = 0


@dataclass
class Invocation:
    """One run of a handler: its name, its clock's error and when Lambda ends it, in milliseconds."""

    name: str
    skew: int
    deadline: int
    is_dead: bool = False


@dataclass(order=True)
class _Due:
    at: int
    order: int
    what: Callable[[], None] = field(compare=False)


class World:
    """Virtual time in milliseconds since `START`, one source of chance, and everything that is due."""

    def __init__(self, seed: int, rates: Rates, skews: tuple[int, ...], story: bool) -> None:
        self.random = random.Random(seed)  # replayable chance is the point
        self.rates = rates
        self.skews = skews
        self.now = 0
        self.covered: Counter[str] = Counter()
        self.told: list[str] | None = [] if story else None
        self.failure: Violation | None = None
        self._due: list[_Due] = []
        self._order = 0
        self._hub = getcurrent()
        self._running: Invocation | None = None

    @property
    def running(self) -> Invocation | None:
        """The invocation whose step this is."""
        return self._running

    @property
    def task(self) -> object:
        """The actor of this step: the invocation, or one of the things that it does at once."""
        return getcurrent()

    # --- time

    def clock(self) -> datetime:
        """The clock of the running invocation: aware UTC, possibly slightly wrong."""
        skew = self._running.skew if self._running else 0
        return START + timedelta(milliseconds=self.now + skew)

    def moment(self, at: int) -> datetime:
        """Virtual time as aware UTC."""
        return START + timedelta(milliseconds=at)

    def at(self, when: int, what: Callable[[], None]) -> None:
        """Do `what` at `when`, or now where that is over."""
        self._order += 1
        heapq.heappush(self._due, _Due(max(when, self.now), self._order, what))

    def run(self, until: int) -> None:
        """Let everything happen that is due before `until`; raises the `Violation` that anything met."""
        while self._due and self._due[0].at <= until:
            due = heapq.heappop(self._due)
            self.now = due.at
            due.what()
            if self.failure is not None:
                raise self.failure
        self.now = max(self.now, until)

    # --- invocations

    def invoke(self, name: str, timeout: int, function: Callable[[], T], ended: Callable[[T | None], None]) -> None:
        """Run a handler now, interleaved with everything else; `ended` gets its answer, `None` where it died."""
        invocation = Invocation(name, self.random.choice(self.skews), self.now + timeout)

        def body() -> None:
            result: T | None = None
            try:
                result = function()
            except Crash as crash:
                self.tell(f"  {name} dies: {crash}")
            except Violation as violation:
                self.failure = self.failure or violation
            except _BUGS as error:  # no fault of this world makes a function raise one of these
                self.failure = self.failure or Violation("no function has a bug", f"{name}: {error!r}")
            except Exception as error:  # what a handler raises is its failure, which Lambda's event source sees
                self.tell(f"  {name} fails: {type(error).__name__}: {error}")
                self.covered[f"failed {name}"] += 1
            try:
                ended(result)
            except Violation as violation:
                self.failure = self.failure or violation

        self._enter(greenlet(body, parent=self._hub), invocation)

    def _enter(self, run: Any, invocation: Invocation) -> None:
        before, self._running = self._running, invocation
        run.switch()
        self._running = before

    def pause(self, milliseconds: int | None = None) -> None:
        """A step of the running invocation ends here: others may run before the next begins."""
        invocation = self._running
        if invocation is None:
            return
        if milliseconds is None:
            if self.random.random() >= self.rates.switch:
                return
            slow = self.now < self.rates.calm and self.random.random() < self.rates.slow
            milliseconds = self.random.randrange(500, 9_000) if slow else self.random.randrange(1, 60)
        me = getcurrent()
        self.at(self.now + milliseconds, lambda: self._enter(me, invocation))
        self._hub.switch()
        if invocation.is_dead:
            raise Crash("the process is gone")
        if self.now > invocation.deadline:
            self.covered[f"timed out {invocation.name}"] += 1
            raise Crash("timed out")

    def in_parallel(self, tasks: Sequence[Callable[[], T]], most: int) -> list[T]:
        """The product's `InParallel`: each worker is a greenlet of the same invocation, and dies with it."""
        invocation = self._running
        if invocation is None or len(tasks) < 2:
            return [task() for task in tasks]
        me, left = getcurrent(), deque(enumerate(tasks))
        results: dict[int, T] = {}
        ended: list[BaseException | None] = []
        workers = min(most, len(tasks))

        def work() -> None:
            error: BaseException | None = None
            try:
                while left:
                    number, task = left.popleft()
                    try:
                        results[number] = task()
                    except Exception as raised:
                        error = error or raised
            except Crash as crash:
                invocation.is_dead = True
                error = crash
            except Violation as violation:
                self.failure = self.failure or violation
            ended.append(error)
            if len(ended) == workers:
                self.at(self.now, partial(self._enter, me, invocation))

        for _ in range(workers):
            self.at(self.now, partial(self._enter, greenlet(work, parent=self._hub), invocation))
        self._hub.switch()
        errors = sorted(filter(None, ended), key=lambda error: isinstance(error, Exception))
        if errors:
            raise errors[0]
        return [results[number] for number in range(len(tasks))]

    # --- input and output

    def call(self, name: str, effect: Callable[[], T], refusal: Callable[[], Exception], lost: Exception) -> T:
        """An I/O call with every failure: refused, done twice, response lost, process ended during it."""
        rates = self.rates
        self.pause()
        if self.now >= rates.calm:
            result = effect()
            self.pause()
            return result
        if name in _WRITES and self._running is not None and self.random.random() < rates.overtaken:
            self.covered[f"overtaken before {name}"] += 1
            self.pause(self.random.choice([300, 3_000, 20_000]))
        chance = self.random.random()
        if (chance := chance - rates.crash) < 0 and self._running is not None:
            self.covered[f"crash before {name}"] += 1
            raise Crash(f"before {name}")
        if (chance := chance - rates.refused) < 0:
            self.covered[f"refused {name}"] += 1
            raise refusal()
        result = effect()
        if (chance := chance - rates.crash) < 0 and self._running is not None:
            self.covered[f"crash after {name}"] += 1
            raise Crash(f"after {name}")
        if (chance := chance - rates.repeated) < 0:
            # The answer was lost on its way, botocore asks again and gets the answer to the repeated request.
            self.covered[f"repeated {name}"] += 1
            self.tell(f"  … {name} is repeated")
            self.pause()
            result = effect()
        elif chance - rates.answer_lost < 0:
            self.covered[f"answer lost {name}"] += 1
            raise lost
        self.pause()
        return result

    def tell(self, what: str) -> None:
        """A line of the story, where one is wanted."""
        if self.told is not None:
            at = self.moment(self.now).isoformat(timespec="milliseconds").replace("+00:00", "")
            self.told.append(f"{at}  {what}")
