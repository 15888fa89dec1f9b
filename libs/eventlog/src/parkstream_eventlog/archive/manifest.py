"""The table of contents: which segments there are, and how each must look."""

from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct
from parkstream_service.foreign_data import UNREADABLE, TooLongError, content_within

from parkstream_eventlog.archive.durable import replacing
from parkstream_eventlog.archive.errors import CorruptArchiveError

NAME: Final = "manifest.json"
SUFFIX: Final = ".jsonl.zst"
BYTES_MAX: Final = 16 << 20
"""Of a manifest: of more than 40,000 segments."""


class Segment(Struct, frozen=True, kw_only=True):
    """A file of records; *previous* is the hash of the segment before, so that none can be left out or exchanged."""

    name: str
    first: int
    last: int
    count: int
    bytes: int
    sha256: str
    previous: str
    first_recorded_at_us: int
    last_recorded_at_us: int


class Manifest(Struct, frozen=True, kw_only=True):
    """What is archived of one *log*, which had the id *log_id*: dense, from position 1 or wherever its log began."""

    version: Literal[1] = 1
    log: str = ""
    log_id: str = ""
    segments: tuple[Segment, ...] = ()

    @property
    def first(self) -> int:
        """The first position that is archived; 0 when none is."""
        return self.segments[0].first if self.segments else 0

    @property
    def through(self) -> int:
        """The last position that is archived; 0 when none is."""
        return self.segments[-1].last if self.segments else 0


_decode: Final = msgspec.json.Decoder(Manifest).decode


def name_of(first: int, last: int) -> str:
    """Return what the segment of these positions is called; names sort as their positions do."""
    return f"{first:012}-{last:012}{SUFFIX}"


def load(folder: Path) -> Manifest:
    """Return the manifest in *folder*, an empty one when there is none; raise ``CorruptArchiveError``."""
    path = folder / NAME
    try:
        content = content_within(path, BYTES_MAX)
    except FileNotFoundError:
        return Manifest()
    except TooLongError as error:
        raise CorruptArchiveError(path, f"is no manifest ({error})") from error
    except IsADirectoryError as error:
        raise CorruptArchiveError(path, f"cannot be read ({error.strerror})") from error
    return manifest_in(content, path)


def manifest_in(content: bytes, path: Path) -> Manifest:
    """Return the manifest that *content*, of the file *path*, is; raise ``CorruptArchiveError``."""
    try:
        manifest = _decode(content)
    except UNREADABLE as error:
        raise CorruptArchiveError(path, f"is no manifest ({error})") from error
    if problem := broken_chain(manifest):
        raise CorruptArchiveError(path, problem)
    return manifest


def save(folder: Path, manifest: Manifest) -> None:
    """Make *manifest* the one in *folder*, durably."""
    with replacing(folder / NAME) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def broken_chain(manifest: Manifest) -> str:
    """Say where the segments do not follow one another; nothing when they all do."""
    previous, last = "", manifest.first - 1
    for segment in manifest.segments:
        if segment.first < 1 or segment.last < segment.first:
            return f"has a segment from {segment.first} to {segment.last}"
        if segment.first != last + 1:
            return f"goes on at position {segment.first} after {last}"
        if segment.previous != previous:
            return f"says that {segment.name} follows another segment than the one before it"
        if segment.count != segment.last - segment.first + 1:
            return f"says that {segment.name} holds {segment.count} records from {segment.first} to {segment.last}"
        if segment.name != name_of(segment.first, segment.last):  # Else it might name any file there is.
            return f"calls the segment from {segment.first} to {segment.last} {segment.name!r}"
        previous, last = segment.sha256, segment.last
    return ""
