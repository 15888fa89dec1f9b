"""Brings spans and lines to the receivers that the environment names; imported only when it names one."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, Decision, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from parkstream_telemetry import protobuf
from parkstream_telemetry.export_queue import ExportQueue, Limits
from parkstream_telemetry.logs import Line
from parkstream_telemetry.names import SCHEMA_URL
from parkstream_telemetry.receivers import Protocol as Wire
from parkstream_telemetry.receivers import Receivers, Signal
from parkstream_telemetry.resources import SCOPE, SCOPE_VERSION
from parkstream_telemetry.tracer import Samples, Step
from parkstream_telemetry.translation import Translator

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricExporter

Report = Callable[[str, int, str], None]


class SdkExporter(Protocol):
    """What the SDK's exporters have in common."""

    def export(self, batch: Any, /) -> Any:  # noqa: ANN401 - each signal has its own
        """Send *batch*."""
        ...

    def shutdown(self) -> Any:  # noqa: ANN401
        """Give up what is being sent."""
        ...


class Exporters:
    """The exporters of one process, one per signal that *receivers* name."""

    def __init__(self, resource: Resource, receivers: Receivers, report: Report) -> None:
        logging.getLogger("opentelemetry").setLevel(
            logging.CRITICAL + 1
        )  # Failures are counted, and logged once a minute.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
        scope = InstrumentationScope(SCOPE, SCOPE_VERSION, SCHEMA_URL)
        self._translator = Translator(resource, scope)
        self._envelope = _envelope(resource, scope)
        self._report = report
        wires = receivers.protocols
        sampler = TracerProvider(shutdown_on_exit=False).sampler
        self.samples = _sampling(sampler)
        self.spans: ExportQueue[bytes] | None = None
        self.lines: ExportQueue[ReadableLogRecord] | None = None
        if "traces" in wires and sampler is not ALWAYS_OFF:
            self.spans = self._queue(
                "traces", _module(wires["traces"]).EncodedSpanExporter(self._envelope), receivers.spans
            )
        if "logs" in wires:
            self.lines = self._queue("logs", _module(wires["logs"]).OTLPLogExporter(), receivers.logs)
        self.metrics: MetricExporter | None = (
            _module(wires["metrics"]).OTLPMetricExporter() if "metrics" in wires else None
        )

    @property
    def queues(self) -> list[ExportQueue[Any]]:
        """Return the queues that there are."""
        return [queue for queue in (self.spans, self.lines) if queue is not None]

    def put_line(self, line: Line) -> None:
        """Let *line* wait for its export."""
        assert self.lines is not None
        self.lines.put(self._translator.line(line))

    def close(self) -> None:
        """Take nothing more, and send what waits."""
        for queue in self.queues:
            queue.close()

    def join(self, deadline: float) -> None:
        """Return when all is sent, or just after *deadline* (``monotonic``)."""
        for queue in self.queues:
            queue.join(deadline)

    def _queue(self, signal: Signal, exporter: SdkExporter, limits: Limits) -> ExportQueue[Any]:
        return ExportQueue(
            signal, lambda batch: _taken(exporter, batch), lambda: _aborted(exporter), self._report, limits
        )


def _taken(exporter: SdkExporter, batch: object) -> bool:
    try:
        return bool(exporter.export(batch).name == "SUCCESS")
    except Exception:  # noqa: BLE001 - whatever a receiver or its exporter does, services go on; the caller counts it
        return False


def _aborted(exporter: SdkExporter) -> None:
    exporter.shutdown()


def _envelope(resource: Resource, scope: InstrumentationScope) -> Callable[[Sequence[bytes]], bytes]:
    about = protobuf.pairs(b"\x0a", resource.attributes)
    name = protobuf.sized(b"\x0a", scope.name.encode()) + protobuf.sized(b"\x12", (scope.version or "").encode())
    return lambda spans: protobuf.request(about, name, SCHEMA_URL, spans)


def _sampling(sampler: Sampler) -> Samples | None:
    """Return how *sampler* decides, or ``None`` for the default, which needs no asking: all whose parent is sampled."""

    def samples(step: Step, parent: SpanContext | None, trace_id: int) -> bool:
        context = Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
        result = sampler.should_sample(context, trace_id, step.name, step.kind, step.attributes)
        return result.decision is Decision.RECORD_AND_SAMPLE

    return None if sampler is DEFAULT_ON else samples


def _module(wire: Wire) -> Any:  # noqa: ANN401 - two modules of one shape
    if wire == "grpc":
        from parkstream_telemetry import otlp_grpc  # noqa: PLC0415 - loading gRPC takes 30 MB

        return otlp_grpc
    from parkstream_telemetry import otlp_http  # noqa: PLC0415 - needs what gRPC does not

    return otlp_http
