"""Disks that are full or take no writes: a small file system in memory, mounted where a process keeps its files."""

import errno
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from parkstream_devtools.faults.fault import Fault

BLOCK_BYTES = 4_096


class NoMountError(Exception):
    """Mounting is not allowed to this user, or not while a file is open."""


class SmallDisk:
    """A file system of *size_bytes* at *folder* (a tmpfs, so it needs root); it is gone at the end of the block."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self.folder = folder
        self._size_bytes = size_bytes

    def __enter__(self) -> Self:
        """Mount it; raise ``NoMountError`` where that is not allowed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        done = _mount("-t", "tmpfs", "-o", f"size={self._size_bytes}", "tmpfs", str(self.folder))
        if done.returncode:
            raise NoMountError(done.stderr.strip())
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount it, also while somebody has a file open."""
        command = ["umount", "--lazy", str(self.folder)]
        subprocess.run(command, check=True)


class DiskFull(Fault):
    """*disk* has no room: a file takes all that is left but *left_bytes*."""

    kind = "disk-full"

    def __init__(self, disk: SmallDisk, *, left_bytes: int = 0) -> None:
        self._ballast = disk.folder / ".ballast"
        self._left_bytes = left_bytes

    def inject(self) -> None:
        """See ``Fault.inject``."""
        with self._ballast.open("wb") as ballast:
            while not self._fill(ballast.fileno()):
                continue  # Somebody else has written meanwhile.

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._ballast.unlink(missing_ok=True)

    def _fill(self, ballast: int) -> bool:
        found = os.statvfs(self._ballast.parent)
        size = found.f_bavail * found.f_frsize - self._left_bytes
        try:
            os.posix_fallocate(ballast, 0, max(1, size - size % BLOCK_BYTES))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return False
        return True


class ReadOnly(Fault):
    """*disk* takes no writes any more, as a file system does that found an error in itself (ext4's ``remount-ro``).

    A file that is open for writing forbids it: ``inject`` raises ``NoMountError`` then.
    """

    kind = "disk-read-only"

    def __init__(self, disk: SmallDisk) -> None:
        self._folder = disk.folder

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._remount("ro")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._remount("rw")

    def _remount(self, mode: str) -> None:
        done = _mount("-o", f"remount,{mode}", str(self._folder))
        if done.returncode:
            raise NoMountError(done.stderr.strip())


def can_mount() -> bool:
    """Return whether this user may mount a file system."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with SmallDisk(Path(folder), 1024 * 1024):
                return True
        except NoMountError:
            return False


def _mount(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["mount", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)
