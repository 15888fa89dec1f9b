"""An OTLP receiver in a process of its own that counts spans and forgets them."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from parkstream_devtools import Sandbox, free_port

from benchmarks import stack


class Discarding:
    """The receiver; *environ* sends a service's telemetry to it."""

    def __init__(self, port: int, counts: Path, pid: int) -> None:
        self.environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        self.pid = pid
        self._counts = counts

    def received(self) -> int:
        """Return how many spans came."""
        return int(json.loads(self._counts.read_text())["spans"]) if self._counts.exists() else 0


@contextmanager
def discarding(sandbox: Sandbox) -> Iterator[Discarding]:
    """Run the receiver."""
    port = free_port()
    counts = Path(sandbox.folder) / f"spans-{port}.json"
    command = stack.python(
        "-m", "parkstream_devtools", "sink", "--port", str(port), "--discard", "--counts", str(counts)
    )
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        sink = Discarding(port, counts, process.pid)
        stack.until((counts.exists() for _ in count()), "the receiver of spans", 30)
        try:
            yield sink
        finally:
            process.terminate()
