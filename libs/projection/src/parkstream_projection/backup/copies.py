"""Files copied up to a size, hashed on the way, and durable when the copy is done."""

import os
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, NamedTuple, Self

from parkstream_eventlog.archive.durable import new_file, sync_folder

from parkstream_projection.backup.errors import BackupError
from parkstream_projection.backup.manifest import Part

CHUNK_BYTES: Final = 1024 * 1024

Copied = Callable[[int], None]
"""Is called with how many bytes were read just now."""


class Source(NamedTuple):
    """An open file, which may grow or lose its name meanwhile: its first *size* bytes are meant."""

    name: str
    """Its path in the backup."""
    file: IO[bytes]
    size: int

    @classmethod
    def opened(cls, name: str, path: Path) -> Self:
        """Open *path* as large as it is now."""
        file = path.open("rb")
        return cls(name, file, os.fstat(file.fileno()).st_size)

    def up_to_line(self) -> Self:
        """Return it without a last line that is not complete."""
        end = self.size
        while chunk := self._before(end):
            if b"\n" in chunk:
                return self._replace(size=end - len(chunk) + chunk.rfind(b"\n") + 1)
            end -= len(chunk)
        return self._replace(size=0)

    def _before(self, end: int) -> bytes:
        begin = max(0, end - CHUNK_BYTES)
        return os.pread(self.file.fileno(), end - begin, begin)


def copy(source: Source, folder: Path, copied: Copied) -> Part:
    """Write *source* below *folder*, durably; raise ``BackupError`` when it has become shorter."""
    target = folder / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = sha256(), source.size
    source.file.seek(0)
    with new_file(target) as file:
        while left and (chunk := source.file.read(min(CHUNK_BYTES, left))):
            digest.update(chunk)
            file.write(chunk)
            left -= len(chunk)
            copied(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    if left:
        message = f"{source.name} was cut while it was copied: take the backup again"
        raise BackupError(message)
    sync_folder(target.parent)
    return Part(name=source.name, bytes=source.size, sha256=digest.hexdigest())


def difference(part: Part, path: Path, copied: Copied) -> str:
    """Say how *path* differs from *part*; nothing when it is the same."""
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != part.bytes:
        return f"has {path.stat().st_size:,} bytes instead of {part.bytes:,}"
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            copied(len(chunk))
    return "" if digest.hexdigest() == part.sha256 else f"has the sha256 {digest.hexdigest()} instead of {part.sha256}"


def check(folder: Path, parts: Iterable[Part], copied: Copied) -> None:
    """Raise ``BackupError`` unless each of *parts* is in *folder* as it was written."""
    for part in parts:
        if problem := difference(part, folder / part.name, copied):
            message = f"{folder / part.name} {problem}: this backup is damaged, choose another one"
            raise BackupError(message)
