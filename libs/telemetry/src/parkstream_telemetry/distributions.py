"""Histograms that are counted here: there is no observable one in OpenTelemetry, so they join on the way out."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import accumulate
from threading import Lock
from time import time_ns
from typing import Any, cast

from msgspec import Struct
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.metrics.export import Metric as SdkMetric
from prometheus_client.core import HistogramMetricFamily

from parkstream_telemetry.kinds import Metric


class Distribution(Struct, frozen=True):
    """One series: *counts* per bucket, and beyond the last."""

    labels: Mapping[str, Any]
    total: float
    counts: tuple[int, ...]


Observe = Callable[[], list[Distribution]]


class Tally:
    """The one series of a histogram without labels: there may be a value of each event, and the SDK takes 3.7 µs."""

    def __init__(self, metric: Metric) -> None:
        self._bounds = metric.buckets
        self._lock = Lock()
        self._counts = [0] * (len(metric.buckets) + 1)
        self._total = 0.0

    def record(self, value: float) -> None:
        """Count *value* in its bucket, whose upper bound belongs to it."""
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += 1
            self._total += value

    def series(self) -> list[Distribution]:
        """Return what was counted so far."""
        with self._lock:
            return [Distribution({}, self._total, tuple(self._counts))]


class Distributions:
    """Asks for them whenever somebody looks: a collector of Prometheus' client, and a list for OTLP."""

    def __init__(self) -> None:
        self._watched: list[tuple[Metric, Observe]] = []
        self._began_ns = time_ns()

    def watch(self, metric: Metric, observe: Observe) -> None:
        """Ask *observe* for the series of *metric*; any thread may ask."""
        self._watched.append((metric, observe))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield each as Prometheus' client takes it."""
        for metric, series in self._known():
            names = [attribute.name.replace(".", "_") for attribute in metric.attributes]
            family = HistogramMetricFamily(metric.family, metric.meaning, labels=names)
            for one in series:
                labels = [str(one.labels.get(attribute.name, "")) for attribute in metric.attributes]
                bounds = [*map(str, metric.buckets), "+Inf"]
                family.add_metric(labels, list(zip(bounds, accumulate(one.counts), strict=True)), one.total)
            yield family

    def joined_to(self, data: MetricsData) -> MetricsData:
        """Return *data*, which the SDK has collected, with these."""
        (resource,) = data.resource_metrics
        (scope,) = resource.scope_metrics
        metrics = [*scope.metrics, *self._metrics()]
        return MetricsData([replace(resource, scope_metrics=[replace(scope, metrics=metrics)])])

    def _known(self) -> Iterator[tuple[Metric, list[Distribution]]]:
        for metric, observe in self._watched:
            if series := observe():
                yield metric, series

    def _metrics(self) -> Iterator[SdkMetric]:
        now_ns = time_ns()
        for metric, series in self._known():
            points = [self._point(metric, one, now_ns) for one in series]
            data = Histogram(points, AggregationTemporality.CUMULATIVE)
            yield SdkMetric(metric.name, metric.meaning, metric.unit, data)

    def _point(self, metric: Metric, one: Distribution, now_ns: int) -> HistogramDataPoint:
        return HistogramDataPoint(
            attributes=dict(one.labels),
            start_time_unix_nano=self._began_ns,
            time_unix_nano=now_ns,
            count=sum(one.counts),
            sum=one.total,
            bucket_counts=one.counts,
            explicit_bounds=metric.buckets,
            min=None,  # type: ignore[arg-type] # not known, which the exporters leave out
            max=None,  # type: ignore[arg-type]
        )


class JoiningExporter(MetricExporter):
    """Sends what the SDK has collected, and *distributions* with it, to *exporter*."""

    def __init__(self, exporter: MetricExporter, distributions: Distributions) -> None:
        super().__init__()
        self._exporter: Any = exporter  # The SDK leaves types out.
        self._distributions = distributions

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:  # noqa: ANN401 - the SDK's
        """Send all of it."""
        joined = self._distributions.joined_to(metrics_data)
        return cast("MetricExportResult", self._exporter.export(joined, timeout_millis, **kwargs))

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Return whether nothing is being sent any more."""
        return bool(self._exporter.force_flush(timeout_millis))

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ANN401 - the SDK's
        """Give up what is being sent."""
        self._exporter.shutdown(timeout_millis, **kwargs)
