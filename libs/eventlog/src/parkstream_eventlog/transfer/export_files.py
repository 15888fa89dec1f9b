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
    """Lines of JSON in *file*."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, records: Sequence[Record]) -> None:
        """See ``Sink.write``."""
        self._file.write(lines_of(records))


@contextmanager
def sink_for(path: Path, format_: Format) -> Generator[Sink, None, None]:
    """Open the file *path*; it is there at the end, or not at all. A name that ends in .zst compresses lines.

    Raises ``OSError``, and ``ImportError`` when Parquet is not installed.
    """
    with _beside(path) as file, _sink(file, path.name, format_) as sink:
        yield sink


@contextmanager
def _sink(file: BinaryIO, name: str, format_: Format) -> Generator[Sink, None, None]:
    if format_ == "parquet":
        with ParquetSink(file) as sink:
            yield sink
    elif name.endswith(".zst"):
        with compressed(file) as lines:
            yield LinesSink(lines)
    else:
        yield LinesSink(file)


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
