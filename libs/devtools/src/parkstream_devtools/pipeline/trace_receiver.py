"""Where the pipeline's services send their spans: to a receiver of our own, unless the user has one."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_service.settings import masked_url

from parkstream_devtools.otlp.sink import Sink
from parkstream_devtools.pipeline.settings import Say

HALF_BYTES_MAX: Final = 128 * 1024 * 1024
"""Of kept spans; as much again is in the older half. A demo of five minutes at the usual rate fits."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_OURS: Final = "OTEL_SERVICE_NAME"


class Tracing(Struct, frozen=True):
    """What the services are given, and the file in which their spans are kept, if they are."""

    environ: dict[str, str]
    file: Path | None = None


@contextmanager
def tracing(environ: Mapping[str, str], file: Path, say: Say) -> Generator[Tracing, None, None]:
    """Receive spans and keep them in *file*, unless *environ* names a receiver already or wants none."""
    named = {name: value for name, value in environ.items() if name.startswith("OTEL_") and name != _OURS}
    endpoint = next((named[name] for name in _ENDPOINTS if named.get(name)), None)
    if endpoint is not None:
        say(f"telemetry goes to {masked_url(endpoint)}: look for the cars' traces there")
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
