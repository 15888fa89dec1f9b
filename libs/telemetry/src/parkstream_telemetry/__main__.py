"""``python -m parkstream_telemetry docs`` and ``… sink``."""

import argparse
import json
import signal
import sys
from pathlib import Path
from threading import Event

from parkstream_telemetry.docs import page
from parkstream_telemetry.sink import Sink

COUNTS_SECONDS = 0.2


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for."""
    options = _parser().parse_args(arguments)
    if options.command == "docs":
        sys.stdout.write(page())
        return 0
    with Sink(options.port, keep=None if options.discard else options.keep, discard=True) as sink:
        sink.delay_seconds, sink.failing = options.delay_seconds, options.failing
        _serve(sink, options.counts)
    return 0


def _serve(sink: Sink, counts: Path | None) -> None:
    """Receive until a signal comes, then say how much there was."""
    asked_to_stop = Event()

    def stop(*_: object) -> None:
        asked_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    print(json.dumps({"endpoint": sink.endpoint}), flush=True)  # noqa: T201 - what the command answers
    while not asked_to_stop.wait(COUNTS_SECONDS):
        _write(counts, sink)
    _write(counts, sink)
    print(json.dumps({"spans": sink.span_count}), flush=True)  # noqa: T201


def _write(counts: Path | None, sink: Sink) -> None:
    if counts is None:
        return
    fresh = counts.with_suffix(".fresh")
    fresh.write_text(json.dumps({"spans": sink.span_count}))
    fresh.replace(counts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parkstream_telemetry")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("docs", help="print docs/telemetry.md")
    sink = commands.add_parser("sink", help="receive OTLP over gRPC until SIGTERM")
    sink.add_argument("--port", type=int, default=4317)
    sink.add_argument("--keep", type=Path, help="append each span to this file as a line of JSON")
    sink.add_argument("--counts", type=Path, help='keep {"spans": N} in this file')
    sink.add_argument("--discard", action="store_true", help="only count, the default without --keep")
    sink.add_argument("--delay-seconds", type=float, default=0.0, help="answer so late")
    sink.add_argument("--failing", action="store_true", help="answer UNAVAILABLE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
