"""The model of the close against what AWS documents, and a small close against its targets and alarms."""

import pytest

from tests.capacity.__main__ import targets
from tests.capacity.aws import Queue, batches_at_once, in_alarm
from tests.capacity.recorded import Calls, Published
from tests.capacity.scenarios import Setup, close
from tests.capacity.virtual_time import Loop
from tests.simulation.messaging import resources

# As the real handlers are recorded; `make capacity` records them again.
RECORDED = {
    "final report": Calls(1, 1, 1, 0.005),
    "first look": Calls(1, 2, 2, 0.008),
    "check of an open order": Calls(1, 2, 1, 0.008),
}
PUBLISHED = Published(10, 10, 0.035)


@pytest.mark.parametrize(
    ("seconds", "most", "batches"), [(0, None, 5), (60, None, 305), (120, None, 605), (600, None, 1000), (600, 10, 10)]
)
def test_mapping_scales_as_documented(seconds: float, most: int | None, batches: int) -> None:
    """Five batches at a time, up to 300 more a minute, up to 1,000 or the maximum concurrency."""
    assert batches_at_once(seconds, most) == batches


def test_message_is_visible_after_its_delay_and_not_before() -> None:
    loop = Loop()
    queue = Queue(loop)
    queue.send("now")
    queue.send("later", 31)
    loop.run(30.9)
    assert [body for _, body in queue.receive(10)] == ["now"]
    loop.run(31.1)
    assert [body for _, body in queue.receive(10)] == ["later"]


@pytest.mark.parametrize("number", range(4))
def test_small_close_meets_each_target(number: int) -> None:
    """The full one is `make capacity`."""
    every = targets(600, RECORDED, PUBLISHED)
    every[0].run()
    assert every[number].holds(every[number].run()), every[number].says


def test_more_in_flight_are_never_called_than_the_mapping_allows() -> None:
    result = close(1500, RECORDED, PUBLISHED, Setup(confirm_concurrency=3), minutes=0.1)
    assert result.gateway.peak <= 15
    assert len(result.waits) == 1500


def test_backlog_alarm_is_raised_when_pulls_stop_and_not_in_a_close() -> None:
    alarm = resources()["BacklogAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Period"]) == ("ApproximateAgeOfOldestMessage", 60)
    stopped = close(300, RECORDED, PUBLISHED, Setup(stopped=True), most_seconds=1800)
    assert stopped.waits == []
    assert in_alarm(alarm, stopped.ages)
    assert not in_alarm(alarm, close(300, RECORDED, PUBLISHED, Setup(), most_seconds=1800).ages)
