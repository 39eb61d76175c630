"""A message batch: pulled at once, at the pace that the Gateway bears, each request with its own fate."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from securities_transactions.domain.pace import LEAST, MOST, Pace
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.gateway.errors import GatewayRefused, GatewayUnavailable
from securities_transactions.parallel import InParallel, in_threads
from securities_transactions.services.pull_queue import PullQueue, PullQueues
from securities_transactions.services.reconcile import Reconcile
from securities_transactions.services.reconcile_batch import MOST_REST, Pulled, ReconcileBatch
from tests.application import in_turn
from tests.strict_messaging import StrictQueue, refused_call

START: Final = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
LIMITED: Final = GatewayUnavailable("the Gateway answered 429", is_overloaded=True)
FAULT: Final = GatewayUnavailable("the Gateway answered 500")


@dataclass
class Time:
    """A clock that only work and rests move on, and an invocation's deadline."""

    now: datetime = START
    left: float = 50.0
    rests: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.left -= seconds

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.work(seconds)


@dataclass
class Record:
    """The pace's record: who changes it must have seen the change before."""

    pace: Pace = field(default_factory=Pace)
    reads: int = 0
    error: Exception | None = None

    def read(self) -> Pace:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.pace

    def replace(self, before: Pace, after: Pace, now: datetime) -> bool:
        if before.version != self.pace.version:
            return False
        self.pace = after
        return True


@dataclass
class Pulls:
    """Stands for `Reconcile`: what was pulled, and how each transaction's pull ends."""

    time: Time
    ends: dict[str, PullOutcome | Exception] = field(default_factory=dict)
    seconds: float = 0.3
    pulled: list[str] = field(default_factory=list)
    lease_over: timedelta = timedelta(seconds=31)

    def pull(self, request: PullRequest) -> PullOutcome:
        self.pulled.append(request.transaction_id)
        self.time.work(self.seconds)
        end = self.ends.get(request.transaction_id, PullOutcome.PULLED)
        if isinstance(end, Exception):
            raise end
        return end


class World:
    """A batch service over these."""

    def __init__(self, pace: Pace | None = None, in_parallel: InParallel = in_turn) -> None:
        self.time, self.record, self.queue = Time(), Record(pace or Pace()), StrictQueue()
        self.pulls = Pulls(self.time)
        reconcile: Any = self.pulls
        paces: Any = self.record
        client: Any = self.queue
        self.batch = ReconcileBatch(
            reconcile=reconcile,
            paces=paces,
            queues=PullQueues(PullQueue(client, "finals"), PullQueue(client, "others")),
            ids_per_call=1,
            clock=self.time.clock,
            sleep=self.time.sleep,
            in_parallel=in_parallel,
            seconds_left=lambda: self.time.left,
        )

    def run(self, requests: Sequence[PullRequest]) -> dict[str, Pulled]:
        return {each.request.transaction_id: each for each in self.batch.pull(requests)}


def requests(count: int) -> list[PullRequest]:
    return [PullRequest(f"T{n}", final=n % 2 == 0) for n in range(count)]


def test_failure_is_that_of_one_transaction() -> None:
    world = World()
    world.pulls.ends = {"T1": ValueError("poison"), "T2": FAULT, "T3": PullOutcome.BUSY}
    ended = world.run(requests(5))
    assert isinstance(ended["T1"].error, ValueError)
    assert ended["T2"].error is FAULT
    assert [ended[name].outcome for name in ("T0", "T3", "T4")] == ["pulled", "busy", "pulled"]
    assert world.queue.batched == []


def test_pulls_of_a_batch_run_at_once_up_to_the_pace() -> None:
    """Real threads: none of them gets on before as many are inside as the pace allows."""
    inside = threading.Barrier(4, timeout=20)

    def pull(request: PullRequest) -> PullOutcome:
        inside.wait()
        return PullOutcome.PULLED

    world = World(Pace(4.0), in_threads)
    reconcile: Any = world.pulls
    reconcile.pull = pull
    assert {each.outcome for each in world.run(requests(8)).values()} == {PullOutcome.PULLED}


def test_no_more_pulls_run_at_once_than_the_pace_allows() -> None:
    most, now, lock = [0], [0], threading.Lock()

    def pull(request: PullRequest) -> PullOutcome:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.002)
        with lock:
            now[0] -= 1
        return PullOutcome.PULLED

    world = World(Pace(3.0), in_threads)
    reconcile: Any = world.pulls
    reconcile.pull = pull
    world.run(requests(30))
    assert most[0] <= 3


def test_requests_of_one_transaction_are_pulled_in_turn() -> None:
    """Two at once would meet at its lease, and the second would be put off."""
    world = World(Pace(MOST), in_threads)
    same = [PullRequest("T1"), PullRequest("T1", suspicious=True), PullRequest("T2")]
    active, seen = set[str](), list[str]()

    def pull(request: PullRequest) -> PullOutcome:
        assert request.transaction_id not in active
        active.add(request.transaction_id)
        time.sleep(0.005)
        active.remove(request.transaction_id)
        seen.append(request.transaction_id)
        return PullOutcome.PULLED

    reconcile: Any = world.pulls
    reconcile.pull = pull
    assert {each.outcome for each in world.batch.pull(same)} == {PullOutcome.PULLED}
    assert sorted(seen) == ["T1", "T1", "T2"]


# --- the pace


def test_one_read_for_a_batch_and_one_write_where_the_pace_bounded_it() -> None:
    world = World()
    world.run(requests(10))
    assert (world.record.reads, world.record.pace.in_flight) == (1, 3.0)
    world.run(requests(2))
    assert (world.record.reads, world.record.pace.in_flight) == (2, 3.0), "two at a time were not too many of three"


def test_at_the_most_nothing_is_written() -> None:
    world = World(Pace(MOST, version=3))
    world.run(requests(11))
    assert world.record.pace == Pace(MOST, version=3)


@pytest.mark.parametrize("how", ["limited", "slow"])
def test_refusal_or_slowness_halves_the_pace(how: str) -> None:
    world = World(Pace(4.0))
    if how == "limited":
        world.pulls.ends = {"T9": LIMITED}
    else:
        world.pulls.seconds = 3.1
    world.run(requests(10) if how == "limited" else requests(1))
    assert world.record.pace.in_flight == 2.0
    assert world.record.pace.refused_at == 4.0


@pytest.mark.parametrize("error", [FAULT, GatewayRefused(400, (), None), ValueError("x")])
def test_other_failures_leave_the_pace(error: Exception) -> None:
    world = World(Pace(4.0))
    world.pulls.ends = {"T0": error}
    world.run(requests(3))
    assert world.record.pace == Pace(4.0)


def test_refusals_that_several_invocations_meet_at_once_halve_the_pace_once() -> None:
    """Each has seen the same pace; the second finds it halved and goes on at that."""
    world = World(Pace(4.0))
    world.pulls.ends = {"T0": LIMITED}
    world.record.pace = replace(Pace(4.0), version=1)
    seen = replace(Pace(4.0), version=0)
    reads = iter([seen])
    read: Callable[[], Pace] = world.record.read
    record: Any = world.record
    record.read = lambda: next(reads, None) or read()
    world.run(requests(1))
    assert world.record.pace.in_flight == 4.0


def test_pace_below_one_rests_between_calls() -> None:
    world = World(Pace(0.5, refused_at=1.0))
    world.run(requests(4))
    assert world.time.rests == [pytest.approx(0.3)] * 3


def test_what_the_time_does_not_allow_is_sent_again_to_its_queue() -> None:
    """Its message is used up, so that no number of deliveries ever makes a dead letter of it."""
    world = World(Pace(LEAST, refused_at=1.0))
    ended = world.run(requests(10))
    postponed = [name for name, each in ended.items() if each.outcome is PullOutcome.POSTPONED]
    assert len(ended) == 10
    assert 0 < len(world.pulls.pulled) < 10
    assert len(postponed) == 10 - len(world.pulls.pulled)
    assert len(world.queue.by_url["finals"]) + len(world.queue.by_url["others"]) == len(postponed)
    assert world.time.left >= 9.0 - 0.3, "a call's time is left"


def test_slow_pulls_begin_only_with_time_for_a_call() -> None:
    world = World(Pace(1.0))
    world.time.left, world.pulls.seconds = 12.0, 2.9
    ended = world.run(requests(4))
    assert world.pulls.pulled == ["T0", "T1"]
    assert [ended[name].outcome for name in ("T2", "T3")] == [PullOutcome.POSTPONED] * 2


# --- Retry-After


def test_gateway_that_asks_for_a_wait_is_left_alone_by_this_batch_and_others() -> None:
    world = World(Pace(2.0))
    world.pulls.ends = {"T0": GatewayUnavailable("429", 120, is_overloaded=True)}
    ended = world.run(requests(6))
    assert world.record.pace.closed_until == START + timedelta(seconds=120.3)
    assert world.pulls.pulled == ["T0"]
    assert {ended[f"T{n}"].outcome for n in range(1, 6)} == {PullOutcome.POSTPONED}
    assert set(world.queue.delays["finals"] + world.queue.delays["others"]) == {120}

    world.time.now += timedelta(seconds=60)
    world.pulls.ends = {}
    assert {each.outcome for each in world.run(requests(3)).values()} == {PullOutcome.POSTPONED}
    assert world.pulls.pulled == ["T0"], "nothing is called before it is over"
    assert world.queue.delays["others"][-1] == 60

    world.time.now += timedelta(seconds=61)
    assert {each.outcome for each in world.run(requests(3)).values()} == {PullOutcome.PULLED}


def test_short_wait_is_waited_for() -> None:
    world = World(Pace(2.0))
    world.pulls.ends = {"T0": GatewayUnavailable("429", 2, is_overloaded=True)}
    ended = world.run(requests(4))
    assert {ended[f"T{n}"].outcome for n in range(1, 4)} == {PullOutcome.PULLED}
    assert sum(world.time.rests[:2]) == pytest.approx(2.0)


def test_wait_that_the_gateway_asks_for_is_bounded() -> None:
    world = World()
    world.pulls.ends = {"T0": GatewayUnavailable("503", 3600, is_overloaded=True)}
    world.run(requests(4))
    assert set(world.queue.delays["finals"] + world.queue.delays["others"]) == {900}


# --- when AWS fails


DOWN: Final = refused_call("GetItem", "InternalServerError", status=500)


def test_pace_that_cannot_be_read_brings_every_message_back() -> None:
    world = World()
    world.record.error = DOWN
    ended = world.run(requests(3))
    assert {each.error for each in ended.values()} == {DOWN}
    assert world.pulls.pulled == []


def test_pace_that_cannot_be_stored_is_an_error_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.pulls.ends = {"T0": LIMITED}

    def fails(*_: object) -> bool:
        raise DOWN

    record: Any = world.record
    record.replace = fails
    ended = world.run(requests(10))
    assert {ended[f"T{n}"].outcome for n in range(1, 10)} == {PullOutcome.PULLED}
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == ["the pace is not stored"]


@pytest.mark.parametrize("error", [DOWN, None], ids=["the call fails", "an entry fails"])
def test_what_cannot_be_sent_again_comes_back_by_itself(error: ClientError | None) -> None:
    world = World(Pace(2.0))
    world.pulls.ends = {"T0": GatewayUnavailable("429", 120, is_overloaded=True)}

    def refuses(*, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:
        if error is not None:
            raise error
        return {"Failed": [{"Id": each["Id"]} for each in Entries]}

    queue: Any = world.queue
    queue.send_message_batch = refuses
    ended = world.run(requests(4))
    assert all(ended[f"T{n}"].error is not None for n in range(1, 4))


def test_fake_has_the_names_of_the_products_class() -> None:
    assert {"pull", "lease_over"} <= set(dir(Reconcile)) & {*dir(Pulls), *Pulls.__dataclass_fields__}


def test_slow_calls_at_the_lowest_pace_rest_too() -> None:
    """An execution that gave up instead would be followed by the next one at once: no pace at all."""
    world = World(Pace(LEAST, refused_at=1.0))
    world.pulls.seconds = 2.0
    world.run(requests(3))
    assert world.time.rests[0] == MOST_REST.total_seconds()
    assert len(world.pulls.pulled) == 3


def test_calls_in_flight_together_halve_the_pace_once() -> None:
    """Five refusals of one wave are one message: otherwise a second would end a minute's pace."""
    world = World(Pace(4.0), in_threads)
    inside = threading.Barrier(4, timeout=20)

    def pull(request: PullRequest) -> PullOutcome:
        inside.wait()
        raise LIMITED

    reconcile: Any = world.pulls
    reconcile.pull = pull
    world.time.now += timedelta(seconds=1)
    world.run(requests(4))
    assert world.record.pace.in_flight == 2.0
