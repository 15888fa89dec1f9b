"""Spans in a file, a line of JSON each; ``parkstream_telemetry.kept_spans`` reads it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec
from parkstream_telemetry.kept_spans import older_half
from parkstream_telemetry.received_span import ReceivedSpan

BLOCK_BYTES = 64 * 1024


class SpanFile:
    """Appends to *file*; what is in it becomes the older half when it has *bytes_max*, and the older half goes."""

    def __init__(self, file: Path, bytes_max: int | None = None) -> None:
        self._path = file
        self._bytes_max = bytes_max
        self._file: BinaryIO = file.open("ab")
        self._file.truncate(end_of_lines(file))  # Whoever wrote it before may have been killed within a line.

    def add(self, spans: Iterable[ReceivedSpan]) -> None:
        """Append *spans*."""
        self._file.writelines(msgspec.json.encode(span) + b"\n" for span in spans)
        self._file.flush()
        if self._bytes_max is not None and self._path.stat().st_size >= self._bytes_max:
            self._file.close()
            self._path.replace(older_half(self._path))
            self._file = self._path.open("ab")

    def close(self) -> None:
        """Write nothing more."""
        self._file.close()


def end_of_lines(file: Path) -> int:
    """Return where the last whole line of *file* ends."""
    with file.open("rb") as content:
        at = content.seek(0, os.SEEK_END)
        while at > 0:
            begin = max(at - BLOCK_BYTES, 0)
            content.seek(begin)
            found = content.read(at - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            at = begin
    return 0
