"""What a backup holds, and how each of its files must look; written last, so that a backup without one is none."""

from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct
from parkstream_eventlog.archive.durable import replacing
from parkstream_service.foreign_data import UNREADABLE, TooLongError, content_within

from parkstream_projection.backup.errors import BackupError

NAME: Final = "backup.json"
REDIS: Final = "redis"
ARCHIVE: Final = "archive"
SUMMARIES: Final = "summaries"
BESIDE: Final = ".log.json"
"""The end of the name of what may lie beside a summary file, and says which log it is of."""
PARTS_OF_NAME: Final = {REDIS: 3, ARCHIVE: 2, SUMMARIES: 2}
"""The rooms, and how long the path of a file is that lies there."""
ROOMS: Final = tuple(PARTS_OF_NAME)
BYTES_MAX: Final = 16 << 20


class Part(Struct, frozen=True, kw_only=True):
    """A file; *name* is its path in the backup."""

    name: str
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """All that was there at one instant: the log up to *position*, and what was made of it."""

    version: Literal[1] = 1
    mall: str
    taken_at: datetime
    log_id: str | None
    position: int
    archived_through: int
    redis_version: str
    redis_dir: str
    """As Redis calls it."""
    parts: tuple[Part, ...]

    def parts_of(self, room: str) -> list[Part]:
        """Return the files in *room*."""
        return [part for part in self.parts if part.name.startswith(f"{room}/")]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(part.bytes for part in self.parts)


_decode: Final = msgspec.json.Decoder(Manifest).decode


def load(folder: Path) -> Manifest:
    """Return the manifest in *folder*; raise ``BackupError`` when there is none."""
    try:
        manifest = _decode(content_within(folder / NAME, BYTES_MAX))
    except OSError as error:
        message = f"{folder} is no whole backup: {NAME} cannot be read ({error.strerror}); choose another one"
        raise BackupError(message) from error
    except (TooLongError, *UNREADABLE) as error:
        message = f"{folder / NAME} is no manifest of a backup ({error}): choose another one"
        raise BackupError(message) from error
    for part in manifest.parts:
        parts = part.name.split("/")
        if len(parts) != PARTS_OF_NAME.get(parts[0]) or {"", ".", ".."} & set(parts) or "\0" in part.name:
            message = f"{folder / NAME} names the file {part.name!r}, which no backup has: choose another one"
            raise BackupError(message)
    return manifest


def save(folder: Path, manifest: Manifest) -> None:
    """Make the files in *folder* a whole backup, durably."""
    with replacing(folder / NAME) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
