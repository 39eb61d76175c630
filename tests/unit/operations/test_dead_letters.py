"""Dead letters are listed, looked at, dropped with a reason or tried again, one at a time."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from operations import dead_letters
from operations.dead_letters import NotFound
from operations.redrive import RETRIES, Result, redrive
from tests.unit.operations.stage import FakeStage

NOW: Final = datetime(2026, 1, 15, 6, 30, tzinfo=UTC)
PULL: Final = json.dumps({"transactionId": "TRX_1"})
DEAD: Final = "dead of Pull"


def stage_with(queue: str, *bodies: str) -> Any:
    return FakeStage() if not bodies else _filled(FakeStage(), queue, bodies)


def _filled(stage: FakeStage, queue: str, bodies: tuple[str, ...]) -> FakeStage:
    for body in bodies:
        stage.sqs.bodies.setdefault(queue, []).append(body)
    return stage


def listed(stage: Any) -> list[str]:
    return list(dead_letters.lines_of(dead_letters.waiting(stage, NOW)))


def test_list_names_queue_transaction_age_and_reason() -> None:
    stage = stage_with(DEAD, PULL, "no JSON")
    stage.sqs.system[DEAD, 0] = {"SentTimestamp": str(int(datetime(2026, 1, 15, 4, tzinfo=UTC).timestamp() * 1000))}
    set_aside = {"key": {"transactionId": "TRX_2"}, "errorCode": "MalformedDetail", "errorMessage": "too large"}
    _filled(stage, "dead of Publish", (json.dumps(set_aside),))
    _filled(stage, "dead of Updates", (json.dumps({"detail": {"transactionId": "TRX_3"}}),))
    stage.sqs.attributes["dead of Updates", 0] = {
        "ERROR_CODE": {"StringValue": "NO_PERMISSIONS"},
        "ERROR_MESSAGE": {"StringValue": "the queue's policy"},
    }
    assert listed(stage) == [
        "pull       m0  TRX_1  2 h 30 min  failed five times: its log lines have the reason",
        "pull       m1  no transaction  0 h 0 min  cannot be read",
        "updates    m0  TRX_3  0 h 0 min  NO_PERMISSIONS: the queue's policy",
        "publish    m0  TRX_2  0 h 0 min  MalformedDetail too large",
    ]


def test_listing_takes_nothing_away() -> None:
    stage = stage_with(DEAD, PULL, PULL)
    assert listed(stage) == listed(stage)
    assert stage.sqs.left(DEAD) == [PULL, PULL]


def test_dropped_message_is_gone_and_the_others_wait() -> None:
    other = json.dumps({"transactionId": "TRX_2"})
    stage = stage_with(DEAD, PULL, other)
    assert dead_letters.drop(stage, "m0", NOW).body == PULL
    assert stage.sqs.left(DEAD) == [other]
    with pytest.raises(NotFound):
        dead_letters.drop(stage, "m0", NOW)
    assert len(listed(stage)) == 1


def test_message_is_retried_alone() -> None:
    stage = stage_with(DEAD, PULL, json.dumps({"transactionId": "TRX_2"}))
    dead_letters.retry(stage, "m1", NOW)
    assert stage.sqs.bodies["queue of Pull"] == [json.dumps({"transactionId": "TRX_2"})]
    assert stage.sqs.left(DEAD) == [PULL]


def test_message_that_fails_again_stays() -> None:
    stage = stage_with("dead of Publish", "no message of the publisher")
    with pytest.raises(ValueError):
        dead_letters.retry(stage, "m0", NOW)
    assert len(listed(stage)) == 1


def test_poison_message_is_handed_on_three_times_and_then_by_name_alone() -> None:
    """SQS moves it back to the dead-letter queue with the attributes that it was sent with."""
    stage = stage_with(DEAD, PULL)
    for tried in range(1, RETRIES + 1):
        assert redrive(stage)["PullDeadLetterQueueUrl"] == Result(handed_on=1)
        place = len(stage.sqs.bodies["queue of Pull"]) - 1
        attributes = stage.sqs.attributes["queue of Pull", place]
        assert attributes["retries"]["StringValue"] == str(tried)
        stage.sqs.bodies[DEAD].append(PULL)
        stage.sqs.attributes[DEAD, tried] = attributes
    assert redrive(stage)["PullDeadLetterQueueUrl"] == Result(poison=1)
    stage.sqs.received.clear()
    assert "tried again 3 of 3 times" in listed(stage)[0]
    dead_letters.retry(stage, f"m{RETRIES}", NOW)
    assert stage.sqs.left(DEAD) == []


@pytest.mark.parametrize("arguments", [["look"], ["retry"], ["drop", "--message", "m0"]])
def test_command_says_what_it_lacks(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        dead_letters.main(arguments)
    assert "needs --" in capsys.readouterr().err
