"""Spans that a receiver kept in a file: the sink one a line, the collector a request of OTLP/JSON a line."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from parkstream_service.foreign_data import UNREADABLE, TooLongError, lines_within

from parkstream_telemetry.otlp_json import Request, spans_of
from parkstream_telemetry.received_span import ReceivedSpan

LINE_BYTES_MAX: Final = 16 << 20
"""Of a request: the collector sends thousands of spans at once."""
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


def kept_spans(file: Path, *, mentioning: Collection[str] = ()) -> Iterator[ReceivedSpan]:
    """Return the spans in *file* and in what it was before, the oldest first; raise ``NotSpansError``, ``OSError``.

    Lines that contain none of the words *mentioning*, if there are any, are not even decoded.
    """
    words = [word.encode() for word in mentioning] or [b""]
    for part in [*_older(file), file]:
        with part.open("rb") as lines:
            try:
                for line in lines_within(lines, LINE_BYTES_MAX):
                    whole = line.endswith(b"\n") and len(line) > 1  # Else it is being written, or the file was full.
                    if whole and any(word in line for word in words):
                        yield from _spans(part, line)
            except TooLongError as error:
                raise NotSpansError(part, error) from error


def _older(file: Path) -> list[Path]:
    """Return where older spans are: under the sink's name for it, or with the collector's date in it."""
    ours = older_half(file)
    return [*([ours] if ours.exists() else []), *sorted(file.parent.glob(f"{file.stem}-*{file.suffix}"))]


def _spans(file: Path, line: bytes) -> Iterable[ReceivedSpan]:
    try:
        return spans_of(_request.decode(line)) if line.startswith(_OTLP) else [_span.decode(line)]
    except UNREADABLE as error:
        raise NotSpansError(file, error) from error
