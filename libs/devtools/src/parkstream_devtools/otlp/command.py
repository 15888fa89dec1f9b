"""``python -m parkstream_devtools sink``."""

import argparse
import json
import signal
from pathlib import Path
from threading import Event

from parkstream_devtools.otlp.sink import Sink

COUNTS_SECONDS = 0.2


def add_sink(parser: argparse.ArgumentParser) -> None:
    """Add the options of the sink to *parser*."""
    parser.add_argument("--port", type=int, default=4317)
    parser.add_argument("--keep", type=Path, help="append each span to this file as a line of JSON")
    parser.add_argument("--counts", type=Path, help='keep {"spans": N} in this file')
    parser.add_argument("--discard", action="store_true", help="only count, the default without --keep")
    parser.add_argument("--delay-seconds", type=float, default=0.0, help="answer so late")
    parser.add_argument("--failing", action="store_true", help="answer UNAVAILABLE")


def run_sink(options: argparse.Namespace) -> None:
    """Receive until a signal comes, then print how much there was."""
    with Sink(options.port, keep=None if options.discard else options.keep, discard=True) as sink:
        sink.delay_seconds, sink.failing = options.delay_seconds, options.failing
        _serve(sink, options.counts)


def _serve(sink: Sink, counts: Path | None) -> None:
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
