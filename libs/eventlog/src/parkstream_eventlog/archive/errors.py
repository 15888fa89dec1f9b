"""What can be wrong with an archive, or in its way; each says what to do."""

import time
from pathlib import Path

from parkstream_eventlog.errors import EventLogError, GapError


class ArchiveError(EventLogError):
    """The archive cannot be read or written."""


class CorruptArchiveError(ArchiveError):
    """*file* is not what was archived: *problem* says how it differs."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"{file} {problem}: restore this file from a copy of the archive; nothing else holds it")
        self.file = file
        self.problem = problem


class OtherArchiveError(ArchiveError):
    """The archive in *folder* is that of the log *found*."""

    def __init__(self, folder: Path, found: str, expected: str) -> None:
        super().__init__(f"{folder} is the archive of {found!r}, not of {expected!r}: give each log its own folder")
        self.found = found
        self.expected = expected


class OtherLogArchiveError(ArchiveError):
    """The archive in *folder* is that of the log *found*, not of *expected*, or holds what that has abandoned."""

    def __init__(self, folder: Path, found: str, through: int, expected: str) -> None:
        super().__init__(
            f"{folder} is the archive of the log {found or 'without an id'} up to position {through}, not of "
            f"{expected}: set PARKSTREAM_ARCHIVE_DIR (or --dir) to the folder that this log was archived to, or to an "
            "empty one when nothing of it was"
        )
        self.found = found
        self.expected = expected


class NotArchivedError(GapError):
    """The record at *expected* is in the log no more, nor is it in the archive in *folder*."""

    def __init__(self, expected: int, found: int, folder: Path, through: int) -> None:
        super().__init__(expected, found)
        contents = f"ends at {through}" if through else "is empty"
        message = (
            f"position {expected} is not in the log, which begins at {found}, and the archive in {folder} {contents}: "
            "set PARKSTREAM_ARCHIVE_DIR (or --dir) to the folder that the log was archived to"
        )
        self.args = (message,)


class ArchiveBehindError(ArchiveError):
    """The log was archived through *archived*, but not into *folder*, which ends at *through*."""

    def __init__(self, folder: Path, through: int, archived: int) -> None:
        super().__init__(
            f"the log was archived through {archived}, but the archive in {folder} ends at {through}: "
            "give the folder that it was archived to (PARKSTREAM_ARCHIVE_DIR or --dir)"
        )
        self.through = through
        self.archived = archived


class DifferentRecordError(ArchiveError):
    """The archive and the log differ at *position*; nothing was trimmed beyond."""

    def __init__(self, folder: Path, position: int) -> None:
        super().__init__(
            f"the log and the archive in {folder} differ at position {position}; nothing from there on was trimmed: "
            "this is the archive of another log, or its files were changed. Archive into another, empty folder"
        )
        self.position = position


class BusyArchiveError(ArchiveError):
    """Another archive or restore works in *folder*."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another archive or restore works in {folder}: wait until it has ended")


class OvertakenError(ArchiveError):
    """The log was archived or restored by somebody else meanwhile, and is archived through *archived* now."""

    def __init__(self, archived: int) -> None:
        super().__init__(
            f"the log was archived or restored by somebody else meanwhile, and is archived through {archived} now: "
            "nothing is lost; look again, and run one at a time"
        )
        self.archived = archived


class BarrierError(ArchiveError):
    """A reader still wants what stands after *position*; *until_us* is 0 for a projection."""

    def __init__(self, kind: str, name: str, position: int, until_us: int, through: int) -> None:
        who = f"the projection of version {name}" if kind == "projection" else f"the lease of {name!r}"
        what = "has only got to" if kind == "projection" else "keeps what comes after"
        until = f" until {clock_text(until_us)} or longer" if until_us else ""
        todo = "let it catch up" if kind == "projection" else "wait until it ends"
        super().__init__(
            f"{who} {what} position {position}{until}, and {through} shall be archived: {todo}, "
            f"or archive --through {position}"
        )
        self.kind = kind
        self.name = name
        self.position = position
        self.through = through
        self.until_us = until_us


class NoRoomError(ArchiveError):
    """Redis has no room to restore into: *problem*."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; nothing was restored: raise maxmemory, or restore less (--from)")


def clock_text(at_us: int) -> str:
    """Return a time (microseconds since 1970) as people write it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at_us / 1_000_000))
