"""Spans in a file, a line of JSON each; ``parkstream_telemetry.kept_spans`` reads it."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec
from parkstream_telemetry.kept_spans import older_half
from parkstream_telemetry.received_span import ReceivedSpan


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
        if self._bytes_max is not None and self._path.stat().st_size >= self._bytes_max:
            self._file.close()
            self._path.replace(older_half(self._path))
            self._file = self._path.open("ab")

    def close(self) -> None:
        """Write nothing more."""
        self._file.close()
