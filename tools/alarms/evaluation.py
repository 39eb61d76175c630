"""The state of CloudWatch's alarms, by its documentation (*Evaluating an alarm*, *How alarms treat missing data*)."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from tools.alarms.expressions import Series, evaluate
from tools.alarms.metrics import DataPoints, Metric

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
# CloudWatch looks at a few more periods than an alarm has; how many is not published beyond the example of 3 and 5.
_MORE_PERIODS: Final = 2
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def state_of(
    breaching: Sequence[bool | None], periods: int, needed: int, treat: str = "missing", before: State = "OK"
) -> State:
    """The state of an alarm that needs `needed` of `periods` data points, from those in its evaluation range.

    `breaching` has the oldest first, `None` for a missing one. `before` is what `ignore` retains. Missing points are
    filled only as far as the range has too few that are there.
    """
    there = [each for each in breaching if each is not None][-periods:]
    lacking = periods - len(there)
    if lacking == 0:
        return _decided(there, needed)
    match treat:
        case "breaching":
            return _decided([*there, *[True] * lacking], needed)
        case "notBreaching":
            return _decided([*there, *[False] * lacking], needed)
        case "ignore":
            return _decided(there, needed) if not all(there) else before
        case "missing":
            if not there:
                return "INSUFFICIENT_DATA"
            return "ALARM" if all(there) and _age(breaching) >= needed else _decided(there, needed)
    raise ValueError(f"{treat} is not a treatment of missing data")


def _decided(points: Sequence[bool], needed: int) -> State:
    return "ALARM" if sum(points) >= needed else "OK"


def _age(breaching: Sequence[bool | None]) -> int:
    """Return the age, in periods, of the oldest data point that is there."""
    return len(breaching) - next(n for n, each in enumerate(breaching) if each is not None)


def evaluated(properties: Mapping[str, Any], points: DataPoints, now: int, before: State = "OK") -> State:
    """The state of the alarm with these CloudFormation `Properties` at the minute `now`, which is not over yet."""
    periods = int(properties["EvaluationPeriods"])
    needed = int(properties.get("DatapointsToAlarm", periods))
    series = _series(properties, points, now, periods + (_MORE_PERIODS if periods > 1 else 0))
    compare = _COMPARE[properties["ComparisonOperator"]]
    threshold = float(properties["Threshold"])
    breaching = [None if value is None else compare(value, threshold) for value in series]
    treat = properties.get("TreatMissingData", "missing")
    if properties.get("Namespace") == "AWS/DynamoDB":
        treat = "ignore"  # for every setting: so AWS documents it for this namespace
    return state_of(breaching, periods, needed, treat, before)


def period_minutes(properties: Mapping[str, Any]) -> int:
    """Return the length of one period of the alarm."""
    seconds = {int(each["MetricStat"]["Period"]) for each in properties.get("Metrics", []) if "MetricStat" in each}
    if not seconds:
        return int(properties["Period"]) // 60
    [period] = seconds
    return period // 60


def _series(properties: Mapping[str, Any], points: DataPoints, now: int, length: int) -> Series:
    if "Metrics" not in properties:
        minutes = period_minutes(properties)
        statistic = properties.get("Statistic") or properties["ExtendedStatistic"]
        return _measured(metric_of(properties), statistic, minutes, points, now, length)
    minutes, known, [returned] = (
        period_minutes(properties),
        dict[str, Series](),
        [each["Id"] for each in properties["Metrics"] if each.get("ReturnData", True)],
    )
    for each in properties["Metrics"]:
        if "MetricStat" in each:
            stat = each["MetricStat"]
            # DIFF looks at one period more; CloudWatch fetches it.
            known[each["Id"]] = _measured(metric_of(stat["Metric"]), stat["Stat"], minutes, points, now, length + 1)
    for each in reversed(properties["Metrics"]):
        if "Expression" in each:
            known[each["Id"]] = evaluate(each["Expression"], known, length + 1)
    return known[returned][1:]


def _measured(metric: Metric, statistic: str, minutes: int, points: DataPoints, now: int, length: int) -> Series:
    starts = [now - minutes * n for n in range(length, 0, -1)]
    return [points.statistic(metric, statistic, start, start + minutes) for start in starts]


def metric_of(properties: Mapping[str, Any]) -> Metric:
    """The metric that an alarm's properties name."""
    dimensions = frozenset((each["Name"], str(each["Value"])) for each in properties.get("Dimensions", []))
    return Metric(properties["Namespace"], properties["MetricName"], dimensions)
