"""One segment: written durably, hashed on the way; read from its beginning, after its hash was compared."""

import os
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from io import BufferedReader
from pathlib import Path
from typing import IO, Final

import zstandard

from parkstream_eventlog.archive.durable import replacing
from parkstream_eventlog.archive.errors import CorruptArchiveError
from parkstream_eventlog.archive.manifest import Segment, name_of
from parkstream_eventlog.log import Record
from parkstream_eventlog.transfer.json_lines import LINE_BYTES_MAX, LineError, line_of, records_of
from parkstream_eventlog.transfer.line_files import WINDOW_BYTES_MAX

LEVEL: Final = 1
"""Of compression: for lines such as ours no higher level makes them smaller."""
CHUNK_BYTES: Final = 256 * 1024


class SegmentWriter:
    """Takes the records of one segment, in order, and knows the hash of what was meant to be written to *file*."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()
        self._bytes = 0
        self._frame = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._first: Record | None = None
        self._last: Record | None = None

    def add(self, records: list[Record]) -> None:
        """Write the next *records*."""
        self._first = self._first or records[0]
        self._last = records[-1]
        self._write(self._frame.compress(b"".join(map(line_of, records))))

    def finish(self, previous: str) -> Segment:
        """Write what is left, and return what the manifest says of the segment that follows *previous*."""
        self._write(self._frame.flush())
        first, last = self._first, self._last
        assert first, "a segment has records"
        assert last
        return Segment(
            name=name_of(first.position, last.position),
            first=first.position,
            last=last.position,
            count=last.position - first.position + 1,
            bytes=self._bytes,
            sha256=self._hash.hexdigest(),
            previous=previous,
            first_recorded_at_us=first.recorded_at_us,
            last_recorded_at_us=last.recorded_at_us,
        )

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self._bytes += len(data)
        self._file.write(data)


@contextmanager
def writing(folder: Path, first: int, last: int) -> Generator[SegmentWriter]:
    """Yield what writes the segment of these positions; it is in *folder*, durably, when the block has ended."""
    with replacing(folder / name_of(first, last)) as file:
        yield SegmentWriter(file)


class SegmentReader:
    """Reads the records of *segment* in order; raises ``CorruptArchiveError`` before a record that was not archived."""

    def __init__(self, folder: Path, segment: Segment) -> None:
        self.segment: Final = segment
        self.position = segment.first
        """Of the record that comes next."""
        self._path = folder / segment.name
        file = content_of(self._path, segment)
        weakref.finalize(self, file.close)
        self._stream = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).stream_reader(file, closefd=False)
        self._torn = b""
        self._records: list[Record] = []
        self._taken = 0

    def skip_to(self, position: int) -> None:
        """Go on to *position*, without decoding what can be left out."""
        while (passed := self.position + len(self._records) - self._taken) <= position:
            self.position = passed
            self._records, self._taken = [], 0
            lines = self._next_lines()
            count = lines.count(b"\n")
            if passed + count <= position:
                self.position += count
            else:
                self._take(lines)
        self._taken += position - self.position
        self.position = position

    def read(self, count: int) -> list[Record]:
        """Return the next records, up to *count*; none at the end."""
        if self._taken == len(self._records):
            if self.position > self.segment.last:
                return []
            self._take(self._next_lines())
        records = self._records[self._taken : self._taken + count]
        self._taken += len(records)
        self.position += len(records)
        return records

    def _next_lines(self) -> bytes:
        """Return some whole lines."""
        parts = [self._torn]
        while sum(map(len, parts)) <= LINE_BYTES_MAX:
            try:
                chunk = self._stream.read(CHUNK_BYTES)
            except zstandard.ZstdError as error:
                raise CorruptArchiveError(self._path, f"cannot be decompressed ({error})") from error
            whole, feed, torn = chunk.rpartition(b"\n")
            if feed:
                self._torn = torn
                return b"".join((*parts, whole, feed))
            if not chunk:
                raise CorruptArchiveError(self._path, f"ends before position {self.position}")
            parts.append(chunk)
        problem = f"from position {self.position}: a line is longer than {LINE_BYTES_MAX:,} bytes"
        raise CorruptArchiveError(self._path, problem)

    def _take(self, lines: bytes) -> None:
        try:
            records = records_of(lines)
        except LineError as error:
            raise CorruptArchiveError(self._path, f"from position {self.position}: {error}") from error
        for expected, record in enumerate(records, self.position):
            if record.position != expected:
                raise CorruptArchiveError(self._path, f"has position {record.position} where {expected} comes next")
        if self.position + len(records) - 1 > self.segment.last:
            raise CorruptArchiveError(self._path, f"goes on after position {self.segment.last}")
        self._records, self._taken = records, 0


def content_of(path: Path, segment: Segment) -> BufferedReader:
    """Return the compressed bytes of *segment*, to be read, if they are those that were archived."""
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise CorruptArchiveError(path, "is missing") from error
    except OSError as error:
        raise CorruptArchiveError(path, f"cannot be read ({error.strerror})") from error
    try:
        _check(file, path, segment)
    except BaseException:
        file.close()
        raise
    return file


def _check(file: BufferedReader, path: Path, segment: Segment) -> None:
    size = os.fstat(file.fileno()).st_size
    if size != segment.bytes:
        raise CorruptArchiveError(path, f"has {size} bytes instead of {segment.bytes}")
    found = file_digest(file, "sha256").hexdigest()
    if found != segment.sha256:
        raise CorruptArchiveError(path, f"has the sha256 {found} instead of {segment.sha256}")
    file.seek(0)
