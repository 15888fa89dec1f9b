"""From a listed metric to what SigNoz calls it: the name keeps its dots, and a histogram is five metrics."""

from typing import Any, Literal

from parkstream_telemetry.kinds import Attribute, Metric

Json = dict[str, Any]
Percentile = Literal["p50", "p95", "p99"]


def labelled(*labels: str) -> tuple[Attribute, ...]:
    """Return *labels* of somebody else's metric as attributes."""
    return tuple(Attribute(label, "str", "a label of theirs") for label in labels)


def latest(metric: Metric, across: Literal["max", "sum"] = "max") -> Json:
    """Ask where a gauge stands at the end of each minute; *across* joins the processes that report it."""
    _insist(metric, "gauge")
    return {"metricName": metric.name, "timeAggregation": "latest", "spaceAggregation": across, "reduceTo": "last"}


def highest(metric: Metric, over: Literal["last", "max"] = "last") -> Json:
    """Ask for the peak of a gauge in each minute, which ``latest`` misses; *over* reduces the minutes to one figure."""
    _insist(metric, "gauge")
    return {"metricName": metric.name, "timeAggregation": "max", "spaceAggregation": "max", "reduceTo": over}


def lowest(metric: Metric) -> Json:
    """Ask for the low of a gauge in each minute."""
    _insist(metric, "gauge")
    return {"metricName": metric.name, "timeAggregation": "min", "spaceAggregation": "min", "reduceTo": "last"}


def rate(metric: Metric) -> Json:
    """Ask how fast a counter grows, per second, in all processes."""
    _insist(metric, "counter")
    return _rate(metric.name)


def increase(metric: Metric) -> Json:
    """Ask how much a counter grew."""
    _insist(metric, "counter")
    return {"metricName": metric.name, "timeAggregation": "increase", "spaceAggregation": "sum", "reduceTo": "sum"}


def percentile(metric: Metric, of: Percentile) -> Json:
    """Ask for a percentile of a histogram; it needs no time aggregation."""
    _insist(metric, "histogram")
    return {"metricName": f"{metric.name}.bucket", "spaceAggregation": of, "reduceTo": "avg"}


def rate_of_part(metric: Metric, part: Literal["sum", "count"]) -> Json:
    """Ask how fast the sum of a histogram's samples grows, or their count: the average is one by the other."""
    _insist(metric, "histogram")
    return _rate(f"{metric.name}.{part}")


def _rate(name: str) -> Json:
    return {"metricName": name, "timeAggregation": "rate", "spaceAggregation": "sum", "reduceTo": "avg"}


def _insist(metric: Metric, kind: str) -> None:
    if metric.kind != kind:
        message = f"{metric.name} is a {metric.kind}, no {kind}"
        raise TypeError(message)
