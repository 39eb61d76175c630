"""Each way of failing rings an alarm of the template's, and a calm day rings none."""

import re
from pathlib import Path

import pytest

from tests.failure_drill.__main__ import drill
from tests.failure_drill.alarms import alarms, metrics, minutes_to_fire, rings, severity
from tests.failure_drill.modes import MODES, Mode
from tests.failure_drill.scene import Scene
from tests.simulation.messaging import resources, template

ROOT = Path(__file__).parents[2]
OPERATOR = (ROOT / "docs/guides/operator.md").read_text()
# CloudFormation's limit of resources in a template.
MOST_RESOURCES = 500


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_failure_rings_its_alarm_and_one_cause_rings_once(mode: Mode) -> None:
    result = drill(mode)
    assert result.after is not None, f"{mode.name}: silent"
    assert result.others == ()


def test_calm_day_rings_no_alarm() -> None:
    """Orders are created, traded, reported, pulled, settled and published; one webhook an hour is forged."""
    scene = Scene()
    with scene.recorded():
        for hour in range(5):
            transaction_id = scene.trade()
            assert scene.webhook(transaction_id) == 200
            scene.pull(transaction_id)
            scene.publish()
            if hour == 2:
                scene.webhook(transaction_id, "a_key_that_nobody_issued")
            scene.wait(60)
    assert rings(scene.lines, scene.fed, scene.minute) == {}


def test_holiday_and_night_ring_no_alarm_about_webhooks() -> None:
    """An order that is placed after the market's close gets its webhooks the next morning."""
    scene = Scene()
    with scene.recorded():
        scene.wait(60 * 7)  # 16:30 in India
        transaction_id = scene.trade(status="PLACED", filledQuantity=0, averagePrice=None)
        scene.know(transaction_id, status="PROCESSING")
        scene.pull(transaction_id)
        scene.publish()
        scene.wait(120)
    assert "NoWebhooksAlarm" not in rings(scene.lines, scene.fed, scene.minute)


@pytest.mark.parametrize("alarm", alarms())
def test_each_alarm_has_a_way_of_failing_that_rings_it(alarm: str) -> None:
    assert [mode for mode in MODES if mode.alarm == alarm]
    assert metrics(alarm)


@pytest.mark.parametrize("alarm", alarms())
def test_runbook_has_severity_and_time_of_each_alarm(alarm: str) -> None:
    """A row of the runbook: severity, minutes until it rings, what it means, what to look at, what to do."""
    [row] = [line for line in OPERATOR.splitlines() if line.startswith(f"| **{alarm}**")]
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert cells[1] == f"{severity(alarm)}, {minutes_to_fire(alarm)} min"
    assert len(cells) == 5
    assert all(cells)


@pytest.mark.parametrize("alarm", alarms())
def test_severity_is_one_of_two(alarm: str) -> None:
    assert severity(alarm) in ("page", "ticket")


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_in_an_alarm_about_its_failed_invocations(metric: str) -> None:
    """The dead-letter queues of the example consumers have alarms of their own."""
    functions = {
        name
        for name, each in resources().items()
        if each["Type"] == "AWS::Serverless::Function" and each.get("Condition") != "HasExamples"
    }
    queries = [
        query["MetricStat"]["Metric"]
        for each in resources().values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
        for query in each["Properties"].get("Metrics", [])
        if "MetricStat" in query
    ]
    # Alarms of roll-outs name a version as well.
    watched = {
        query["Dimensions"][0]["Value"]["Ref"]
        for query in queries
        if (query["Namespace"], query["MetricName"]) == ("AWS/Lambda", metric) and len(query["Dimensions"]) == 1
    }
    assert functions == watched


def test_metric_filters_have_one_transformation_and_the_stack_room_for_more() -> None:
    """CloudWatch Logs takes one transformation a filter; CloudFormation 500 resources after SAM has made its own."""
    filters = [each for each in resources().values() if each["Type"] == "AWS::Logs::MetricFilter"]
    assert {len(each["Properties"]["MetricTransformations"]) for each in filters} == {1}
    assert len(resources()) < MOST_RESOURCES / 2


def test_production_is_not_deployed_without_a_topic_or_without_confirmation() -> None:
    rule = template()["Rules"]["ProductionSettings"]
    said = " ".join(each["AssertDescription"] for each in rule["Assertions"])
    assert "AlarmTopicArn" in said
    assert "Confirm=none" in said
