"""Spans in a file, a line of JSON each: written by the sink, read by whoever looks for a trace."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from parkstream_telemetry.received import ReceivedSpan

_line = msgspec.json.Decoder(ReceivedSpan)


class NotSpansError(ValueError):
    """A line of *file* is no span."""

    def __init__(self, file: Path, why: Exception) -> None:
        super().__init__(f"{file} holds something else than spans: {why}")
        self.file = file


class SpanFile:
    """Appends to *file*; what is in it becomes the older half when it has *bytes_max*, and the older half goes."""

    def __init__(self, file: Path, bytes_max: int | None = None) -> None:
        self._path = file
        self._bytes_max = bytes_max
        self._file: BinaryIO = file.open("ab")

    def add(self, spans: Iterable[ReceivedSpan]) -> None:
        """Append *spans*."""
        self._file.writelines(msgspec.json.encode(span) + b"\n" for span in spans)
        self._file.flush()
        if self._bytes_max is not None and self._file.tell() >= self._bytes_max:
            self._file.close()
            self._path.replace(older_half(self._path))
            self._file = self._path.open("ab")

    def close(self) -> None:
        """Write nothing more."""
        self._file.close()


def older_half(file: Path) -> Path:
    """Return where the spans are that were in *file* before it was full."""
    return file.with_name(f"{file.stem}.older{file.suffix}")


def kept_spans(file: Path) -> Iterator[ReceivedSpan]:
    """Return the spans that *file* and its older half hold, the oldest first; raise ``NotSpansError``, ``OSError``."""
    older = older_half(file)
    for half in [older, file] if older.exists() else [file]:
        with half.open("rb") as lines:
            yield from (_span(half, line) for line in lines if line.endswith(b"\n"))  # Else it is being written.


def _span(file: Path, line: bytes) -> ReceivedSpan:
    try:
        return _line.decode(line)
    except msgspec.DecodeError as error:
        raise NotSpansError(file, error) from error
