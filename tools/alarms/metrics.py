"""Data points of metrics, by the minute, and what CloudWatch's metric filters make of log lines."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tools.alarms.filter_pattern import compile_pattern, document_of, select

PERCENTILE: Final = "p"


@dataclass(frozen=True)
class Metric:
    """A metric as alarms name it. Dimensions belong to the name: without them it is another metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()


@dataclass
class DataPoints:
    """The values of each metric in each minute, counted from any start."""

    values: dict[Metric, dict[int, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def put(self, metric: Metric, minute: int, *values: float) -> None:
        """Add values to a minute."""
        self.values[metric][minute] += values

    def statistic(self, metric: Metric, statistic: str, first: int, after: int) -> float | None:
        """The statistic over the minutes from `first` until before `after`; `None` where there is no value."""
        minutes = self.values.get(metric, {})
        found = [value for minute, values in minutes.items() if first <= minute < after for value in values]
        if not found:
            return None
        match statistic:
            case "Sum":
                return math.fsum(found)
            case "Average":
                return math.fsum(found) / len(found)
            case "Maximum":
                return max(found)
            case "Minimum":
                return min(found)
            case "SampleCount":
                return len(found)
            case _ if statistic.startswith(PERCENTILE):
                share = float(statistic[1:]) / 100
                return sorted(found)[max(0, math.ceil(share * len(found)) - 1)]
        raise ValueError(f"{statistic} is not a statistic known here")


@dataclass(frozen=True)
class Line:
    """A log line, in the minute in which it was written."""

    minute: int
    text: str


def count(filters: Iterable[Mapping[str, Any]], lines: Sequence[Line], into: DataPoints) -> None:
    """Put what the metric filters of the template's `Properties` make of `lines`.

    A default value is put once for each minute in which lines were written and none matched, as AWS documents it; a
    filter with dimensions cannot have one.
    """
    for properties in filters:
        matches = compile_pattern(properties["FilterPattern"])
        for transformation in properties["MetricTransformations"]:
            matched = set[int]()
            for line in lines:
                if matches(line.text) and _transform(transformation, line, into):
                    matched.add(line.minute)
            if "DefaultValue" in transformation:
                if "Dimensions" in transformation:
                    raise ValueError(f"{transformation['MetricName']}: a default value excludes dimensions")
                for minute in {line.minute for line in lines} - matched:
                    into.put(_metric(transformation, []), minute, float(transformation["DefaultValue"]))


def _transform(transformation: Mapping[str, Any], line: Line, into: DataPoints) -> bool:
    document = document_of(line.text)
    try:
        value = _value(document, transformation["MetricValue"])
        dimensions = [
            (each["Key"], str(select(document, each["Value"]))) for each in transformation.get("Dimensions", [])
        ]
    except KeyError:
        return False  # without the value, or one of the dimensions, a line is not counted
    into.put(_metric(transformation, dimensions), line.minute, value)
    return True


def _value(document: Any, written: str) -> float:
    if not written.startswith("$"):
        return float(written)
    found = select(document, written)
    try:
        return float(found)
    except (TypeError, ValueError):
        raise KeyError(written) from None


def _metric(transformation: Mapping[str, Any], dimensions: Iterable[tuple[str, str]]) -> Metric:
    return Metric(transformation["MetricNamespace"], transformation["MetricName"], frozenset(dimensions))
