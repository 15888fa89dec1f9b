"""Brings what a process emits to the receivers that the environment names; imported only when it names one."""

import logging
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Tracer

from parkstream_telemetry.export_queue import ExportQueue, Limits
from parkstream_telemetry.logs import Line
from parkstream_telemetry.names import SCHEMA_URL
from parkstream_telemetry.receivers import Protocol, Receivers, Signal
from parkstream_telemetry.resources import SCOPE, SCOPE_VERSION
from parkstream_telemetry.tracer import Queued
from parkstream_telemetry.translation import Translator

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import ReadableSpan

NAMES: Final[dict[Protocol, str]] = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
"""Under which OpenTelemetry's exporters are registered."""
Report = Callable[[str, int, str], None]


class Exporters:
    """The exporters of one process, one per signal that *receivers* name."""

    def __init__(self, resource: Resource, receivers: Receivers, report: Report, *, strict: bool) -> None:
        for name in ("opentelemetry", "urllib3"):  # Failures are counted, and logged once a minute.
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._report = report
        self._translator = Translator(resource, InstrumentationScope(SCOPE, SCOPE_VERSION, SCHEMA_URL))
        self._protocols = receivers.protocols
        self.tracer: Tracer | None = None
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.spans: ExportQueue[ReadableSpan] | None = None
        if provider.sampler is not ALWAYS_OFF:
            self.spans = self._queue("traces", receivers.spans)
        if self.spans is not None:
            provider.add_span_processor(Queued(self.spans.put, strict=strict))
            self.tracer = provider.get_tracer(SCOPE, SCOPE_VERSION, SCHEMA_URL)
        self.lines: ExportQueue[ReadableLogRecord] | None = self._queue("logs", receivers.logs)
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

    def _exporter(self, signal: Signal) -> Any:  # noqa: ANN401 - each signal has its own
        if signal not in self._protocols:
            return None
        (found,) = entry_points(group=f"opentelemetry_{signal}_exporter", name=NAMES[self._protocols[signal]])
        return found.load()()

    def _queue(self, signal: Signal, limits: Limits) -> ExportQueue[Any] | None:
        exporter = self._exporter(signal)
        if exporter is None:
            return None
        return ExportQueue(signal, lambda batch: _taken(exporter, batch), exporter.shutdown, self._report, limits)


def _taken(exporter: Any, batch: object) -> bool:  # noqa: ANN401 - each signal has its own
    try:
        return bool(exporter.export(batch).name == "SUCCESS")
    except Exception:  # noqa: BLE001 - whatever a receiver or its exporter does, services go on; the caller counts it
        return False
