"""Spans that a receiver kept in a file: the sink one a line, the collector a request of OTLP/JSON a line."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from parkstream_telemetry.otlp_json import Request, spans_of
from parkstream_telemetry.received_span import ReceivedSpan

_span = msgspec.json.Decoder(ReceivedSpan)
_request = msgspec.json.Decoder(Request)
_OTLP = b'{"resourceSpans"'


class NotSpansError(ValueError):
    """A line of *file* is no span."""

    def __init__(self, file: Path, why: Exception) -> None:
        super().__init__(f"{file} holds something else than spans: {why}")
        self.file = file


def older_half(file: Path) -> Path:
    """Return where the spans are that were in *file* before it was full."""
    return file.with_name(f"{file.stem}.older{file.suffix}")


def kept_spans(file: Path) -> Iterator[ReceivedSpan]:
    """Return the spans in *file* and in what it was before, the oldest first; raise ``NotSpansError``, ``OSError``."""
    for part in [*_older(file), file]:
        with part.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n") and len(line) > 1:  # Else it is not whole yet, or the file was full.
                    yield from _spans(part, line)


def _older(file: Path) -> list[Path]:
    """Return where older spans are: under the sink's name for it, or with the collector's date in it."""
    ours = older_half(file)
    return [*([ours] if ours.exists() else []), *sorted(file.parent.glob(f"{file.stem}-*{file.suffix}"))]


def _spans(file: Path, line: bytes) -> Iterable[ReceivedSpan]:
    try:
        return spans_of(_request.decode(line)) if line.startswith(_OTLP) else [_span.decode(line)]
    except msgspec.DecodeError as error:
        raise NotSpansError(file, error) from error
