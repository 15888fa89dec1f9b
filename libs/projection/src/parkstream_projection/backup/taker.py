"""A backup is taken: Redis rewrites its files, all is opened at one instant, copied, and signed by a manifest."""

import asyncio
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from parkstream_eventlog.archive.durable import WRITING, alone_in, new_file, sync_folder
from parkstream_eventlog.archive.manifest import NAME as ARCHIVE_MANIFEST
from parkstream_eventlog.archive.manifest import manifest_in
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_projection.backup.append_only_files import place_of
from parkstream_projection.backup.copies import Source, copy
from parkstream_projection.backup.errors import BackupError
from parkstream_projection.backup.instant import Instant, instant
from parkstream_projection.backup.manifest import ARCHIVE, NAME, ROOMS, Manifest, Part, save
from parkstream_projection.opened import Opened

UNFINISHED: Final = ".unfinished"
LOOK_SECONDS: Final = 0.1

Reached = Callable[[int, int], None]
"""Is called with how many bytes are copied, and of how many."""


class Places(Struct, frozen=True, kw_only=True):
    """Where things are on this machine; *redis_dir*: unless it is where Redis says. None is not there at all."""

    redis_dir: Path | None
    archive_dir: Path | None
    summary_file: Path | None


async def take(it: Opened, places: Places, folder: Path, reached: Reached, *, rewrite: bool = True) -> Manifest:
    """Back up the mall that *it* is, and all else in its Redis, into *folder*, while everything runs.

    *folder* must be new or empty, or hold a backup that was interrupted: that is begun anew. Raises ``BackupError``.
    """
    place = await place_of(it.redis, places.redis_dir)
    _prepare(folder)
    with alone_in(folder), ExitStack() as stack:
        if rewrite:
            await _rewritten(it.redis)
        now = await instant(it, place, places.archive_dir, places.summary_file, stack)
        untyped: Any = it.redis
        parts = await asyncio.to_thread(_copied, now, places.archive_dir, folder, reached)
        manifest = Manifest(
            mall=it.keys.mall,
            taken_at=datetime.now(UTC),
            log_id=now.log_id,
            position=now.state.position,
            archived_through=now.state.archived_through,
            redis_version=(await untyped.info("server"))["redis_version"],
            redis_dir=place.reported,
            parts=tuple(parts),
        )
        save(folder, manifest)
        (folder / UNFINISHED).unlink()
        sync_folder(folder)
    return manifest


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # There are plates in it.
    if folder.stat().st_mode & stat.S_IWOTH:
        message = f"others may write to {folder}: name a new folder, or one that is yours (chmod o-w)"
        raise BackupError(message)
    names = {path.name for path in folder.iterdir()}
    if NAME in names:
        message = f"{folder} holds a backup already: name a new folder"
        raise BackupError(message)
    if names and (UNFINISHED not in names or names - {UNFINISHED, WRITING, *ROOMS}):
        message = f"{folder} is not empty: name a new folder"
        raise BackupError(message)
    new_file(folder / UNFINISHED).close()
    for room in ROOMS:
        if (folder / room).is_symlink():
            (folder / room).unlink()
        shutil.rmtree(folder / room, ignore_errors=True)


async def _rewritten(redis: Redis) -> None:
    """Let Redis write its files anew, as short as they can be; raise ``BackupError`` when it cannot."""
    untyped: Any = redis
    try:
        await untyped.bgrewriteaof()
    except ResponseError as error:
        if "already in progress" not in str(error):
            raise
    while True:
        info = await untyped.info("persistence")
        if not (info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]):
            break
        await asyncio.sleep(LOOK_SECONDS)
    if info["aof_last_bgrewrite_status"] != "ok":
        message = "Redis could not rewrite its append-only file (its log says why): mend that, or give --no-rewrite"
        raise BackupError(message)


def _copied(now: Instant, archive: Path | None, folder: Path, reached: Reached) -> list[Part]:
    """Copy everything; what is archived is opened only when it is its turn, because there may be much of it."""
    total = sum(source.size for source in now.sources) + sum(size for _, size in _segments(now))
    done = 0

    def copied(count: int) -> None:
        nonlocal done
        done += count
        reached(done, total)

    parts = [copy(source, folder, copied) for source in now.sources]
    for name, size in _segments(now):
        assert archive is not None
        with (archive / name).open("rb") as file:
            parts.append(copy(Source(f"{ARCHIVE}/{name}", file, size), folder, copied))
    return parts


def _segments(now: Instant) -> Iterator[tuple[str, int]]:
    """Yield the names and sizes of the archive's segments, as its manifest at that instant lists them."""
    for source in now.sources:
        if source.name == f"{ARCHIVE}/{ARCHIVE_MANIFEST}":
            source.file.seek(0)
            for segment in manifest_in(source.file.read(), Path(source.name)).segments:
                yield segment.name, segment.bytes
