"""SQS, Lambda's event source mappings and DynamoDB streams, as far as AWS documents how fast they are.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: a mapping of a standard queue processes five
batches at a time, and adds up to 300 a minute while messages are available, up to 1,000 or its maximum concurrency.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html: one batch of a stream's shard at a time, or as
many as the mapping's ParallelizationFactor, and the records of an item in order.
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html: Lambda polls a shard four times a second.
"""

import heapq
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.capacity.virtual_time import Loop

FIRST_BATCHES: Final = 5
BATCHES_A_MINUTE: Final = 300
MOST_BATCHES: Final = 1000
POLLS_A_SECOND: Final = 4

# What AWS does not document, as it is seen within a region.
SQS_CALL_SECONDS: Final = 0.010
INVOKE_SECONDS: Final = 0.005
PUT_EVENTS_SECONDS: Final = 0.015
DYNAMODB_SECONDS: Final = 0.005


def batches_at_once(seconds: float, most: int | None) -> int:
    """Return the number of batches that a mapping processes at once, `seconds` after messages became available."""
    grown = FIRST_BATCHES + int(BATCHES_A_MINUTE * seconds / 60)
    return min(grown, MOST_BATCHES, most or MOST_BATCHES)


@dataclass
class Queue:
    """A standard queue: what is visible, and what will be. `ages` has the age of the oldest message in each minute."""

    loop: Loop
    visible: deque[tuple[float, str]] = field(default_factory=deque)
    delayed: list[tuple[float, float, str]] = field(default_factory=list)
    sent: int = 0
    deepest: int = 0
    ages: list[float] = field(default_factory=list)
    wake: Callable[[], None] = lambda: None

    def send(self, body: str, delay: float = 0.0) -> None:
        """Send a message."""
        self.sent += 1
        if delay > 0:
            heapq.heappush(self.delayed, (self.loop.now + delay, self.loop.now, body))
            self.loop.at(self.loop.now + delay, self._show)
        else:
            self.visible.append((self.loop.now, body))
            self._noticed()

    def receive(self, most: int) -> list[tuple[float, str]]:
        """Up to `most` messages, the oldest first."""
        return [self.visible.popleft() for _ in range(min(most, len(self.visible)))]

    def watch(self, minutes: int) -> None:
        """Keep SQS's metric ApproximateAgeOfOldestMessage for so many minutes."""
        for minute in range(1, minutes + 1):
            self.loop.at(60.0 * minute, self._note)

    def _note(self) -> None:
        self.ages.append(self.loop.now - self.visible[0][0] if self.visible else 0.0)

    def _show(self) -> None:
        while self.delayed and self.delayed[0][0] <= self.loop.now:
            due, _, body = heapq.heappop(self.delayed)
            self.visible.append((due, body))
        self._noticed()

    def _noticed(self) -> None:
        self.deepest = max(self.deepest, len(self.visible))
        self.wake()


@dataclass
class Sqs:
    """The client methods that the product calls, each taking its time."""

    loop: Loop
    queues: Mapping[str, Queue]

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """SendMessageBatch."""
        self.loop.sleep(SQS_CALL_SECONDS)
        for entry in Entries:
            self.queues[QueueUrl].send(entry["MessageBody"], entry.get("DelaySeconds", 0))
        return {"Failed": []}


class QueueMapping:
    """An event source mapping of a queue: `invoke` gets an event and returns the messages that failed."""

    def __init__(
        self, loop: Loop, queue: Queue, invoke: Callable[[dict[str, Any]], Any], batch: int, window: float, most: int
    ) -> None:
        self.loop, self.queue, self.invoke = loop, queue, invoke
        self.batch, self.window, self.most = batch, window, most
        self.running = self.peak = 0
        self._active_since: float | None = None
        self._growing = False
        queue.wake = self._woken

    def _woken(self) -> None:
        if self._active_since is None or (self.running == 0 and not self._growing):
            self._active_since = self.loop.now
        while self.queue.visible and self.running < self._allowed():
            self.running += 1
            self.peak = max(self.peak, self.running)
            self.loop.spawn(self._poll)
        if self.running < self.most and not self._growing:
            self._growing = True
            self.loop.at(self.loop.now + 60.0 / BATCHES_A_MINUTE, self._grow)

    def _grow(self) -> None:
        self._growing = False
        if self.queue.visible:
            self._woken()

    def _allowed(self) -> int:
        return batches_at_once(self.loop.now - (self._active_since or 0.0), self.most)

    def _poll(self) -> None:
        while True:
            self.loop.sleep(SQS_CALL_SECONDS)
            messages = self.queue.receive(self.batch)
            waited = 0.0
            while messages and len(messages) < self.batch and waited < self.window:
                self.loop.sleep(0.1)
                waited += 0.1
                messages += self.queue.receive(self.batch - len(messages))
            if not messages:
                self.running -= 1
                return
            self.loop.sleep(INVOKE_SECONDS)
            records = [{"messageId": str(n), "body": body} for n, (_, body) in enumerate(messages)]
            failed = {each["itemIdentifier"] for each in self.invoke({"Records": records})["batchItemFailures"]}
            self.loop.sleep(SQS_CALL_SECONDS)
            for n, (_, body) in enumerate(messages):
                if str(n) in failed:
                    self.queue.send(body, 360.0)


class Stream:
    """A table's stream, and the function that publishes it: `seconds` is what a record batch takes, by its records."""

    def __init__(self, loop: Loop, shards: int, factor: int, seconds: Callable[[int], float]) -> None:
        self.loop, self.seconds = loop, seconds
        self.lanes: list[deque[Callable[[], None]]] = [deque() for _ in range(shards * factor)]
        self.busy = [False] * len(self.lanes)
        self.latest = 0.0
        self.peak = 0

    def put(self, key: int, published: Callable[[], None]) -> None:
        """A record of the item `key`; `published` is called when the function is through with it."""
        lane = key % len(self.lanes)
        self.lanes[lane].append(published)
        if not self.busy[lane]:
            self.busy[lane] = True
            self.peak = max(self.peak, sum(self.busy))
            self.loop.at(self.loop.now + 0.5 / POLLS_A_SECOND, lambda: self._publish(lane))

    def _publish(self, lane: int) -> None:
        waiting = self.lanes[lane]
        records = [waiting.popleft() for _ in range(min(100, len(waiting)))]
        if not records:
            self.busy[lane] = False
            return

        def done() -> None:
            for published in records:
                published()
            self._publish(lane)

        self.loop.at(self.loop.now + self.seconds(len(records)), done)


def in_alarm(alarm: Mapping[str, Any], points: Sequence[float]) -> bool:
    """True if a CloudWatch alarm of the template is ever raised by a metric's points, one for each of its periods.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html: it is when as many points in a
    row breach as there are evaluation periods.
    """
    if alarm["ComparisonOperator"] != "GreaterThanThreshold" or "DatapointsToAlarm" in alarm:
        raise NotImplementedError(json.dumps(alarm["ComparisonOperator"]))
    breaches = 0
    for point in points:
        breaches = breaches + 1 if point > alarm["Threshold"] else 0
        if breaches >= alarm["EvaluationPeriods"]:
            return True
    return False
