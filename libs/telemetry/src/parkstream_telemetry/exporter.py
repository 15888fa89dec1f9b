"""Brings what a process emits to the receivers that the environment names; imported only when it names one."""

import logging
import os
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Tracer, TracerProvider

from parkstream_telemetry import protobuf
from parkstream_telemetry.encoded_exporters import encoded_span_exporter
from parkstream_telemetry.export_queue import ExportQueue, Limits
from parkstream_telemetry.logs import Line
from parkstream_telemetry.names import SCHEMA_URL
from parkstream_telemetry.receivers import Protocol, Receivers, Signal
from parkstream_telemetry.resources import SCOPE, SCOPE_VERSION
from parkstream_telemetry.tracer import EncodingTracerProvider
from parkstream_telemetry.translation import Translator

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricExporter

NAMES: Final[dict[Protocol, str]] = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
"""Under which OpenTelemetry's exporters are registered."""
PROVIDER_VARIABLE: Final = "OTEL_PYTHON_TRACER_PROVIDER"
BEYOND_DEFAULTS: Final = (
    PROVIDER_VARIABLE,
    "OTEL_PYTHON_ID_GENERATOR",
    "OTEL_TRACES_SAMPLER",
    "OTEL_ATTRIBUTE_",
    "OTEL_EVENT_",
    "OTEL_LINK_",
    "OTEL_SPAN_",
)
"""How variables begin that want more of spans than ours do."""
Report = Callable[[str, int, str], None]


class Exporters:
    """The exporters of one process, one per signal that *receivers* name."""

    def __init__(self, resource: Resource, receivers: Receivers, report: Report, *, strict: bool) -> None:
        for name in ("opentelemetry", "urllib3"):  # Failures are counted, and logged once a minute.
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._report = report
        scope = InstrumentationScope(SCOPE, SCOPE_VERSION, SCHEMA_URL)
        self._translator = Translator(resource, scope)
        self._protocols = receivers.protocols
        self._envelope = _envelope(resource, scope)
        self.spans: ExportQueue[Any] | None = None
        self.tracer: Tracer | None = None
        if "traces" in self._protocols:
            provider = self._provider(resource, receivers.spans, strict=strict)
            self.tracer = provider.get_tracer(SCOPE, SCOPE_VERSION, SCHEMA_URL) if provider else None
        self.lines: ExportQueue[ReadableLogRecord] | None = self._queue("logs", self._exporter("logs"), receivers.logs)
        self.metrics = cast("MetricExporter | None", self._exporter("metrics"))

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

    def _provider(self, resource: Resource, limits: Limits, *, strict: bool) -> TracerProvider | None:
        """Return whose spans are made: ours, unless the environment wants more; None: no span is ever recorded."""
        if not _beyond_defaults():
            exporter = encoded_span_exporter(self._protocols["traces"], self._envelope)
            self.spans = self._queue("traces", exporter, limits)
            assert self.spans is not None
            return EncodingTracerProvider(self.spans.put, strict=strict)
        from parkstream_telemetry import sdk_spans  # noqa: PLC0415 - only who wants them loads them

        provider = sdk_spans.provider(resource, os.environ.get(PROVIDER_VARIABLE, ""))
        if sdk_spans.is_off(provider):
            return None
        if sdk_spans.takes_processors(provider):
            self.spans = self._queue("traces", self._exporter("traces"), limits)
            assert self.spans is not None
            provider.add_span_processor(sdk_spans.Queued(self.spans.put, strict=strict))
        return provider

    def _exporter(self, signal: Signal) -> Any:  # noqa: ANN401 - each signal has its own
        if signal not in self._protocols:
            return None
        (found,) = entry_points(group=f"opentelemetry_{signal}_exporter", name=NAMES[self._protocols[signal]])
        return found.load()()

    def _queue(self, signal: Signal, exporter: Any, limits: Limits) -> ExportQueue[Any] | None:  # noqa: ANN401
        if exporter is None:
            return None
        return ExportQueue(signal, lambda batch: _taken(exporter, batch), exporter.shutdown, self._report, limits)


def _taken(exporter: Any, batch: object) -> bool:  # noqa: ANN401 - each signal has its own
    try:
        return bool(exporter.export(batch).name == "SUCCESS")
    except Exception:  # noqa: BLE001 - whatever a receiver or its exporter does, services go on; the caller counts it
        return False


def _beyond_defaults() -> bool:
    return any(value for name, value in os.environ.items() if name.startswith(BEYOND_DEFAULTS))


def _envelope(resource: Resource, scope: InstrumentationScope) -> Callable[[Sequence[bytes]], bytes]:
    about = protobuf.pairs(b"\x0a", resource.attributes)
    name = protobuf.sized(b"\x0a", scope.name.encode()) + protobuf.sized(b"\x12", (scope.version or "").encode())
    return lambda spans: protobuf.request(about, name, SCHEMA_URL, spans)
