"""AWS's own examples of filter patterns, metric filters, metric math and alarms, from its user guides."""

import json
from typing import Any

import pytest

from tools.alarms.evaluation import State, evaluated, state_of
from tools.alarms.expressions import BadExpression, Series, evaluate
from tools.alarms.filter_pattern import BadPattern, compile_pattern
from tools.alarms.metrics import DataPoints, Line, Metric, count

# "Using filter patterns to match terms in JSON log events", CloudWatch Logs User Guide.
EXAMPLE = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "cluster.name": "c",
    }
)
CLOUDTRAIL = json.dumps(
    {"user": {"id": 1, "email": "John.Stiles@example.com"}, "users": [{"id": 2}], "actions": ["GET", "PUT", "DELETE"]}
)


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', EXAMPLE, True),
        ("{ $.eventType = UpdateTrail }", EXAMPLE, True),
        ('{ $.sourceIPAddress != "123.123.*" }', EXAMPLE, True),
        ("{ $.sourceIPAddress != 111.111.* }", EXAMPLE, False),
        ('{ $.arrayKey[0] = "value" }', EXAMPLE, True),
        ("{ $.eventType = %Trail% }", EXAMPLE, True),
        ("{ $.objectList[1].id = 2 }", EXAMPLE, True),
        ("{ $.SomeObject IS NULL }", EXAMPLE, True),
        ("{ $.SomeOtherObject NOT EXISTS }", EXAMPLE, True),
        ("{ $.eventType NOT EXISTS }", EXAMPLE, False),
        ("{ $.['cluster.name'] = \"c\" }", EXAMPLE, False),
        ("{ $.ThisFlag IS TRUE }", '{"ThisFlag": true}', True),
        ("{ $.ThisFlag IS FALSE }", '{"ThisFlag": true}', False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', CLOUDTRAIL, False),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', CLOUDTRAIL, False),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.x[0][1] = "no") && $.actions[2] = "no" }',
            CLOUDTRAIL,
            False,
        ),
        ("{ $.bandwidth > 75 }", '{"bandwidth": 75.5}', True),
        ("{ $.latency >= 1000 && $.latency < 3000 }", '{"latency": 3000}', False),
        ("{ $.errorCode = 400 || $.errorCode = 401 }", '{"errorCode": 401}', True),
        ("{ $.number[0] = 1e-3 }", '{"number": [0.001]}', True),
        ("{ $.field = * }", '{"field": "anything"}', True),
        ("{ $.field = * }", "{}", False),
        ('{ $.eventType = "UpdateTrail" }', "no JSON: UpdateTrail", False),
        ("", "anything", True),
    ],
)
def test_json_pattern_matches_as_documented(pattern: str, line: str, matches: bool) -> None:
    if "['" in pattern:  # a selector in brackets follows $ and not a dot
        with pytest.raises(BadPattern):
            compile_pattern(pattern)
        assert compile_pattern("{ $['cluster.name'] = \"c\" }")(line)
        return
    assert compile_pattern(pattern)(line) is matches


@pytest.mark.parametrize(
    "pattern", ["{ $.a }", "{ $.a = 1", "{ a = 1 }", "{ $.a > text }", "{ $.a IS MAYBE }", "{ $.a = 1 } x"]
)
def test_pattern_that_is_not_understood_is_an_error(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


def metric_filter(pattern: str, **transformation: Any) -> dict[str, Any]:
    made = {"MetricNamespace": "n", "MetricName": "m", "MetricValue": "1", **transformation}
    return {"FilterPattern": pattern, "MetricTransformations": [made]}


def test_default_value_is_put_for_minutes_with_lines_and_no_match() -> None:
    """ "…if a log event is ingested and no matches are found, the default value is reported"; nothing without lines."""
    points = DataPoints()
    lines = [Line(1, '{"level": "ERROR"}'), Line(1, '{"level": "INFO"}'), Line(2, '{"level": "INFO"}')]
    count([metric_filter('{ $.level = "ERROR" }', DefaultValue=0)], lines, points)
    assert points.values[Metric("n", "m")] == {1: [1.0], 2: [0.0]}


def test_value_and_dimensions_come_from_the_line() -> None:
    """A line without the value or a dimension is not counted."""
    points = DataPoints()
    lines = [Line(1, json.dumps({"latency": 50, "route": "a"})), Line(1, json.dumps({"latency": 70})), Line(1, "{}")]
    made = metric_filter("{ $.latency = * }", MetricValue="$.latency", Dimensions=[{"Key": "r", "Value": "$.route"}])
    count([made], lines, points)
    assert dict(points.values) == {Metric("n", "m", frozenset({("r", "a")})): {1: [50.0]}}
    with pytest.raises(ValueError, match="excludes dimensions"):
        count([metric_filter("", DefaultValue=0, Dimensions=[])], lines, points)


def seen(text: str) -> list[bool | None]:
    return [{"0": False, "X": True, "-": None}[each] for each in text.split()]


# "How alarm state is evaluated when data is missing", CloudWatch User Guide: 3 out of 3, then 2 out of 3.
RETAINED: State = "INSUFFICIENT_DATA"
TABLES = [
    ("0 - X - X", 3, ("OK", "OK", "OK", "OK")),
    ("0 - - - -", 3, ("OK", "OK", "OK", "OK")),
    ("- - - - -", 3, ("INSUFFICIENT_DATA", RETAINED, "ALARM", "OK")),
    ("0 X X - X", 3, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("- - X - -", 3, ("ALARM", RETAINED, "ALARM", "OK")),
    ("0 - X - X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 0 X 0 X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 - X - -", 2, ("OK", "OK", "ALARM", "OK")),
    ("- - - - 0", 2, ("OK", "OK", "ALARM", "OK")),
    ("- - - X -", 2, ("ALARM", RETAINED, "ALARM", "OK")),
]


@pytest.mark.parametrize(("points", "needed", "states"), TABLES)
def test_missing_data_is_treated_as_the_tables_of_the_guide_say(
    points: str, needed: int, states: tuple[State, ...]
) -> None:
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    assert tuple(state_of(seen(points), 3, needed, treat, RETAINED) for treat in treatments) == states


@pytest.mark.parametrize(
    ("expression", "series", "expected"),
    [
        ("m1 + m2", {"m1": [1.0, 2.0], "m2": [10.0, None]}, [11.0, None]),
        ("100 * errors / requests", {"errors": [1.0, 0.0], "requests": [50.0, 0.0]}, [2.0, None]),
        ("SUM([m1, m2])", {"m1": [1.0, None], "m2": [2.0, 5.0]}, [3.0, 5.0]),
        ("MAX([m1, m2])", {"m1": [1.0, 7.0], "m2": [2.0, 5.0]}, [2.0, 7.0]),
        ("MAX(m1)", {"m1": [1.0, 7.0]}, [7.0, 7.0]),
        ("FILL(m1, 0)", {"m1": [None, 7.0]}, [0.0, 7.0]),
        ("DIFF(FILL(m1, 0))", {"m1": [None, 7.0]}, [None, 7.0]),
        ("IF(m1 > 2 && m2 == 0, 1, 0)", {"m1": [3.0, 3.0], "m2": [0.0, 1.0]}, [1.0, 0.0]),
        ("IF(m1 > 2 AND m2 < 5 OR m1 == 0, m1)", {"m1": [3.0, 1.0], "m2": [0.0, 1.0]}, [3.0, None]),
        ("-m1", {"m1": [3.0, None]}, [-3.0, None]),
    ],
)
def test_metric_math_is_computed_as_documented(expression: str, series: dict[str, Series], expected: Series) -> None:
    assert evaluate(expression, series, 2) == expected


@pytest.mark.parametrize("expression", ["SEARCH('x', 'Sum')", "m9", "RATE(m1)", "m1 // 2"])
def test_expression_that_is_not_understood_is_an_error(expression: str) -> None:
    with pytest.raises(BadExpression):
        evaluate(expression, {"m1": [1.0, 2.0]}, 2)


def test_percentile_and_statistics_are_of_all_values_of_a_period() -> None:
    points, metric = DataPoints(), Metric("n", "m")
    points.put(metric, 0, *range(1, 101))
    statistics = {"Sum": 5050, "Average": 50.5, "Minimum": 1, "Maximum": 100, "SampleCount": 100, "p99": 99, "p50": 50}
    assert {name: points.statistic(metric, name, 0, 5) for name in statistics} == statistics
    assert points.statistic(metric, "Sum", 1, 5) is None


def alarm(**changes: Any) -> dict[str, Any]:
    return {
        "Namespace": "n",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 2,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }


def test_alarm_sums_each_period_and_needs_them_all() -> None:
    points = DataPoints()
    points.put(Metric("n", "m"), 1, 2, 2)
    assert evaluated(alarm(), points, 10) == "OK"
    points.put(Metric("n", "m"), 9, 4)
    assert evaluated(alarm(), points, 10) == "ALARM"
    assert evaluated(alarm(), points, 15) == "ALARM"  # the range has two data points that are there: none is filled
    assert evaluated(alarm(), points, 25) == "OK"


def test_dynamodb_alarms_ignore_missing_data_with_every_setting() -> None:
    """PutMetricAlarm: "Alarms that evaluate metrics in the AWS/DynamoDB namespace always ignore missing data"."""
    missing = alarm(Namespace="AWS/DynamoDB", TreatMissingData="breaching")
    assert evaluated(missing, DataPoints(), 10, before="OK") == "OK"
    assert evaluated(alarm(TreatMissingData="breaching"), DataPoints(), 10) == "ALARM"


def test_alarm_of_an_expression_evaluates_what_it_returns() -> None:
    points = DataPoints()
    points.put(Metric("n", "refused"), 8, 3)
    points.put(Metric("n", "genuine"), 8, 1)

    def stat(name: str) -> dict[str, Any]:
        metric = {"Namespace": "n", "MetricName": name}
        return {"Id": name, "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": 300, "Metric": metric}}

    metrics = [{"Id": "most", "Expression": "IF(refused > genuine, 1, 0)"}, stat("refused"), stat("genuine")]
    properties = {
        "Metrics": metrics,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    assert evaluated(properties, points, 10) == "ALARM"
    points.put(Metric("n", "genuine"), 9, 5)
    assert evaluated(properties, points, 10) == "OK"
