"""The commands of telemetry and of its receiver, and what it loads."""

import os
import signal
import subprocess
import sys

import msgspec
import pytest
from parkstream_telemetry import TelemetryOptions, docs, end, start

DOCS = [sys.executable, "-m", "parkstream_telemetry", "docs"]
SINK = [sys.executable, "-m", "parkstream_devtools", "sink"]
DECODE = msgspec.json.Decoder()


def clean():
    """Return this process' environment without a receiver."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}


@pytest.fixture
def run_sink():
    """Run the sink as a process; return it with its endpoint."""
    running = []

    def run(*arguments):
        process = subprocess.Popen([*SINK, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True)
        running.append(process)
        return process, DECODE.decode(process.stdout.readline())["endpoint"]

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def tell(monkeypatch, endpoint):
    """Send two spans to *endpoint*."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    telemetry = start(TelemetryOptions(service="parkstream-backend", plate_hash_key="k", statistics_seconds=0))
    for position in (1, 2):
        end(telemetry.steps.project(None, position=position))
    telemetry.shutdown(60)


def stopped(process):
    """Stop the sink; return what it says at the end."""
    process.send_signal(signal.SIGTERM)
    said = process.stdout.readline()
    assert process.wait(120) == 0
    return DECODE.decode(said)


def test_the_page_is_printed():
    printed = subprocess.run(DOCS, check=True, capture_output=True, text=True).stdout
    assert printed == docs.page()


def test_the_sink_keeps_spans_as_lines_of_json(run_sink, tmp_path, monkeypatch):
    kept, counts = tmp_path / "spans.jsonl", tmp_path / "counts.json"
    process, endpoint = run_sink("--keep", str(kept), "--counts", str(counts))
    tell(monkeypatch, endpoint)
    assert stopped(process) == {"spans": 2}
    assert DECODE.decode(counts.read_bytes()) == {"spans": 2}
    lines = [DECODE.decode(line) for line in kept.read_bytes().splitlines()]
    assert [line["attributes"] for line in lines] == [{"parking.record.position": 1}, {"parking.record.position": 2}]
    fields = "trace_id span_id parent_span_id service name kind start_us end_us status attributes links events"
    assert list(lines[0]) == fields.split()


def test_the_sink_may_only_count(run_sink, monkeypatch):
    process, endpoint = run_sink("--discard")
    tell(monkeypatch, endpoint)
    assert stopped(process) == {"spans": 2}


def test_a_failing_sink_takes_nothing(run_sink, monkeypatch, capsys):
    process, endpoint = run_sink("--failing")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    tell(monkeypatch, endpoint)
    assert stopped(process) == {"spans": 0}
    assert "telemetry.dropped" in capsys.readouterr().out


def test_what_only_a_receiver_needs_is_loaded_only_for_one():
    code = """
import sys
from parkstream_telemetry import TelemetryOptions, start
start(TelemetryOptions(service="x", plate_hash_key="k")).shutdown()
print([name for name in ("opentelemetry.exporter.otlp", "grpc", "faststream", "requests") if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=clean()).stdout
    assert said == "[]\n"


@pytest.mark.parametrize("receiver", ["http://127.0.0.1:1", ""])
def test_a_process_ends_at_once_and_silently_even_if_nobody_shuts_telemetry_down(receiver):
    code = """
from parkstream_telemetry import TelemetryOptions, end, start
telemetry = start(TelemetryOptions(service="x", plate_hash_key="k"))
end(telemetry.steps.project(None))
"""
    environ = {**clean(), "OTEL_EXPORTER_OTLP_ENDPOINT": receiver}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environ, timeout=120
    )
    assert (done.stderr, done.stdout) == ("", "")
