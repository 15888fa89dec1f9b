"""From a listed metric to what SigNoz calls it: the name keeps its dots, and a histogram is five metrics."""

from typing import Any, Literal

from parkstream_telemetry.kinds import Attribute, Metric

Json = dict[str, Any]
Percentile = Literal["p50", "p95", "p99"]


def labelled(*labels: str) -> tuple[Attribute, ...]:
    """Return *labels* of somebody else's metric as attributes."""
    return tuple(Attribute(label, "str", "a label of theirs") for label in labels)


def latest(metric: Metric, across: Literal["max", "min", "sum", "avg"] = "max") -> Json:
    """Ask for a gauge; *across* joins the processes that tell it."""
    _insist(metric, "gauge")
    return {"metricName": metric.name, "timeAggregation": "latest", "spaceAggregation": across, "reduceTo": "last"}


def rate(metric: Metric) -> Json:
    """Ask how fast a counter grows, per second, in all processes."""
    _insist(metric, "counter")
    return {"metricName": metric.name, "timeAggregation": "rate", "spaceAggregation": "sum", "reduceTo": "avg"}


def increase(metric: Metric) -> Json:
    """Ask how much a counter grew."""
    _insist(metric, "counter")
    return {"metricName": metric.name, "timeAggregation": "increase", "spaceAggregation": "sum", "reduceTo": "sum"}


def percentile(metric: Metric, of: Percentile) -> Json:
    """Ask for a percentile of a histogram; it needs no time aggregation."""
    _insist(metric, "histogram")
    return {"metricName": f"{metric.name}.bucket", "spaceAggregation": of, "reduceTo": "avg"}


def _insist(metric: Metric, kind: str) -> None:
    if metric.kind != kind:
        message = f"{metric.name} is a {metric.kind}, no {kind}"
        raise TypeError(message)
