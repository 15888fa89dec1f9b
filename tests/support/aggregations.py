"""Evaluates what a query of SigNoz's builder asks, over plain samples and spans: only the aggregations that we use.

Steps are a minute. A rate is taken from the last point of one minute to the last of the next, as SigNoz does, so that
the first minute of a series has none.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf, isinf, nan
from typing import Any, NamedTuple

from parkstream_telemetry.received_span import ReceivedSpan

MINUTE = 60
Points = dict[int, float]
"""By the second that its step begins with."""
Lines = dict[str, Points]
"""By the values that it is grouped by, or an empty text."""
OVER: dict[str, Callable[[list[float]], float]] = {
    "max": max,
    "min": min,
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "last": lambda values: values[-1],
    "latest": lambda values: values[-1],
}


class Sample(NamedTuple):
    """One point of one series, as SigNoz keeps it; *at* in seconds since the beginning."""

    metric: str
    labels: Mapping[str, str]
    at: float
    value: float


class Evaluator:
    """Answers queries over *samples* and *spans*, from *start_us* on, in steps of so many seconds."""

    def __init__(self, samples: Iterable[Sample], spans: list[ReceivedSpan], start_us: int, step: int = MINUTE) -> None:
        self._start_us, self._step = start_us, step
        self._series: dict[str, dict[tuple[tuple[str, str], ...], list[Sample]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for one in samples:
            self._series[one.metric][tuple(sorted(one.labels.items()))].append(one)
        self._spans = spans

    def ask(self, queries: list[dict[str, Any]], selected: str = "A") -> Lines:
        """Return what the query *selected* of *queries* draws; a formula is made of the others."""
        by_name = {query["spec"]["name"]: query for query in queries}
        query = by_name[selected]
        if query["type"] == "builder_formula":
            inputs = {name: self.ask(queries, name) for name in re.findall(r"\b[A-Z]\b", query["spec"]["expression"])}
            return {"": _formula(query["spec"]["expression"], {name: lines[""] for name, lines in inputs.items()})}
        spec = query["spec"]
        assert query["type"] == "builder_query"
        return self._metric(spec) if spec["signal"] == "metrics" else self._traces(spec)

    def _metric(self, spec: dict[str, Any]) -> Lines:
        (aggregation,) = spec["aggregations"]
        keys = [one["name"] for one in spec.get("groupBy", [])]
        groups: dict[str, list[tuple[str, Points]]] = defaultdict(list)
        for labels, series in self._series[aggregation["metricName"]].items():
            told = dict(labels)
            if holds(spec, told):
                points = _over_time(series, aggregation.get("timeAggregation", "rate"), self._step)
                groups[" ".join(told.get(key, "") for key in keys)].append((told.get("le", ""), points))
        join = _quantile_at if aggregation["spaceAggregation"].startswith("p") else _across
        return {group: join(lines, aggregation["spaceAggregation"]) for group, lines in groups.items()}

    def _traces(self, spec: dict[str, Any]) -> Lines:
        (aggregation,) = spec["aggregations"]
        groups: dict[str, dict[int, list[ReceivedSpan]]] = defaultdict(lambda: defaultdict(list))
        for span in self._spans:
            if holds(spec, facts(span)):
                groups[span.name if spec.get("groupBy") else ""][self.begin(span)].append(span)
        return {
            group: {at: figure(aggregation["expression"], spans, self._step) for at, spans in sorted(found.items())}
            for group, found in groups.items()
        }

    def begin(self, span: ReceivedSpan) -> int:
        """Return the second that the step of *span* begins with."""
        return (span.start_us - self._start_us) // 1_000_000 // self._step * self._step

    def spans(self, spec: dict[str, Any]) -> list[ReceivedSpan]:
        """Return the spans that a list shows, in its order."""
        key = spec["order"][0]["key"]["name"]
        found = [span for span in self._spans if holds(spec, facts(span))]
        found.sort(key=lambda span: facts(span)[key], reverse=spec["order"][0]["direction"] == "desc")
        return found[: spec["limit"]]


def reduced(points: Points, until: int, how: str) -> float:
    """Return the one figure of a Number panel: the five minutes before *until*, reduced."""
    return OVER[how]([value for at, value in sorted(points.items()) if until - 300 <= at < until])


def facts(span: ReceivedSpan) -> dict[str, Any]:
    """Return what a filter may ask of *span*."""
    own = {"name": span.name, "service.name": span.service, "has_error": span.status == "ERROR"}
    own |= {"duration_nano": (span.end_us - span.start_us) * 1000, "timestamp": span.start_us}
    return own | span.attributes


def holds(spec: dict[str, Any], told: Mapping[str, Any]) -> bool:
    """Return whether the filter of *spec* holds for what is *told*."""
    expression = (spec.get("filter") or {}).get("expression", "")
    if not expression:
        return True
    return any(all(_holds(part, told) for part in _parts(either)) for either in expression.split(" OR "))


def _parts(expression: str) -> Iterator[str]:
    yield from expression.split(" AND ")


def _holds(part: str, told: Mapping[str, Any]) -> bool:
    match = re.fullmatch(r"([\w.]+) (=|!=|>|IN) (.+)", part)
    assert match, part
    key, operator, text = match.groups()
    value = told.get(key)
    if operator == "IN":
        return value in re.findall(r"'([^']*)'", text)
    wanted: Any = {"true": True, "false": False}.get(text, text.strip("'"))
    if operator == ">":
        return value is not None and value > float(text)
    return (value == wanted) == (operator == "=")


def _over_time(series: list[Sample], how: str, step: int) -> Points:
    steps: dict[int, list[float]] = defaultdict(list)
    for one in sorted(series, key=lambda one: one.at):
        steps[int(one.at) // step * step].append(one.value)
    if how not in {"rate", "increase"}:
        return {at: OVER[how](values) for at, values in steps.items()}
    grown = {at: max(values) - max(steps[at - step]) for at, values in steps.items() if at - step in steps}
    return grown if how == "increase" else {at: value / step for at, value in grown.items()}


def _across(lines: list[tuple[str, Points]], how: str) -> Points:
    every = sorted({at for _, points in lines for at in points})
    return {at: OVER[how]([points[at] for _, points in lines if at in points]) for at in every}


def _quantile_at(lines: list[tuple[str, Points]], how: str) -> Points:
    every = sorted({at for _, points in lines for at in points})
    level = int(how[1:]) / 100
    return {at: bucket_quantile(level, {float(le): points[at] for le, points in lines}) for at in every}


def bucket_quantile(level: float, totals: Mapping[float, float]) -> float:
    """Return the quantile of a histogram of cumulative *totals* by bound, as Prometheus defines it."""
    bounds = sorted(totals)
    rising = [max(totals[bound] for bound in bounds if bound <= upper) for upper in bounds]
    if len(bounds) < 2 or not isinf(bounds[-1]) or not rising[-1]:
        return nan
    at = next(number for number, total in enumerate(rising) if total >= level * rising[-1])
    if bounds[at] == inf:
        return bounds[-2]
    if not at and bounds[0] <= 0:
        return bounds[0]
    below, before = (bounds[at - 1], rising[at - 1]) if at else (0.0, 0.0)
    return below + (bounds[at] - below) * (level * rising[-1] - before) / (rising[at] - before)


def figure(expression: str, spans: list[ReceivedSpan], step: int) -> float:
    """Return ``count()``, ``rate()`` or ``pNN(key)`` of the *spans* of a step."""
    if expression == "count()":
        return len(spans)
    if expression == "rate()":
        return len(spans) / step
    match = re.fullmatch(r"p(\d+)\(([\w.]+)\)", expression)
    assert match, expression
    return quantile([facts(span)[match[2]] for span in spans if match[2] in facts(span)], int(match[1]) / 100)


def quantile(values: list[float], level: float) -> float:
    """Return the quantile as ClickHouse does: between the two samples next to it."""
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _formula(expression: str, inputs: Mapping[str, Points]) -> Points:
    left, operator, right = re.fullmatch(r"(\w) ([-/]) (\w)", expression).groups()  # type: ignore[union-attr]
    both = sorted(inputs[left].keys() & inputs[right].keys())
    if operator == "-":
        return {at: inputs[left][at] - inputs[right][at] for at in both}
    return {at: inputs[left][at] / inputs[right][at] for at in both if inputs[right][at]}
