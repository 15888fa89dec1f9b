"""Our figures and lines as the OpenTelemetry SDK's exporters take them."""

from collections.abc import Sequence
from time import time_ns

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordLimits, ReadableLogRecord
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from parkstream_telemetry.logs import Line
from parkstream_telemetry.metrics import Figure, Point
from parkstream_telemetry.names import SCHEMA_URL

_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
}
_LIMITS = LogRecordLimits()
EVENT_NAME = "event.name"
"""Beside the field of that name in OTLP, because receivers drop that."""
_LONG = frozenset({"stacktrace"})


class Translator:
    """Translates for one *resource*; figures count from the moment it was made."""

    def __init__(self, resource: Resource, scope: InstrumentationScope) -> None:
        self._resource = resource
        self._scope = scope
        self._began_ns = time_ns()

    def metrics(self, figures: Sequence[Figure]) -> MetricsData:
        """Return *figures*, cumulative."""
        now = time_ns()
        metrics = [
            Metric(figure.metric.name, figure.metric.meaning, figure.metric.unit, self._data(figure, now))
            for figure in figures
        ]
        scoped = ScopeMetrics(self._scope, metrics, SCHEMA_URL)
        return MetricsData([ResourceMetrics(self._resource, [scoped], SCHEMA_URL)])

    def line(self, line: Line) -> ReadableLogRecord:
        """Return *line* as a log record that names its event."""
        context = Context() if line.span is None else set_span_in_context(NonRecordingSpan(line.span), Context())
        record = LogRecord(
            timestamp=line.at_ns,
            observed_timestamp=line.at_ns,
            context=context,
            severity_number=_SEVERITIES[line.level],
            severity_text=line.level.upper(),
            body=_body(line),
            attributes={EVENT_NAME: line.event.name, **line.attributes},
            event_name=line.event.name,
        )
        return ReadableLogRecord(record, self._resource, self._scope, _LIMITS)

    def _data(self, figure: Figure, now_ns: int) -> Sum | Gauge | Histogram:
        if figure.metric.kind == "histogram":
            points = [self._histogram(figure, point, now_ns) for point in figure.points]
            return Histogram(points, AggregationTemporality.CUMULATIVE)
        numbers = [NumberDataPoint(dict(one.labels), self._began_ns, now_ns, one.value) for one in figure.points]
        if figure.metric.kind == "gauge":
            return Gauge(numbers)
        return Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)

    def _histogram(self, figure: Figure, point: Point, now_ns: int) -> HistogramDataPoint:
        return HistogramDataPoint(
            attributes=dict(point.labels),
            start_time_unix_nano=self._began_ns,
            time_unix_nano=now_ns,
            count=point.count,
            sum=point.value,
            bucket_counts=point.counts,
            explicit_bounds=figure.metric.buckets,
            min=None,  # type: ignore[arg-type] # not known, which the exporters leave out
            max=None,  # type: ignore[arg-type]
        )


def _body(line: Line) -> str:
    """Return what happened as one line for people: what the event means, then its fields."""
    fields = ", ".join(f"{name}={value}" for name, value in line.fields.items() if name not in _LONG)
    return f"{line.event.meaning} ({fields})" if fields else line.event.meaning
