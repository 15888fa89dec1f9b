"""The real OpenTelemetry Collector with our configuration, and a receiver in the place of SigNoz."""

import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from google.protobuf.message import Message
from parkstream_devtools import Sandbox, free_port
from parkstream_devtools.otlp.sink import Sink
from parkstream_devtools.servers.process import Process

CONFIGS = Path(__file__).parents[2] / "deploy" / "otel-collector"
VARIABLE = "PARKSTREAM_OTELCOL"
"""The program; whoever sets it, as CI does, wants a failure where it does not run."""
IMAGE = "otel/opentelemetry-collector-contrib:0.161.0"
READY_SECONDS = 120.0


def collector(folder: Path) -> Path:
    """Return the collector: the one that is named, or on PATH, or out of the image; skip the test without any."""
    named = os.environ.get(VARIABLE)
    if named:
        assert os.access(named, os.X_OK), f"{VARIABLE} is {named}, which is no program"
        return Path(named)
    if found := shutil.which("otelcol-contrib"):
        return Path(found)
    return _out_of_image(folder) or pytest.skip(f"no collector: set {VARIABLE}, or docker pull {IMAGE}")


def _out_of_image(folder: Path) -> Path | None:
    if shutil.which("docker") is None:
        return None
    made = subprocess.run(["docker", "create", "--pull=never", IMAGE], capture_output=True, text=True, check=False)
    if made.returncode:
        return None
    program, container = folder / "otelcol-contrib", made.stdout.strip()
    subprocess.run(["docker", "cp", f"{container}:/otelcol-contrib", str(program)], check=True, capture_output=True)
    subprocess.run(["docker", "rm", container], check=True, capture_output=True)
    return program


def valid(program: Path, *configs: Path) -> str:
    """Return what the collector has against *configs*, laid over each other; nothing if it takes them."""
    command = [str(program), "validate", *(f"--config={config}" for config in configs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    return done.stderr if done.returncode else ""


class SigNozInstead(Sink):
    """Keeps every request as it came, too."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Message] = []
        super().__init__(port)

    def _take_spans(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return super()._take_spans(request, context)

    def _take_points(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return super()._take_points(request, context)

    def _take_logs(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return super()._take_logs(request, context)

    def resources(self) -> Iterator[dict[str, str]]:
        """Yield the attributes of every resource that sent spans."""
        for request in self.requests:
            for one in getattr(request, "resource_spans", []):
                yield {pair.key: pair.value.string_value for pair in one.resource.attributes}

    def traces_by_request(self) -> list[dict[str, int]]:
        """Return how many spans of each trace came in each request."""
        found: list[dict[str, int]] = []
        for request in self.requests:
            counts: dict[str, int] = {}
            for resource in getattr(request, "resource_spans", []):
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        counts[span.trace_id.hex()] = counts.get(span.trace_id.hex(), 0) + 1
            found.append(counts)
        return found

    def raw(self) -> bytes:
        """Return all that came, as bytes."""
        return b"".join(request.SerializeToString() for request in self.requests)


class Gateway:
    """The collector, with *configs* laid over each other, sending to *signoz_port*; everything on free ports."""

    def __init__(  # noqa: PLR0913, PLR0917 - what differs between tests
        self,
        sandbox: Sandbox,
        program: Path,
        folder: Path,
        signoz_port: int,
        configs: tuple[str, ...] = ("gateway.yaml",),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        ports = {name: free_port() for name in ("GRPC", "HTTP", "PROMETHEUS", "HEALTH", "OWN_METRICS_PORT")}
        self._ports = ports
        own = {
            **{f"PARKSTREAM_GATEWAY_{name}": f"127.0.0.1:{port}" for name, port in ports.items()},
            "PARKSTREAM_GATEWAY_OWN_METRICS_PORT": str(ports["OWN_METRICS_PORT"]),
            "PARKSTREAM_GATEWAY_QUEUE_DIR": str(folder / "queue"),
            "PARKSTREAM_GATEWAY_SPANS_FILE": str(folder / "spans" / "spans.jsonl"),
            "PARKSTREAM_GATEWAY_SPANS_MEGABYTES": "1",
            "PARKSTREAM_SIGNOZ_OTLP": f"127.0.0.1:{signoz_port}",
            "PARKSTREAM_SIGNOZ_COMPRESSION": "gzip",  # Python's gRPC server knows no zstd.
            "PARKSTREAM_TRACE_WAIT": "1s",
            "PARKSTREAM_SCRAPE_INTERVAL": "1s",
            "PARKSTREAM_REDIS_ADDRESS": "127.0.0.1:1",
            "PARKSTREAM_RABBITMQ_METRICS": "127.0.0.1:1",
            "PARKSTREAM_ENVIRONMENT": "testing",
        }
        command = [str(program), *(f"--config={CONFIGS / config}" for config in configs)]
        output = folder / "gateway.log"
        full = {**os.environ, **own, **(environ or {})}
        self._process = Process("gateway", command, full, output, sandbox._announce)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.alive:
            self.stop()

    @property
    def endpoint(self) -> str:
        """Where services send to, over gRPC."""
        return f"http://127.0.0.1:{self._ports['GRPC']}"

    def start(self) -> None:
        """Start it, and wait until it is healthy."""
        self._process.launch()
        self._process.wait_until(self._healthy, READY_SECONDS)

    def stop(self) -> None:
        """Stop it as an orchestrator does."""
        assert self._process.end(signal.SIGTERM, READY_SECONDS) == 0, self._process.last_lines()

    def kill(self) -> None:
        """End it on the spot."""
        self._process.end(signal.SIGKILL, READY_SECONDS)

    def prometheus(self) -> str:
        """Return what those who scrape get."""
        return _read(f"http://127.0.0.1:{self._ports['PROMETHEUS']}/metrics")

    def queued(self, signal_name: str = "traces") -> int:
        """Return how many items wait for SigNoz."""
        text = _read(f"http://127.0.0.1:{self._ports['OWN_METRICS_PORT']}/metrics")
        pattern = rf'^otelcol_exporter_queue_size\w*\{{[^}}]*data_type="{signal_name}"[^}}]*\}} (\S+)$'
        return sum(int(float(value)) for value in re.findall(pattern, text, re.MULTILINE))

    def said(self) -> str:
        """Return the end of its log."""
        return self._process.last_lines(5)[-2000:]

    def _healthy(self) -> bool:
        try:
            return "available" in _read(f"http://127.0.0.1:{self._ports['HEALTH']}/")
        except OSError:
            return False


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: str = answer.read().decode()
        return content
