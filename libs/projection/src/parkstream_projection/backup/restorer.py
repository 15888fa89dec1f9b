"""A backup is put back where nothing runs: what is there already stays, or is moved aside, and is never deleted."""

import fcntl
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from parkstream_eventlog.archive.durable import sync_folder

from parkstream_projection.backup.copies import Copied, Source, check, copy, difference
from parkstream_projection.backup.errors import BackupError, OccupiedError
from parkstream_projection.backup.manifest import ARCHIVE, BESIDE, REDIS, SUMMARIES, Manifest, Part, load
from parkstream_projection.backup.taker import Places, Reached

ASIDE: Final = ".before-restore-"
RESTORING: Final = ".restoring"
"""Where files are until all of them are there; begun anew when a restore is run again."""


class Placed(NamedTuple):
    """A file of the backup, and where it belongs."""

    part: Part
    target: Path


class Room(NamedTuple):
    """What belongs together: *files* in *folder*, which is theirs as a *whole* or holds others too."""

    folder: Path
    files: list[Placed]
    whole: bool

    def occupied_by(self, copied: Copied) -> str:
        """Say what else is there; nothing when there is nothing, or some of what the backup holds."""
        ours = {file.target.name for file in self.files}
        if self.whole and self.folder.is_dir():
            for path in sorted(self.folder.iterdir()):
                if not path.name.startswith(".") and path.name not in ours:
                    return f"{path.name}, which the backup does not"
        for part, target in self.files:
            if target.exists() and (problem := difference(part, target, copied)):
                return f"another {target.name}: it {problem}"
        return ""


def restore(folder: Path, places: Places, reached: Reached, *, force: bool = False) -> Manifest:
    """Put the backup in *folder* back to *places*, whose Redis must not run; raise ``BackupError``.

    Every file is compared with the backup's manifest before anything is written. It may be interrupted: the next run
    goes on. With *force* whatever else is there is moved aside.
    """
    manifest = load(folder)
    total, done = 3 * manifest.bytes, 0

    def copied(count: int) -> None:
        nonlocal done
        done += count
        reached(min(done, total), total)

    check(folder, manifest.parts, copied)
    rooms = list(_rooms(manifest, places))
    with ExitStack() as stack:
        for room in rooms:
            if not room.whole and not force:
                stack.enter_context(_unlocked(room.files[0].target))
        _make_room(rooms, copied, force=force)
        for room in rooms:
            _put(room, folder, copied)
    return manifest


def _rooms(manifest: Manifest, places: Places) -> Iterator[Room]:
    """Yield what is to be put where, Redis' files last: without them nothing begins to work on the rest."""
    if parts := manifest.parts_of(ARCHIVE):
        yield _room(_known(places.archive_dir, "the archive", "PARKSTREAM_ARCHIVE_DIR"), parts)
    for part in manifest.parts_of(SUMMARIES):
        file = _known(places.summary_file, "the summary file", "PARKSTREAM_SUMMARY_FILE")
        target = file.with_name(file.name + BESIDE) if part.name.endswith(BESIDE) else file
        yield Room(target.parent, [Placed(part, target)], whole=False)
    parts = manifest.parts_of(REDIS)
    if not parts:
        message = "the backup holds no file of Redis: choose another one"
        raise BackupError(message)
    data = places.redis_dir or Path(manifest.redis_dir)
    if not data.is_dir():
        message = f"{data} is no folder here: say where Redis' data folder is (--redis-dir or PARKSTREAM_REDIS_DIR)"
        raise BackupError(message)
    yield _room(data / PurePosixPath(parts[0].name).parts[1], parts)


def _room(folder: Path, parts: list[Part]) -> Room:
    ordered = sorted(parts, key=lambda part: "manifest" in PurePosixPath(part.name).name)
    return Room(folder, [Placed(part, folder / PurePosixPath(part.name).name) for part in ordered], whole=True)


def _known(path: Path | None, what: str, variable: str) -> Path:
    if path is None:
        message = f"the backup holds {what}: say where it belongs ({variable})"
        raise BackupError(message)
    return path


@contextmanager
def _unlocked(file: Path) -> Generator[None]:
    """Raise ``BackupError`` when a summary API writes *file*."""
    if not file.exists():
        yield
        return
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"{file} is being written: stop the summary API first"
            raise BackupError(message) from error
        yield


def _make_room(rooms: list[Room], copied: Copied, *, force: bool) -> None:
    """Move aside what is in the way, all or nothing; raise ``OccupiedError`` unless *force*."""
    stamp = f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    busy = [(room, what) for room in rooms if (what := room.occupied_by(copied))]
    if busy and not force:
        room, what = busy[0]
        raise OccupiedError(room.folder if room.whole else room.files[0].target, what)
    for room, _ in busy:
        if room.whole:
            (room.folder / stamp).mkdir()
            for path in [path for path in room.folder.iterdir() if not path.name.startswith(".")]:
                path.rename(room.folder / stamp / path.name)
        else:
            target = room.files[0].target
            target.rename(target.with_name(target.name + stamp))
        sync_folder(room.folder)


def _put(room: Room, backup: Path, copied: Copied) -> None:
    """Copy the files of *room* that are not there, then give them their names, in order."""
    missing = [file for file in room.files if not file.target.exists()]
    if not missing:
        return
    if not room.folder.is_dir():
        room.folder.mkdir(parents=True)
        _given_to_owner(room.folder, room.folder.parent)
    waiting = room.folder / RESTORING
    if waiting.is_symlink():
        waiting.unlink()
    shutil.rmtree(waiting, ignore_errors=True)
    for part, target in missing:
        with (backup / part.name).open("rb") as file:
            copy(Source(target.name, file, part.bytes), waiting, copied)
    for _, target in missing:
        _given_to_owner(waiting / target.name, room.folder)
        (waiting / target.name).rename(target)
    waiting.rmdir()
    sync_folder(room.folder)


def _given_to_owner(path: Path, folder: Path) -> None:
    """Let *path* belong to whom *folder* belongs to, when we are root."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
