"""A receiver of OTLP over gRPC, for tests, the demo and benchmarks; it can also be slow, or fail."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Condition, Event
from time import monotonic
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from parkstream_telemetry import conformance
from parkstream_telemetry.received_span import ReceivedSpan

from parkstream_devtools.otlp.received import (
    ReceivedLog,
    ReceivedPoint,
    count_of,
    logs_of,
    points_of,
    spans_of,
)
from parkstream_devtools.otlp.span_file import SpanFile

Take = Callable[[Any, grpc.ServicerContext], Message]

WORKERS = 4
MESSAGE_BYTES_MAX = 64 * 1024 * 1024


class Sink:
    """Listens while it is entered; *keep* appends each span to a file as a line of JSON, *discard* only counts.

    ``keep_bytes_max``: how much may be in that file before it becomes the older half (see ``SpanFile``).
    ``delay_seconds`` and ``failing`` may be set at any time: answers then take so long, or are UNAVAILABLE.
    """

    def __init__(
        self, port: int = 0, *, keep: Path | None = None, keep_bytes_max: int | None = None, discard: bool = False
    ) -> None:
        self.delay_seconds = 0.0
        self.failing = False
        self.span_count = 0
        self._discard = discard
        self._keep = SpanFile(keep, keep_bytes_max) if keep is not None else None
        self._spans: list[ReceivedSpan] = []
        self._points: list[ReceivedPoint] = []
        self._logs: list[ReceivedLog] = []
        self._changed = Condition()
        self._closing = Event()
        self._server = grpc.server(
            ThreadPoolExecutor(WORKERS, "sink"), options=[("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
        )
        self._server.add_generic_rpc_handlers(
            (
                _handler(
                    "trace.v1.TraceService", ExportTraceServiceRequest, ExportTraceServiceResponse, self._take_spans
                ),
                _handler(
                    "metrics.v1.MetricsService",
                    ExportMetricsServiceRequest,
                    ExportMetricsServiceResponse,
                    self._take_points,
                ),
                _handler("logs.v1.LogsService", ExportLogsServiceRequest, ExportLogsServiceResponse, self._take_logs),
            )
        )
        self.port: int = self._server.add_insecure_port(f"127.0.0.1:{port}")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening at once."""
        self._closing.set()
        self._server.stop(None).wait()
        if self._keep is not None:
            self._keep.close()

    @property
    def endpoint(self) -> str:
        """Return the value for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def spans(self) -> list[ReceivedSpan]:
        """Return the spans so far."""
        with self._changed:
            return self._spans.copy()

    def metrics(self) -> list[ReceivedPoint]:
        """Return the points so far, of every export."""
        with self._changed:
            return self._points.copy()

    def logs(self) -> list[ReceivedLog]:
        """Return the log records so far."""
        with self._changed:
            return self._logs.copy()

    def problems(self) -> list[str]:
        """Return what came under a name, a unit or with an attribute that ``names`` does not list."""
        found = [conformance.span_problem(one.name, one.kind, one.attributes) for one in self.spans()]
        found += [conformance.metric_problem(one.name, one.unit, one.attributes) for one in self.metrics()]
        found += [conformance.event_problem(one.event, one.attributes) for one in self.logs()]
        return sorted({problem for problem in found if problem is not None})

    def wait_for(self, condition: Callable[["Sink"], bool], timeout_seconds: float = 120.0) -> bool:
        """Return whether *condition* was met within *timeout_seconds*; it is asked whenever something comes."""
        deadline = monotonic() + timeout_seconds
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), deadline - monotonic())

    def _take_spans(
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        self._hold_up(context)
        spans = [] if self._discard and self._keep is None else list(spans_of(request))
        with self._changed:
            self.span_count += count_of(request)
            if self._keep is not None:
                self._keep.add(spans)
        self._add(self._spans, spans)
        return ExportTraceServiceResponse()

    def _take_points(
        self, request: ExportMetricsServiceRequest, context: grpc.ServicerContext
    ) -> ExportMetricsServiceResponse:
        self._hold_up(context)
        self._add(self._points, list(points_of(request)))
        return ExportMetricsServiceResponse()

    def _take_logs(self, request: ExportLogsServiceRequest, context: grpc.ServicerContext) -> ExportLogsServiceResponse:
        self._hold_up(context)
        self._add(self._logs, list(logs_of(request)))
        return ExportLogsServiceResponse()

    def _hold_up(self, context: grpc.ServicerContext) -> None:
        """Be as slow, or as broken, as asked."""
        if self.delay_seconds > 0:
            self._closing.wait(self.delay_seconds)
        if self.failing:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the sink is set to fail")

    def _add(self, to: list[Any], some: list[Any]) -> None:
        with self._changed:
            if not self._discard:
                to += some
            self._changed.notify_all()


def _handler(service: str, request: type[Message], response: type[Message], take: Take) -> grpc.GenericRpcHandler:
    """Return what answers ``Export`` of *service*."""
    method = grpc.unary_unary_rpc_method_handler(
        take, request_deserializer=request.FromString, response_serializer=response.SerializeToString
    )
    return grpc.method_handlers_generic_handler(f"opentelemetry.proto.collector.{service}", {"Export": method})
