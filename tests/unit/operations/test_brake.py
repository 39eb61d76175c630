"""Pulls are paused and slowed by the settings of the queues' mappings."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from operations import brake


@dataclass
class Lambda:
    """Lambda with one mapping for each queue of pulls, as the stage has them."""

    outputs: dict[str, str] = field(
        default_factory=lambda: {
            "PullQueueUrl": "pulls",
            "FinalReportsQueueUrl": "finals",
            "IdempotencyTable": "Idempotency",
        }
    )
    mappings: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            f"arn:aws:sqs:r:1:{queue}": {"UUID": f"mapping of {queue}", "State": "Enabled"}
            for queue in ("pulls", "finals")
        }
    )
    item: dict[str, Any] | None = None

    @property
    def sqs(self) -> "Lambda":
        return self

    @property
    def functions(self) -> "Lambda":
        return self

    @property
    def dynamodb(self) -> "Lambda":
        return self

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {} if self.item is None else {"Item": self.item}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        assert AttributeNames == ["QueueArn"]
        return {"Attributes": {"QueueArn": f"arn:aws:sqs:r:1:{QueueUrl}"}}

    def list_event_source_mappings(self, *, EventSourceArn: str) -> dict[str, Any]:
        return {"EventSourceMappings": [self.mappings[EventSourceArn] | {"EventSourceArn": EventSourceArn}]}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool, **changes: Any) -> None:
        (mapping,) = (each for each in self.mappings.values() if each["UUID"] == UUID)
        mapping |= {"State": "Enabled" if Enabled else "Disabled", **changes}


def test_pulls_are_paused_and_go_on_with_the_limits_that_they_had() -> None:
    stage: Any = Lambda()
    stage.mappings["arn:aws:sqs:r:1:pulls"]["ScalingConfig"] = {"MaximumConcurrency": 5}
    stage.mappings["arn:aws:sqs:r:1:finals"]["ScalingConfig"] = {"MaximumConcurrency": 9}
    brake.pulls(stage, "off")
    assert list(brake.lines_of(stage)) == [
        "creates: go on",
        "pulls of pulls: Disabled, 5 executions at once",
        "pulls of finals: Disabled, 9 executions at once",
    ]
    brake.pulls(stage, "on")
    assert list(brake.lines_of(stage))[1:] == [
        "pulls of pulls: Enabled, 5 executions at once",
        "pulls of finals: Enabled, 9 executions at once",
    ]


@pytest.mark.parametrize(("most", "limit"), [(1, 2), (2, 2), (7, 7)])
def test_pulls_are_slowed_to_what_lambda_takes(most: int, limit: int) -> None:
    stage: Any = Lambda()
    brake.pulls(stage, "slow", most)
    assert [each["ScalingConfig"] for each in stage.mappings.values()] == [{"MaximumConcurrency": limit}] * 2


def test_stopped_creates_are_shown_with_their_reason() -> None:
    stage: Any = Lambda(item={"id": {"S": "brake#creates"}, "reason": {"S": "incident 7, since 2026-01-15"}})
    assert next(brake.lines_of(stage)) == "creates: stopped (incident 7, since 2026-01-15)"


def test_stopping_needs_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        brake.main(["--creates", "off"])
    assert "needs --reason" in capsys.readouterr().err
