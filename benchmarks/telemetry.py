"""What it costs a service to emit: a span, a counter, a histogram, a latency; with receivers that are there or not."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from parkstream_devtools import free_port
from parkstream_devtools.otlp.sink import Sink
from parkstream_telemetry import Stage, Telemetry, TelemetryOptions, end, names, start

from benchmarks.results import Row

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def measure(count: int) -> Iterator[Row]:
    """Emit *count* of each; return the microseconds that one takes its caller."""
    with Sink(discard=True) as sink, emitting(sink.endpoint) as telemetry:
        yield _row("span, received", count, lambda: _span(telemetry))
        yield _row("counter", count, lambda: telemetry.add(names.DEAD_LETTERS, reason="not_json"))
        yield _row("histogram", count, lambda: telemetry.record(names.QUEUE_WAIT, 0.0123))
        yield _row("latency", count, lambda: telemetry.latency.record(Stage.END_TO_END, 0.0123))
    with Sink(discard=True) as sink, emitting(sink.endpoint) as telemetry:
        sink.delay_seconds = 1.0
        yield _row("span, slow receiver", count, lambda: _span(telemetry))
    with emitting(f"http://127.0.0.1:{free_port()}") as telemetry:
        yield _row("span, no receiver", count, lambda: _span(telemetry))


@contextmanager
def emitting(endpoint: str) -> Iterator[Telemetry]:
    """Emit to *endpoint*."""
    os.environ[ENDPOINT] = endpoint
    telemetry = start(TelemetryOptions(service="parkstream-backend", plate_hash_key="k", statistics_seconds=0))
    try:
        yield telemetry
    finally:
        del os.environ[ENDPOINT]
        telemetry.shutdown()


def _span(telemetry: Telemetry) -> None:
    end(telemetry.steps.project(None, position=7, visit_id="exit:1", revision=1, outcome="completed"))


def _row(name: str, count: int, emit: Callable[[], None]) -> Row:
    started = perf_counter()
    for _ in range(count):
        emit()
    return {"name": name, "us_each": round((perf_counter() - started) / count * 1_000_000, 3)}
