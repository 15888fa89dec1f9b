"""What a service tells: one object per process, made by ``start`` and handed to whoever has something to say."""

import os
from collections.abc import Callable
from hashlib import blake2b
from secrets import token_bytes
from threading import Event as Signal
from threading import Thread
from typing import Any

from msgspec import Struct, to_builtins
from opentelemetry.trace import NoOpTracer, Span, Tracer, get_current_span

from parkstream_telemetry import names
from parkstream_telemetry.kinds import Event, Metric
from parkstream_telemetry.latency import Latency, Stage
from parkstream_telemetry.logs import LogFormat, Logs
from parkstream_telemetry.metrics import Figure, Metrics, Observed, Point
from parkstream_telemetry.prometheus import exposition

STRICT_VARIABLE = "PARKSTREAM_TELEMETRY_STRICT"
KEY_BYTES_MAX = 64


class TelemetryOptions(Struct, frozen=True, kw_only=True):
    """What a service says of itself; where telemetry goes is read from the ``OTEL_*`` variables."""

    service: str
    plate_hash_key: str = ""
    log_format: LogFormat = "json"
    statistics_seconds: float = 10.0
    strict: bool = False


class Telemetry:
    """Logs, metrics, latencies and spans of one process; safe to use from any thread."""

    def __init__(self, options: TelemetryOptions) -> None:
        self.latency = Latency()
        self.tracing = False
        self.tracer: Tracer = NoOpTracer()
        strict = options.strict or os.environ.get(STRICT_VARIABLE, "").lower() == "true"
        self._logs = Logs(options.service, options.log_format, strict=strict)
        self._metrics = Metrics(strict=strict, complain=self._complain)
        self._plate_key = self._key(options.plate_hash_key)
        self._stopped = Signal()
        if options.statistics_seconds > 0:
            Thread(target=self._tell, args=(options.statistics_seconds,), name="statistics", daemon=True).start()

    def log(
        self,
        event: Event,
        /,
        *,
        span: Span | None = None,
        error: BaseException | None = None,
        **attributes: Any,
    ) -> None:
        """Say that *event* happened, at the step of a trace that *span* or else the current context stands for."""
        context = (get_current_span() if span is None else span).get_span_context()
        self._logs.log(event, attributes, span=context if context.is_valid else None, error=error)

    def add(self, metric: Metric, /, value: float = 1, **attributes: Any) -> None:
        """Add *value* to a counter."""
        self._metrics.add(metric, value, attributes)

    def record(self, metric: Metric, value: float, /, **attributes: Any) -> None:
        """Count *value* in a histogram."""
        self._metrics.record(metric, value, attributes)

    def watch(self, metric: Metric, callback: Callable[[], Observed]) -> None:
        """Take the value of a gauge from *callback* whenever somebody looks; any thread may."""
        self._metrics.watch(metric, callback)

    def hash_plate(self, plate: str) -> str:
        """Return what stands for *plate* in all that is told."""
        return blake2b(plate.encode(), digest_size=8, key=self._plate_key).hexdigest()

    def figures(self) -> list[Figure]:
        """Return every metric as it is now."""
        return [*self._metrics.snapshot(), *self._stages()]

    def prometheus(self) -> bytes:
        """Return every metric as Prometheus reads them."""
        return exposition(self.figures())

    def shutdown(self, timeout_seconds: float = 3.0) -> None:  # noqa: ARG002 - nothing to wait for yet
        """Send what waits, for at most *timeout_seconds*."""
        self._stopped.set()

    def _stages(self) -> list[Figure]:
        metric = names.STAGE_DURATION
        points = [
            Point(
                {names.ATTRIBUTE_STAGE.name: stage.value}, samples.total_seconds, tuple(samples.within(metric.buckets))
            )
            for stage in Stage
            if (samples := self.latency.samples(stage)).count
        ]
        return [Figure(metric, points)] if points else []

    def _tell(self, every_seconds: float) -> None:
        while not self._stopped.wait(every_seconds):
            if stages := self.latency.latest():
                self.log(names.EVENT_STATISTICS, stages=to_builtins(stages))

    def _key(self, key: str) -> bytes:
        if not key:
            self.log(names.EVENT_PLATE_KEY_MISSING)
            return token_bytes(KEY_BYTES_MAX)
        return blake2b(key.encode()).digest()

    def _complain(self, detail: str) -> None:
        self.log(names.EVENT_TELEMETRY_INVALID, detail=detail)


def start(options: TelemetryOptions) -> Telemetry:
    """Return the telemetry of this process."""
    return Telemetry(options)
