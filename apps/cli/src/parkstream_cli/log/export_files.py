"""Files that records are exported to: written beside, and renamed when they are whole."""

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from parkstream_eventlog import Record
from parkstream_eventlog.transfer.export import lines_of
from parkstream_eventlog.transfer.line_files import compressed

from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.log.parquet import ParquetSink

STANDARD = "-"


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
def sink_for(name: str, format_: Literal["jsonl", "parquet"]) -> Generator[Sink, None, None]:
    """Open the file *name*; it is there at the end, or not at all."""
    if format_ == "parquet" and (name == STANDARD or name.endswith(".zst")):
        message = "Parquet needs a file of its own, and compresses by itself: name one that does not end in .zst"
        raise ToolError(message, exit_code=MISUSED)
    if name == STANDARD:
        yield LinesSink(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with _beside(Path(name)) as file, _sink(file, name, format_) as sink:
            yield sink
    except OSError as error:
        message = f"{name} cannot be written: {error}"
        raise ToolError(message) from error


@contextmanager
def _sink(file: BinaryIO, name: str, format_: Literal["jsonl", "parquet"]) -> Generator[Sink, None, None]:
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
