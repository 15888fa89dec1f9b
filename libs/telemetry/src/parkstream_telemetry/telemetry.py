"""What a service emits: one object per process, made by ``start`` and handed to whoever emits something."""

import logging
import os
from collections.abc import Callable
from secrets import token_bytes
from time import monotonic
from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins
from opentelemetry.trace import NoOpTracer, Span, Tracer, get_current_span
from parkstream_service.settings import TelemetrySettings

from parkstream_telemetry import conformance, names
from parkstream_telemetry.distributions import Distribution
from parkstream_telemetry.kinds import Event, Metric
from parkstream_telemetry.latency import Latency, Stage
from parkstream_telemetry.logs import Captured, LogFormat, Logs
from parkstream_telemetry.metrics import Metrics, Observed
from parkstream_telemetry.periodic_reader import PeriodicReader
from parkstream_telemetry.plates import KEY_BYTES, GateNames, plate_hash, plate_key, public_id
from parkstream_telemetry.receivers import Receivers, receivers
from parkstream_telemetry.resources import resource_of
from parkstream_telemetry.steps import Steps
from parkstream_telemetry.tracecontext import span_context_of

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from parkstream_telemetry.export_queue import ExportQueue
    from parkstream_telemetry.exporter import Exporters

STRICT_VARIABLE = "PARKSTREAM_TELEMETRY_STRICT"
SHUTDOWN_SECONDS = 3.0
ABORTS_SECONDS = 0.3
"""What giving up receivers that do not answer may take."""


class TelemetryOptions(Struct, frozen=True, kw_only=True):
    """How a service names itself; where telemetry goes is read from the ``OTEL_*`` variables.

    ``strict`` raises ``UnlistedError`` for what ``names`` does not list; so does PARKSTREAM_TELEMETRY_STRICT=true.
    """

    service: str
    plate_hash_key: str = ""
    log_format: LogFormat = "json"
    statistics_seconds: float = 10.0
    strict: bool = False

    @classmethod
    def of(cls, service: str, settings: TelemetrySettings) -> "TelemetryOptions":
        """Return those of *service*, as its *settings* have it."""
        return cls(
            service=service,
            plate_hash_key=settings.plate_hash_key or "",
            log_format=settings.log_format,
            statistics_seconds=settings.statistics_seconds,
        )


class Telemetry:
    """Logs, metrics, latencies and spans of one process; safe to use from any thread."""

    def __init__(self, options: TelemetryOptions) -> None:
        self._strict = options.strict or os.environ.get(STRICT_VARIABLE, "").lower() == "true"
        self._logs = Logs(options.service, options.log_format, strict=self._strict)
        self._captured = Captured(self._logs)
        logging.getLogger().addHandler(self._captured)
        self.latency = Latency()
        found, resource = receivers(), resource_of(options.service)
        self._exporters = self._export(resource, found)
        self._metrics = Metrics(
            resource,
            self._exporters.metrics if self._exporters else None,
            found.metrics_seconds,
            strict=self._strict,
            report=self._report_invalid,
        )
        self._count_from_0(options.service)
        tracer = self._exporters.tracer if self._exporters else None
        self.tracing = tracer is not None
        self.tracer: Tracer = tracer or NoOpTracer()
        self.steps = Steps(tracer)
        self._plate_key = self._key(options.plate_hash_key)
        self.public_gate = GateNames(self._plate_key)
        """Returns the name of a gate as it may be emitted."""
        seconds = options.statistics_seconds
        self._statistics = (
            PeriodicReader("statistics", seconds, self._report_statistics, at_end=True) if seconds > 0 else None
        )

    def log(
        self,
        event: Event,
        /,
        *,
        span: Span | str | None = None,
        error: BaseException | None = None,
        **attributes: Any,  # noqa: ANN401 - what the event lists
    ) -> None:
        """Log that *event* happened, in the step that *span* (or a traceparent) names, else in the current one."""
        if isinstance(span, str):
            context = span_context_of(span)
        else:
            context = (get_current_span() if span is None else span).get_span_context()
        self._logs.log(event, attributes, span=context if context and context.is_valid else None, error=error)

    def add(self, metric: Metric, /, value: float = 1, **attributes: Any) -> None:  # noqa: ANN401
        """Add *value* to a counter."""
        self._metrics.add(metric, value, attributes)

    def record(self, metric: Metric, value: float, /, **attributes: Any) -> None:  # noqa: ANN401
        """Count *value* in a histogram."""
        self._metrics.record(metric, value, attributes)

    def watch(self, metric: Metric, callback: Callable[[], Observed]) -> None:
        """Take a gauge, or a counter kept elsewhere, from *callback* when somebody looks; any thread may."""
        self._metrics.watch(metric, callback)

    def hash_plate(self, plate: str) -> str:
        """Return what stands for *plate* in all that is emitted."""
        return plate_hash(plate, self._plate_key)

    def public_id(self, id_: str, plate: str | None) -> str:
        """Return *id_* of an event or visit as it may be emitted: hashed when *plate* can be read in it.

        None: the plate is not known; then only a UUID stays as it is.
        """
        return public_id(id_, plate, self._plate_key)

    def prometheus(self) -> bytes:
        """Return every metric as Prometheus reads them."""
        return self._metrics.prometheus()

    def shutdown(self, timeout_seconds: float = SHUTDOWN_SECONDS) -> None:
        """Send what waits, for at most *timeout_seconds*; a second time nothing happens."""
        deadline = monotonic() + timeout_seconds
        if self._statistics is not None:
            self._statistics.close()
            self._statistics.join(deadline)
        if self._exporters is not None:
            self._exporters.close()
            self._metrics.shutdown(deadline - ABORTS_SECONDS - monotonic())
            self._exporters.join(deadline - ABORTS_SECONDS)
        self._statistics = self._exporters = None
        logging.getLogger().removeHandler(self._captured)

    def _export(self, resource: "Resource", found: Receivers) -> "Exporters | None":
        if not found.protocols:
            return None
        from parkstream_telemetry.exporter import Exporters  # noqa: PLC0415 - OTLP is loaded only when it is used

        exporters = Exporters(resource, found, self._dropped, strict=self._strict)
        if exporters.lines is not None:
            self._logs.onward = exporters.put_line
        return exporters

    def _count_from_0(self, service: str) -> None:
        for metric in conformance.countable(service):
            self._metrics.begin(metric)
        self._metrics.distribute(names.STAGE_DURATION, self._stages)
        for queue in self._exporters.queues if self._exporters else ():
            self._watch_queue(queue)

    def _watch_queue(self, queue: "ExportQueue[Any]") -> None:
        about = {"signal": queue.signal}
        self.watch(names.TELEMETRY_EXPORTED, lambda: [(queue.exported, about)])
        self.watch(names.TELEMETRY_WAITING, lambda: [(queue.waiting, about)])
        self.watch(
            names.TELEMETRY_DROPPED,
            lambda: [(count, {**about, "reason": reason}) for reason, count in queue.dropped.items()],
        )

    def _dropped(self, signal: str, count: int, reason: str) -> None:
        self.log(names.EVENT_TELEMETRY_DROPPED, signal=signal, count=count, reason=reason)

    def _stages(self) -> list[Distribution]:
        return [
            Distribution(
                {names.ATTRIBUTE_STAGE.name: stage.value},
                samples.total_seconds,
                samples.within(names.STAGE_DURATION.buckets),
            )
            for stage in Stage
            if (samples := self.latency.samples(stage)).count
        ]

    def _report_statistics(self) -> None:
        if stages := self.latency.latest():
            self.log(names.EVENT_STATISTICS, stages=to_builtins(stages))

    def _key(self, key: str) -> bytes:
        if not key:
            self.log(names.EVENT_PLATE_KEY_MISSING)
            return token_bytes(KEY_BYTES)
        return plate_key(key)

    def _report_invalid(self, detail: str) -> None:
        self.log(names.EVENT_TELEMETRY_INVALID, detail=detail)


def start(options: TelemetryOptions) -> Telemetry:
    """Return the telemetry of this process; it raises ``UnknownProtocolError`` for an OTLP protocol that is none."""
    return Telemetry(options)
