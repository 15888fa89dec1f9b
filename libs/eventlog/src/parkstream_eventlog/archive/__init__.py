"""Old records in files: compressed JSON Lines with a manifest, read as if they were in the log still.

Reading order: manifest (what there is), segments (one file), reader (``Archive``), index (finding), spanning_log; then
trimmer (who is in the way), archiver (there) and restorer (back). ``durable`` writes files, ``errors`` says what may
be wrong.
"""

from parkstream_eventlog.archive.archiver import Archiver, Plan, last_recorded_before
from parkstream_eventlog.archive.errors import (
    ArchiveBehindError,
    ArchiveError,
    BarrierError,
    BusyArchiveError,
    CorruptArchiveError,
    DifferentRecordError,
    NoRoomError,
    NotArchivedError,
    OtherArchiveError,
    OtherLogArchiveError,
    OvertakenError,
)
from parkstream_eventlog.archive.index import ArchiveIndex
from parkstream_eventlog.archive.manifest import Manifest, Segment
from parkstream_eventlog.archive.reader import Archive, defects_of
from parkstream_eventlog.archive.restorer import Restoration, Restorer
from parkstream_eventlog.archive.spanning_log import (
    SpanningLog,
    SpanningReader,
    check_as_long_as_archive,
    spanning,
    spanning_reader,
)
from parkstream_eventlog.archive.trimmer import Barrier, Trimming

__all__ = [
    "Archive",
    "ArchiveBehindError",
    "ArchiveError",
    "ArchiveIndex",
    "Archiver",
    "Barrier",
    "BarrierError",
    "BusyArchiveError",
    "CorruptArchiveError",
    "DifferentRecordError",
    "Manifest",
    "NoRoomError",
    "NotArchivedError",
    "OtherArchiveError",
    "OtherLogArchiveError",
    "OvertakenError",
    "Plan",
    "Restoration",
    "Restorer",
    "Segment",
    "SpanningLog",
    "SpanningReader",
    "Trimming",
    "check_as_long_as_archive",
    "defects_of",
    "last_recorded_before",
    "spanning",
    "spanning_reader",
]
