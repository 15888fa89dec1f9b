"""Folders and files that their owner alone may read: they have plates and credentials."""

import os
import stat
from pathlib import Path


def is_private(place: Path) -> bool:
    """Return whether *place* is a folder, and no link to one, that its owner alone, who asks, may enter."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return False
    others = stat.S_IRWXG | stat.S_IRWXO
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & others


def write_private(file: Path, content: bytes) -> None:
    """Make *file*, or replace it as a whole, with mode 0600."""
    fresh = file.with_name(f"{file.name}.fresh")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    fresh.replace(file)
