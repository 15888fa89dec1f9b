"""Redis' append-only files (a base, increments and their manifest), opened as they are at one instant."""

import shlex
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from parkstream_service.foreign_data import content_within
from redis.asyncio import Redis

from parkstream_projection.backup.copies import Source
from parkstream_projection.backup.errors import BackupError, NotHereError
from parkstream_projection.backup.manifest import BYTES_MAX, REDIS

HISTORY: Final = "h"
"""The type of files that Redis has replaced and is about to delete."""


class Place(NamedTuple):
    """Where Redis has its append-only files: *reported* is its folder as it calls it, *folder* as it is here."""

    reported: str
    folder: Path
    name: str
    manifest: str

    @property
    def path(self) -> Path:
        """The folder of the append-only files."""
        return self.folder / self.name


async def place_of(redis: Redis, folder: Path | None) -> Place:
    """Ask *redis* where its files are; *folder* is its data folder on this machine when that is called otherwise here.

    Raises ``NotHereError`` when they are not there, ``BackupError`` when Redis keeps none.
    """
    untyped: Any = redis
    config = {**await untyped.config_get("append*"), **await untyped.config_get("dir")}
    if config["appendonly"] != "yes":
        message = "Redis keeps no append-only file: set appendonly yes in redis.conf, and restart it"
        raise BackupError(message)
    found = Place(
        config["dir"], folder or Path(config["dir"]), config["appenddirname"], f"{config['appendfilename']}.manifest"
    )
    if not (found.path / found.manifest).is_file():
        raise NotHereError(found.path, f"has no {found.manifest}")
    return found


def open_all(place: Place, stack: ExitStack) -> list[Source]:
    """Open what Redis would load now, its manifest last; *stack* closes it. Raises ``OSError`` when a file is gone."""
    text = content_within(place.path / place.manifest, BYTES_MAX).decode(errors="replace")
    lines = [line for line in text.splitlines() if _fields(line).get("type") != HISTORY]
    inside = PurePosixPath(REDIS, place.name)
    sources: list[Source] = []
    for line in lines:
        name = _fields(line).get("file", "")
        if not name or PurePosixPath(name).name != name:
            message = f"{place.path / place.manifest} names no file in the line {line[:80]!r}: look at Redis"
            raise BackupError(message)
        sources.append(Source.opened(str(inside / name), place.path / name))
        stack.enter_context(sources[-1].file)
    content = "".join(f"{line}\n" for line in lines).encode()
    return [*sources, Source(str(inside / place.manifest), BytesIO(content), len(content))]


def _fields(line: str) -> dict[str, str]:
    """Return what a line of the manifest says: ``file NAME seq NUMBER type LETTER``."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    return dict(zip(words[::2], words[1::2], strict=False))
