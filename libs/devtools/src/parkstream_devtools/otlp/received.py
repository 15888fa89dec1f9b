"""What a receiver got, as plain data."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from parkstream_telemetry.received_span import KINDS, STATUSES, ReceivedEvent, ReceivedLink, ReceivedSpan


class ReceivedPoint(Struct, frozen=True):
    """One series of a metric: *value* is the sum of a histogram or summary, *counts* the buckets of a histogram."""

    service: str
    name: str
    unit: str
    kind: str
    value: float
    attributes: dict[str, Any]
    counts: list[int]


class ReceivedLog(Struct, frozen=True):
    """One log record."""

    service: str
    event: str
    severity: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    body: str


def count_of(request: ExportTraceServiceRequest) -> int:
    """Return how many spans *request* holds."""
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def spans_of(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    """Return the spans of *request*."""
    for resource in request.resource_spans:
        service = _service(resource.resource.attributes)
        for scope in resource.scope_spans:
            yield from (_span(service, span) for span in scope.spans)


def points_of(request: ExportMetricsServiceRequest) -> Iterator[ReceivedPoint]:
    """Return the points of all metrics of *request*."""
    for resource in request.resource_metrics:
        service = _service(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from _points(service, metric)


def logs_of(request: ExportLogsServiceRequest) -> Iterator[ReceivedLog]:
    """Return the log records of *request*."""
    for resource in request.resource_logs:
        service = _service(resource.resource.attributes)
        for scope in resource.scope_logs:
            for one in scope.log_records:
                ids = one.trace_id.hex(), one.span_id.hex()
                attributes, body = _attributes(one.attributes), str(_value(one.body))
                yield ReceivedLog(service, one.event_name, one.severity_text, *ids, attributes, body)


def _span(service: str, span: Span) -> ReceivedSpan:
    return ReceivedSpan(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        service,
        span.name,
        KINDS[span.kind],
        span.start_time_unix_nano // 1000,
        span.end_time_unix_nano // 1000,
        STATUSES[span.status.code],
        _attributes(span.attributes),
        [ReceivedLink(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        [ReceivedEvent(event.name, _attributes(event.attributes)) for event in span.events],
    )


def _points(service: str, metric: Metric) -> Iterator[ReceivedPoint]:
    kind = metric.WhichOneof("data")
    if kind is None:  # Nothing is known of it now.
        return
    about = service, metric.name, metric.unit, kind
    for point in getattr(metric, kind).data_points:
        attributes = _attributes(point.attributes)
        if kind == "histogram":
            yield ReceivedPoint(*about, point.sum, attributes, list(point.bucket_counts))
        elif kind == "summary":
            yield ReceivedPoint(*about, point.sum, attributes, [])
        elif value := point.WhichOneof("value"):  # A series that has gone stale has none.
            yield ReceivedPoint(*about, getattr(point, value), attributes, [])


def _service(attributes: Iterable[KeyValue]) -> str:
    return str(_attributes(attributes).get("service.name", ""))


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(one) for one in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case kind:
            return getattr(value, kind)
