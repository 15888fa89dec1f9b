"""Archives and backups: their tables of contents, and the segments that these name."""

import atexit
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final

import msgspec
from parkstream_eventlog.archive.errors import CorruptArchiveError, NotArchivedError
from parkstream_eventlog.archive.manifest import NAME, Manifest, Segment, name_of
from parkstream_eventlog.archive.reader import Archive, defects_of
from parkstream_eventlog.transfer.json_lines import line_of, record_of
from parkstream_projection.backup import manifest as backups
from parkstream_projection.backup.errors import BackupError

from fuzzing.mutation import mutated
from fuzzing.target import MIB, Target, promise
from fuzzing.targets.events import NOW, NOW_US
from fuzzing.targets.imports import COUNT, LINES, compressed, inflated

SEPARATOR: Final = b"\n-- "
"""Between a table of contents and the segment."""
IN_MEMORY: Final = Path("/dev/shm")
READ_MAX: Final = 3 * COUNT


@cache
def _folder() -> Path:
    """Return a folder for this process, in memory where there is one."""
    place = tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
    atexit.register(place.cleanup)
    return Path(place.name)


def _manifest(segment: bytes) -> bytes:
    """Return the table of contents of an archive whose one segment is *segment*."""
    only = Segment(
        name=name_of(1, COUNT),
        first=1,
        last=COUNT,
        count=COUNT,
        bytes=len(segment),
        sha256=sha256(segment).hexdigest(),
        previous="",
        first_recorded_at_us=NOW_US,
        last_recorded_at_us=NOW_US + COUNT,
    )
    return msgspec.json.encode(Manifest(log="mall", log_id="log-1", segments=(only,)))


def _archived(rng: Random, lines: bytes) -> bytes:
    """Return an archive with these *lines* and the right checksum; or one of ours with an odd table of contents."""
    if rng.random() < 0.5:
        segment = compressed(inflated(rng, lines))
        return _manifest(segment) + SEPARATOR + segment
    segment = compressed(LINES)
    return mutated(rng, [_manifest(segment)]) + SEPARATOR + segment


def _read(data: bytes) -> bool:
    manifest, _, segment = data.partition(SEPARATOR)
    (_folder() / NAME).write_bytes(manifest)
    (_folder() / name_of(1, COUNT)).write_bytes(segment)
    try:
        return _read_from(Archive(_folder()))
    except (CorruptArchiveError, NotArchivedError):
        return False


def _read_from(archive: Archive) -> bool:
    for segment in archive.manifest.segments:
        promise(Path(segment.name).name == segment.name, "an archive names no file outside its folder")
    defects = list(defects_of(archive))
    after, records = max(archive.first - 1, 0), 0
    while found := archive.read(after, COUNT):
        for one in found:
            after += 1
            promise(one.position == after, "positions have no gap")
        promise(record_of(line_of(found[-1])) == found[-1], "a record comes back from its line")
        records += len(found)
        promise(records <= READ_MAX, "no more is read than is there")
    promise(not defects, "what has a defect is not read to its end")
    return bool(records)


def _backup(data: bytes) -> bool:
    (_folder() / backups.NAME).write_bytes(data)
    try:
        found = backups.load(_folder())
    except BackupError:
        return False
    for part in found.parts:
        path = Path("/there", part.name)
        promise(path.parent != Path("/there") and ".." not in path.parts, "a backup names files in its rooms only")
        promise("\0" not in part.name, "a file's name has no NUL")
    promise(
        msgspec.json.decode(msgspec.json.encode(found), type=backups.Manifest) == found, "it comes back from its JSON"
    )
    return True


BACKUP: Final = backups.Manifest(
    mall="mall",
    taken_at=NOW,
    log_id="log-1",
    position=9,
    archived_through=0,
    redis_version="7.0.15",
    redis_dir="/data",
    parts=(
        backups.Part(name="redis/appendonlydir/dump.rdb", bytes=3, sha256="ab"),
        backups.Part(name="archive/manifest.json", bytes=0, sha256=""),
    ),
)
TARGETS: Final = (
    Target(
        name="archives",
        about="archives: the manifest, and segments whose checksum is right",
        samples=(LINES, LINES * 2),
        finish=_archived,
        check=_read,
        metered=lambda data: len(data) > 2_000,
        calls_max=500_000,
        bytes_max=40 * MIB,
        weight=0.7,
    ),
    Target(
        name="backups",
        about="manifests of backups",
        samples=(msgspec.json.encode(BACKUP), msgspec.json.format(msgspec.json.encode(BACKUP), indent=2)),
        check=_backup,
        weight=1.5,
    ),
)
