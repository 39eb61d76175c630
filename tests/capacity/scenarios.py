"""The close and the open of the market: how long confirming takes, and what is in flight meanwhile.

What handles, paces and postpones is the product: the handler of `reconcile` over `ReconcileBatch`. Under it each pull
is played as it was recorded (recorded.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from statistics import median
from types import SimpleNamespace
from typing import Any, Final

from securities_transactions.deadline import Deadline
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.pace import Pace
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import Transaction
from securities_transactions.gateway.errors import GatewayUnavailable
from securities_transactions.services.pull_queue import PullQueue, PullQueues, message_of
from securities_transactions.services.reconcile_batch import ReconcileBatch
from tests.application import function
from tests.capacity.aws import DYNAMODB_SECONDS, PUT_EVENTS_SECONDS, SQS_CALL_SECONDS, Queue, QueueMapping, Sqs, Stream
from tests.capacity.recorded import Calls, Published, quiet
from tests.capacity.virtual_time import OPENED, Loop

GATEWAY_SECONDS: Final = 0.3
REFUSAL_SECONDS: Final = 0.03
# From the webhook's request to its write.
_WEBHOOK_SECONDS: Final = 0.03
_INVOCATION_SECONDS: Final = 51.0


@dataclass
class Gateway:
    """The stub: 300 ms a call, and 429 for every call above `limit` in a second, if there is one."""

    loop: Loop
    limit: int | None = None
    calls: int = 0
    refused: int = 0
    in_flight: int = 0
    peak: int = 0
    _second: int = -1
    _taken: int = 0

    def call(self) -> None:
        """One call; raises `GatewayUnavailable` where it is refused."""
        self.calls += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            if int(self.loop.now) != self._second:
                self._second, self._taken = int(self.loop.now), 0
            self._taken += 1
            if self.limit is not None and self._taken > self.limit:
                self.refused += 1
                self.loop.sleep(REFUSAL_SECONDS)
                raise GatewayUnavailable("the Gateway answered 429", is_overloaded=True)
            self.loop.sleep(GATEWAY_SECONDS)
        finally:
            self.in_flight -= 1


@dataclass
class Paces:
    """The record of the pace in DynamoDB; the product's `Paces` over a table in memory would only cost time here."""

    loop: Loop
    pace: Pace = field(default_factory=Pace)

    def read(self) -> Pace:
        """GetItem."""
        self.loop.sleep(DYNAMODB_SECONDS)
        return self.pace

    def replace(self, before: Pace, after: Pace, now: object) -> bool:
        """PutItem with its condition."""
        self.loop.sleep(DYNAMODB_SECONDS)
        if before.version != self.pace.version:
            return False
        self.pace = after
        return True


class Processor:
    """The processor of one execution environment: what several threads compute, it does one after another."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.free_at = loop, 0.0

    def use(self, seconds: float) -> None:
        """Compute."""
        self.free_at = max(self.free_at, self.loop.now) + seconds
        self.loop.sleep(self.free_at - self.loop.now)


_TRANSACTION: Final = Transaction(
    transaction_id="T",
    user_id="u",
    status=Status.COMPLETED,
    version=2,
    created_at=OPENED,
    expire_at=OPENED,
    requested=Deferred.of({}),
)


class Played:
    """Stands for `Reconcile` in one execution: plays the recorded calls of each pull."""

    lease_over = timedelta(seconds=31)

    def __init__(self, world: "World", processor: Processor) -> None:
        self.world, self.processor = world, processor
        self.gateway = self

    def pull(self, request: PullRequest) -> PullOutcome:
        """A pull with all its calls."""
        calls = self.world.kind(request)
        self._use(calls.before, calls.cpu / 2)
        for _ in range(calls.gateway):
            try:
                self.world.gateway.call()
            except GatewayUnavailable:
                self._use(1, 0.0)
                self.world.queues.send([request], self.lease_over)
                raise
        return self.save(request, _TRANSACTION, None)

    def lease(self, request: PullRequest) -> Transaction:
        """The lease alone, for a call about several."""
        calls = self.world.kind(request)
        self._use(calls.before, calls.cpu / 2)
        return replace(_TRANSACTION, transaction_id=request.transaction_id)

    def is_shown_by_orders(self, stored: Transaction) -> bool:
        """Every account is shown in these scenarios."""
        return True

    def pull_completed(self, transaction_ids: Sequence[str], now: object) -> Mapping[str, None]:
        """One call for several: the Gateway takes all of them."""
        self.world.gateway.call()
        return dict.fromkeys(transaction_ids)

    def save(self, request: PullRequest, stored: Transaction, state: object) -> PullOutcome:
        """The write of the outcome."""
        calls = self.world.kind(request)
        self._use(calls.after, calls.cpu / 2)
        self.world.confirm(request)
        return PullOutcome.PULLED

    def is_scheduled(self, transaction_id: str) -> bool:
        """A stored transaction is."""
        return True

    def _use(self, calls: int, cpu: float) -> None:
        self.processor.use(cpu)
        self.world.loop.sleep(calls * DYNAMODB_SECONDS)


@dataclass(frozen=True)
class Setup:
    """The settings of the product and of the Gateway."""

    confirm_concurrency: int = 10
    check_concurrency: int = 10
    ids_per_call: int = 1
    limit: int | None = None
    shards: int = 4
    factor: int = 4
    stopped: bool = False


@dataclass
class Result:
    """The result of a scenario: seconds from the beginning, and from each report to its confirmation.

    `busiest` is how many reports and confirmations there were in the busiest second: each is an event and its writes.
    """

    setup: Setup
    last: float
    waits: list[float]
    waits_of_others: list[float]
    gateway: Gateway
    deepest: int
    executions: int
    lanes: int
    ages: list[float]
    busiest: int

    @property
    def p50(self) -> float:
        """The median from the report to its confirmation, in seconds."""
        return median(self.waits) if self.waits else float("inf")

    @property
    def longest(self) -> float:
        """The longest."""
        return max(self.waits, default=float("inf"))


class World:
    """The product's confirmation path in virtual time."""

    def __init__(self, setup: Setup, recorded: Mapping[str, Calls], published: Published) -> None:
        self.setup, self.recorded = setup, recorded
        self.loop = Loop()
        self.gateway = Gateway(self.loop, setup.limit)
        self.finals, self.others = Queue(self.loop), Queue(self.loop)
        client: Any = Sqs(self.loop, {"finals": self.finals, "others": self.others})
        self.queues = PullQueues(PullQueue(client, "finals"), PullQueue(client, "others"))
        self.paces = Paces(self.loop)
        self.reported: dict[str, float] = {}
        self.confirmed: dict[str, float] = {}
        self.kinds: dict[str, str] = {}
        self._module = function("reconcile")
        calls = published.puts * PUT_EVENTS_SECONDS + published.sends * SQS_CALL_SECONDS
        self.stream = Stream(self.loop, setup.shards, setup.factor, lambda n: n / 100 * (calls + published.cpu))
        self.mappings: list[QueueMapping] = []
        many = setup.ids_per_call > 1
        if not setup.stopped:
            batch, window = (50, 1.0) if many else (10, 0.0)
            self.mappings = [
                QueueMapping(self.loop, self.finals, self.invoke, batch, window, setup.confirm_concurrency),
                QueueMapping(self.loop, self.others, self.invoke, 10, 0.0, setup.check_concurrency),
            ]
        self._idle: list[Callable[[dict[str, Any]], Any]] = []
        self.open: set[str] = set()
        self.open_finals = 0
        self.created = 0
        self._seconds: dict[int, int] = {}

    def plan(self, at: float, transaction_id: str, kind: str, *, final: bool) -> None:
        """A webhook will arrive."""
        self.open.add(transaction_id)
        self.open_finals += final
        self.loop.at(at, lambda: self.report(transaction_id, kind, final=final))

    def plan_check(self, at: float, transaction_id: str) -> None:
        """A check will be sent by the schedule."""
        self.open.add(transaction_id)
        self.kinds[transaction_id] = "check of an open order"
        body = message_of(PullRequest(transaction_id, due_at=OPENED))

        def send() -> None:
            self.reported[transaction_id] = self.loop.now
            self.others.send(body)

        self.loop.at(at, send)

    def create(self, at: float) -> None:
        """An app will create a transaction: the API's function calls the Gateway, outside the mappings."""

        def call() -> None:
            self.gateway.call()
            self.created += 1

        self.loop.at(at, lambda: self.loop.spawn(call))

    def run(self, most_seconds: float, *, finals_only: bool) -> Result:
        """Let it happen until all is confirmed, or `most_seconds` are over."""
        self.finals.watch(int(most_seconds / 60))
        with quiet():
            self.loop.run(most_seconds, lambda: not (self.open_finals if finals_only else self.open))
        waits = {name: at - self.reported[name] for name, at in self.confirmed.items()}
        seconds = max(self.confirmed.values(), default=self.loop.now)
        return Result(
            setup=self.setup,
            last=seconds if not (self.open_finals if finals_only else self.open) else float("inf"),
            waits=[wait for name, wait in waits.items() if name.startswith("T")],
            waits_of_others=[wait for name, wait in waits.items() if not name.startswith("T")],
            gateway=self.gateway,
            deepest=max(self.finals.deepest, self.others.deepest),
            executions=sum(mapping.peak for mapping in self.mappings),
            lanes=self.stream.peak,
            ages=self.finals.ages,
            busiest=self.busiest,
        )

    def kind(self, request: PullRequest) -> Calls:
        """Return the record of a request."""
        return self.recorded[self.kinds[request.transaction_id]]

    def report(self, transaction_id: str, kind: str, *, final: bool) -> None:
        """A webhook arrives now: its write is streamed and published, and its pull requested."""
        self.reported[transaction_id] = self.loop.now
        self.kinds[transaction_id] = kind
        self._count()
        request = PullRequest(transaction_id, final=final)
        queue = self.finals if final else self.others
        body = message_of(request)
        self.loop.at(
            self.loop.now + _WEBHOOK_SECONDS,
            lambda: self.stream.put(hash(transaction_id), lambda: queue.send(body)),
        )

    def confirm(self, request: PullRequest) -> None:
        """A pull is saved: that record is published too."""
        name = request.transaction_id
        if name in self.open:
            self.open.remove(name)
            self.open_finals -= request.final
            self.confirmed[name] = self.loop.now
            self._count()
            self.stream.put(hash(request.transaction_id), lambda: None)

    def _count(self) -> None:
        second = int(self.loop.now)
        self._seconds[second] = self._seconds.get(second, 0) + 1

    @property
    def busiest(self) -> int:
        """Reports and confirmations of the busiest second."""
        return max(self._seconds.values(), default=0)

    def invoke(self, event: dict[str, Any]) -> Any:
        """Run the real handler in an execution environment that is free, or a new one."""
        handler = self._idle.pop() if self._idle else self._environment()
        try:
            return handler(event)
        finally:
            self._idle.append(handler)

    def _environment(self) -> Callable[[dict[str, Any]], Any]:
        loop, began = self.loop, [0.0]
        played: Any = Played(self, Processor(loop))
        paces: Any = self.paces
        batch = ReconcileBatch(
            reconcile=played,
            paces=paces,
            queues=self.queues,
            ids_per_call=self.setup.ids_per_call,
            clock=loop.clock,
            sleep=loop.sleep,
            in_parallel=loop.in_parallel,
            seconds_left=lambda: began[0] + _INVOCATION_SECONDS - loop.now,
        )
        application = SimpleNamespace(reconcile=played, reconcile_batch=batch, deadline=Deadline())
        handle = self._module.make_handler(application)

        def invoke(event: dict[str, Any]) -> Any:
            began[0] = loop.now
            return handle(event, None)

        return invoke


def close(
    count: int,
    recorded: Mapping[str, Calls],
    published: Published,
    setup: Setup,
    *,
    minutes: float = 1.0,
    suspicions: int = 0,
    most_seconds: float = 6 * 3600,
) -> Result:
    """`count` orders become final within a minute, evenly; as many forged `suspicions` arrive at the same time."""
    world = World(setup, recorded, published)
    span = 60.0 * minutes
    for n in range(count):
        world.plan(n * span / count, f"T{n}", "final report", final=True)
    for n in range(suspicions):
        world.plan(n * span / suspicions, f"S{n}", "first look", final=False)
    return world.run(most_seconds, finals_only=True)


def opening(count: int, recorded: Mapping[str, Calls], published: Published, setup: Setup) -> Result:
    """09:15: `count` orders are placed in ten minutes, each with its first look, and fill two seconds later."""
    world = World(setup, recorded, published)
    for n in range(count):
        at = n * 600.0 / count
        world.create(at)
        world.plan(at + 1.0, f"L{n}", "first look", final=False)
        world.plan(at + 3.0, f"T{n}", "final report", final=True)
    return world.run(6 * 3600, finals_only=False)


def checks(count: int, recorded: Mapping[str, Calls], published: Published, setup: Setup, a_minute: int) -> Result:
    """`count` open transactions are due: the schedule sends up to `a_minute` each minute."""
    world = World(setup, recorded, published)
    for n in range(count):
        world.plan_check(60.0 * (n // a_minute), f"C{n}")
    return world.run(24 * 3600, finals_only=False)
