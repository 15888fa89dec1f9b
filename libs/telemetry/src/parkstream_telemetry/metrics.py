"""Figures, added up where they arise; readers take a snapshot."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from threading import Lock
from typing import Any

from msgspec import Struct

from parkstream_telemetry.kinds import Metric

SERIES_MAX = 500
"""Combinations of attribute values that a metric may have; what is beyond goes to the overflow series."""
OVERFLOW = {"otel.metric.overflow": True}

Observed = float | list[tuple[float, dict[str, str]]]
Labels = Mapping[str, Any]


class UnlistedError(ValueError):
    """Something was to be emitted that ``names`` does not list."""


class Point(Struct, frozen=True):
    """The state of one series; of a histogram, *counts* per bucket and *count* in all."""

    labels: Labels
    value: float
    counts: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Return how many values a histogram has counted."""
        return sum(self.counts)


class Figure(Struct, frozen=True):
    """A metric with the points of all its series."""

    metric: Metric
    points: list[Point]


class _Series:
    __slots__ = ("counts", "labels", "total")

    def __init__(self, labels: Labels, buckets: int) -> None:
        self.labels = labels
        self.total: float = 0
        self.counts = [0] * (buckets + 1) if buckets else []


class Metrics:
    """Counters and histograms of one process, and callbacks for its gauges; safe to use from any thread."""

    def __init__(self, *, strict: bool, report: Callable[[str], None]) -> None:
        self._strict = strict
        self._report = report
        self._lock = Lock()
        self._by_call: dict[tuple[Any, ...], _Series] = {}
        self._by_metric: dict[Metric, dict[frozenset[tuple[str, Any]], _Series]] = {}
        self._watched: list[tuple[Metric, Callable[[], Observed]]] = []

    def add(self, metric: Metric, value: float, attributes: Mapping[str, Any]) -> None:
        """Add *value* to a counter."""
        call = (metric, *attributes.items())
        series = self._by_call.get(call)
        if series is None:
            series = self._series(call, metric, "counter", attributes)
        with self._lock:
            series.total += value

    def record(self, metric: Metric, value: float, attributes: Mapping[str, Any]) -> None:
        """Count *value* in its bucket of a histogram."""
        call = (metric, *attributes.items())
        series = self._by_call.get(call)
        if series is None:
            series = self._series(call, metric, "histogram", attributes)
        with self._lock:
            series.total += value
            series.counts[bisect_left(metric.buckets, value)] += 1

    def begin(self, metric: Metric) -> None:
        """Let every series of a counter or histogram begin at 0: a rate needs a point before the first count."""
        labels = [[(attribute.keyword, value) for value in attribute.values] for attribute in metric.attributes]
        for values in product(*labels):
            self._series((metric, *values), metric, metric.kind, dict(values))

    def watch(self, metric: Metric, callback: Callable[[], Observed]) -> None:
        """Ask *callback* for the value whenever somebody looks; any thread may ask."""
        self._watched.append((metric, callback))

    def snapshot(self) -> list[Figure]:
        """Return every metric that has a value, as it is now."""
        with self._lock:
            figures = [
                Figure(metric, [Point(one.labels, one.total, tuple(one.counts)) for one in series.values()])
                for metric, series in self._by_metric.items()
            ]
        by_metric: dict[Metric, list[Point]] = {}
        for metric, callback in self._watched:
            by_metric.setdefault(metric, []).extend(self._asked(metric, callback))
        return figures + [Figure(metric, points) for metric, points in by_metric.items() if points]

    def _asked(self, metric: Metric, callback: Callable[[], Observed]) -> Iterator[Point]:
        try:
            observed = callback()
        except Exception as error:  # noqa: BLE001 - one gauge must not hide the others; it is reported
            self._report(f"{metric.name} failed: {error!r}")
            return
        for value, attributes in observed if isinstance(observed, list) else [(observed, {})]:
            # A bool is a number to Python, but none to OTLP: one would keep all figures from being exported.
            yield Point(self._labels(metric, attributes), int(value) if isinstance(value, bool) else value)

    def _series(self, call: tuple[Any, ...], metric: Metric, kind: str, attributes: Mapping[str, Any]) -> _Series:
        if metric.kind != kind:
            self._refuse(f"{metric.name} is a {metric.kind}, no {kind}")
        labels = self._labels(metric, attributes)
        with self._lock:
            known = self._by_metric.setdefault(metric, {})
            full = len(known) >= SERIES_MAX
            key = frozenset(labels.items())
            if full and key not in known:
                labels, key = OVERFLOW, frozenset(OVERFLOW.items())
            series = known.setdefault(key, _Series(labels, len(metric.buckets)))
            if not full:
                self._by_call[call] = series
            return series

    def _labels(self, metric: Metric, attributes: Mapping[str, Any]) -> Labels:
        names = {attribute.keyword: attribute.name for attribute in metric.attributes}
        if not names.keys() >= attributes.keys():
            self._refuse(f"{metric.name} has no {sorted(attributes.keys() - names.keys())}")
        return {names[keyword]: value for keyword, value in attributes.items() if keyword in names}

    def _refuse(self, detail: str) -> None:
        if self._strict:
            raise UnlistedError(detail)
        self._report(detail)
