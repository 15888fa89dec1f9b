"""Files that records are exported to: written beside, and renamed when they are whole."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from parkstream_eventlog.log import Record
from parkstream_eventlog.transfer.export import lines_of
from parkstream_eventlog.transfer.line_files import compressed
from parkstream_eventlog.transfer.parquet import ParquetSink

Format = Literal["jsonl", "parquet"]


class Sink(Protocol):
    """Where records go."""

    def write(self, records: Sequence[Record]) -> None:
        """Write *records*, the next ones."""
        ...


class LinesSink:
    """Lines of JSON in *file*; the first names the log *log_id*."""

    def __init__(self, file: BinaryIO, log_id: str) -> None:
        self._file = file
        self._log_id: str | None = log_id

    def write(self, records: Sequence[Record]) -> None:
        """See ``Sink.write``."""
        self._file.write(lines_of(records, self._log_id))
        if records:
            self._log_id = None


@contextmanager
def sink_for(path: Path, format_: Format, log_id: str) -> Generator[Sink, None, None]:
    """Open the file *path*, which names the log *log_id*; it is there at the end, or not at all.

    A name that ends in .zst compresses lines.

    Raises ``OSError``, and ``ImportError`` when Parquet is not installed.
    """
    with _beside(path) as file, _sink(file, path.name, format_, log_id) as sink:
        yield sink


@contextmanager
def _sink(file: BinaryIO, name: str, format_: Format, log_id: str) -> Generator[Sink, None, None]:
    if format_ == "parquet":
        with ParquetSink(file, log_id) as sink:
            yield sink
    elif name.endswith(".zst"):
        with compressed(file) as lines:
            yield LinesSink(lines, log_id)
    else:
        yield LinesSink(file, log_id)


@contextmanager
def _beside(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a file beside *path* that takes its place at the end, once it is on disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
