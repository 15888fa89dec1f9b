"""Files that are there as a whole or not at all, whenever the power fails; and one writer per folder."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from parkstream_eventlog.archive.errors import BusyArchiveError

WRITING: Final = ".writing"
"""Whatever is being written is called this until it is complete; the next writer begins it anew."""


@contextmanager
def replacing(path: Path) -> Generator[IO[bytes]]:
    """Yield a file that becomes *path*, durably, when the block has ended without an error."""
    unfinished = path.with_name(WRITING)
    with new_file(unfinished) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)


def new_file(path: Path) -> IO[bytes]:
    """Return a file that is *path* from now on, whatever was there: nothing is written through a link to elsewhere."""
    path.unlink(missing_ok=True)
    return path.open("xb")


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Make sure that nobody else writes in *folder*, which is locked until the block or the process ends.

    Raises ``BusyArchiveError`` when somebody does.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise BusyArchiveError(folder) from error
    try:
        yield
    finally:
        os.close(handle)
