"""The template's own metric filters and alarms, and when they ring over what a scene logged and counted."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from tests.simulation.messaging import resources
from tools.alarms.evaluation import State, evaluated, metric_of, period_minutes
from tools.alarms.metrics import DataPoints, Line, Metric, count

# What CodeDeploy alone looks at: they ring about deployments (docs/guides/upgrade.md).
ROLLOUT_CONDITION: Final = "HasRollout"


@cache
def alarms() -> Mapping[str, Mapping[str, Any]]:
    """The properties of each alarm that is there without a roll-out, by its logical name."""
    return {
        name: _resolved(each["Properties"])
        for name, each in resources().items()
        if each["Type"] == "AWS::CloudWatch::Alarm" and each.get("Condition") != ROLLOUT_CONDITION
    }


@cache
def filters() -> tuple[Mapping[str, Any], ...]:
    """The properties of each metric filter."""
    found = resources().values()
    return tuple(_resolved(each["Properties"]) for each in found if each["Type"] == "AWS::Logs::MetricFilter")


def severity(name: str) -> str:
    """*page* or *ticket*: the first word of the alarm's description."""
    return str(alarms()[name]["AlarmDescription"]).partition(" - ")[0]


def minutes_to_fire(name: str) -> int:
    """Return the shortest time for which the cause lasts before the alarm rings."""
    properties = alarms()[name]
    periods = int(properties["EvaluationPeriods"])
    return int(properties.get("DatapointsToAlarm", periods)) * period_minutes(properties)


def metrics(name: str) -> list[Metric]:
    """The metrics that the alarm looks at."""
    properties = alarms()[name]
    named = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each]
    return [metric_of(each) for each in named or [properties]]


def rings(lines: list[Line], fed: DataPoints, until: int) -> dict[str, int]:
    """The first minute in which each alarm rings, of those that do; a scene is `until` minutes long."""
    points = DataPoints()
    for metric, minutes in fed.values.items():
        for minute, values in minutes.items():
            points.put(metric, minute, *values)
    count(filters(), lines, points)
    return {name: first for name in alarms() if (first := _first(name, points, until)) is not None}


def _first(name: str, points: DataPoints, until: int) -> int | None:
    properties, state = alarms()[name], "OK"
    # Before the scene there is nothing: an alarm is looked at once its range is full.
    start = period_minutes(properties) * (int(properties["EvaluationPeriods"]) if _wants_data(properties) else 1)
    before: State = "OK"
    for minute in range(start, until + 1):
        before = state = evaluated(properties, points, minute, before)
        if state == "ALARM":
            return minute
    return None


def _wants_data(properties: Mapping[str, Any]) -> bool:
    return bool(properties.get("TreatMissingData") == "breaching")


def _resolved(value: Any) -> Any:
    """Values with the template's functions replaced by the names they stand for."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function in ("Ref", "GetAtt", "Sub"):
                return argument
        return {key: _resolved(each) for key, each in value.items()}
    return [_resolved(each) for each in value] if isinstance(value, list) else value
