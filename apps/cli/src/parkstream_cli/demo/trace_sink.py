"""Where the demo's services send their spans, and which cars are worth showing."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_devtools.otlp.sink import Sink
from parkstream_telemetry import names
from parkstream_telemetry.kept_spans import kept_spans
from parkstream_telemetry.received_span import ReceivedSpan

from parkstream_cli.demo.plan import Say
from parkstream_cli.traces.car_trace import WRITE, CarTrace
from parkstream_cli.traces.search import gathered

HALF_BYTES_MAX: Final = 128 * 1024 * 1024
"""Of kept spans; as much again is in the older half. A demo of five minutes at the usual rate fits."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_OURS: Final = "OTEL_SERVICE_NAME"


class Tracing(Struct, frozen=True):
    """What the services are told, and the file in which their spans are kept, if they are."""

    environ: dict[str, str]
    file: Path | None = None


@contextmanager
def tracing(environ: Mapping[str, str], file: Path, say: Say) -> Generator[Tracing, None, None]:
    """Receive spans and keep them in *file*, unless *environ* names a receiver already or wants none."""
    named = {name: value for name, value in environ.items() if name.startswith("OTEL_") and name != _OURS}
    endpoint = next((named[name] for name in _ENDPOINTS if named.get(name)), None)
    if endpoint is not None:
        say(f"telemetry goes to {endpoint}: look for the cars' traces there")
    if endpoint is not None or named.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield Tracing(named)
        return
    try:
        sink = Sink(keep=file, keep_bytes_max=HALF_BYTES_MAX, discard=True)
    except (OSError, RuntimeError) as error:  # gRPC raises the latter when it cannot listen.
        say(f"no traces: spans cannot be received ({error})")
        yield Tracing({})
        return
    with sink:
        yield Tracing(_sent_to(sink.endpoint), file)


def _sent_to(endpoint: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }


class Shown(Struct, frozen=True):
    """Two cars whose visits were completed when they left, without waiting for anything."""

    typical: CarTrace
    slowest: CarTrace


def shown(file: Path) -> Shown | None:
    """Return the car nearest to the median, and the one that took longest; ``None`` when *file* tells of none.

    The former is one whose summary travelled alone if there is any: its trace has all six steps.
    """
    took_ms: dict[str, float] = {}
    requests: set[str] = set()
    for span in kept_spans(file):
        if _decided_on_arrival(span):
            took_ms[span.trace_id] = float(span.attributes[names.ATTRIBUTE_E2E_DURATION_MS.name])
        elif span.kind == names.SPAN_POST.kind.value:
            requests.add(span.trace_id)
    if not took_ms:
        return None
    ranked = sorted(took_ms, key=lambda trace_id: took_ms[trace_id])
    median_ms = took_ms[ranked[len(ranked) // 2]]
    alone = [trace_id for trace_id in ranked if trace_id in requests]
    typical = min(alone or ranked, key=lambda trace_id: abs(took_ms[trace_id] - median_ms))
    found = gathered(file, {typical, ranked[-1]})
    return Shown(found[typical], found[ranked[-1]])


def _decided_on_arrival(span: ReceivedSpan) -> bool:
    """Return whether *span* is the first writing of a completed visit that nothing held."""
    said = span.attributes
    return (
        span.name == WRITE
        and names.ATTRIBUTE_E2E_DURATION_MS.name in said
        and said.get(names.ATTRIBUTE_OUTCOME.name) == "completed"
        and said.get(names.ATTRIBUTE_STATUS.name) == "written"
        and not said.get(names.ATTRIBUTE_PENDING.name)
    )
