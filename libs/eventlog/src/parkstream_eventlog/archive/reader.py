"""The archive as a whole: read from any position, and looked through for defects."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from parkstream_eventlog.archive.errors import (
    CorruptArchiveError,
    NotArchivedError,
    OtherArchiveError,
    OtherLogArchiveError,
)
from parkstream_eventlog.archive.manifest import Manifest, Segment, load
from parkstream_eventlog.archive.segments import SegmentReader
from parkstream_eventlog.log import LogState, Record

READ: Final = 1_000


class Archive:
    """What is archived in *folder*, of the log *name* if it is given; empty when nothing was archived there yet.

    A segment is kept compressed while it is read, and a part of it decompressed; reading on from where the last read
    ended costs nothing but the decompression. May be used by several threads.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        self.folder: Final = folder
        self.manifest = Manifest()
        """As it was read last; ``refresh`` reads it again."""
        self._name = name
        self._reader: SegmentReader | None = None
        self._lock = threading.Lock()
        self.refresh()

    @property
    def first(self) -> int:
        """The first position that is archived; 0 when none is."""
        return self.manifest.first

    @property
    def through(self) -> int:
        """The last position that is archived; 0 when none is."""
        return self.manifest.through

    def refresh(self) -> None:
        """Read the manifest again; raise ``CorruptArchiveError`` or ``OtherArchiveError``."""
        manifest = load(self.folder)
        if self._name is not None and manifest.segments and manifest.log != self._name:
            raise OtherArchiveError(self.folder, manifest.log, self._name)
        self.manifest = manifest

    def check_log(self, state: LogState, through: int) -> None:
        """Raise ``OtherLogArchiveError`` unless what is archived up to *through* is of the log that *state* is of.

        What was archived before that log was adopted, under the id that it had then, is of it, too.
        """
        log_id = self.manifest.log_id
        shared = self.through if log_id == state.log_id else state.earlier_ids.get(log_id, 0)
        if self.through and shared < max(through, 1):
            raise OtherLogArchiveError(self.folder, log_id, self.through, state.log_id)

    def read(self, after: int, count: int) -> list[Record]:
        """Return up to *count* records from position *after* + 1; none after the last that is archived.

        Raises ``NotArchivedError`` before the first, ``CorruptArchiveError`` rather than return another record.
        """
        if after < self.first - 1:
            raise NotArchivedError(after + 1, self.first, self.folder, self.through)
        records: list[Record] = []
        with self._lock:
            while len(records) < count and after + len(records) < self.through:
                records += self._reader_at(after + len(records) + 1).read(count - len(records))
        return records

    def segment_of(self, position: int) -> Segment:
        """Return the segment that holds *position*."""
        segments = self.manifest.segments
        low, high = 0, len(segments) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if position <= segments[middle].last else (middle + 1, high)
        return segments[low]

    def _reader_at(self, position: int) -> SegmentReader:
        """Return a reader whose next record is that at *position*: the last one if it can go on."""
        segment = self.segment_of(position)
        reader = self._reader
        if reader is None or reader.segment != segment or reader.position > position:
            reader = SegmentReader(self.folder, segment)
        self._reader = None  # Not to be used again if this fails.
        if reader.position != position:
            reader.skip_to(position)
        self._reader = reader
        return reader


def defects_of(archive: Archive, reached: Callable[[int], None] = lambda _: None) -> Iterator[CorruptArchiveError]:
    """Read all of *archive*, and yield what is wrong with each segment: its first defect; *reached* gets positions.

    A manifest that does not add up is raised when an ``Archive`` is made.
    """
    for segment in archive.manifest.segments:
        try:
            reader = SegmentReader(archive.folder, segment)
            while reader.read(READ):
                reached(reader.position - 1)
        except CorruptArchiveError as error:
            yield error
