"""Where the console keeps snapshots of earlier states."""

import fcntl
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

PREFIX: Final = "parkstream-snapshots-"


class SnapshotFolder:
    """The folder *kept_in*, else one of its own that goes with this process; it is made when it is needed.

    One of its own is locked as long as a process uses it: what is not, ``remove_abandoned`` removes.
    """

    def __init__(self, kept_in: str | None) -> None:
        self._kept_in = kept_in
        self._own: TemporaryDirectory[str] | None = None
        self.locks: list[int] = []
        """What a process inherits that works in the folder."""

    def path(self) -> Path:
        """Return the folder; raise ``OSError`` when it cannot be made."""
        if self._kept_in:
            folder = Path(self._kept_in)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            return folder
        if self._own is None:
            self._own = TemporaryDirectory(prefix=PREFIX)
            self.locks.append(_opened(Path(self._own.name)))
            fcntl.flock(self.locks[0], fcntl.LOCK_EX)
        return Path(self._own.name)

    def close(self) -> None:
        """Remove what was made for this process only."""
        if self._own is not None:
            self._own.cleanup()
        while self.locks:
            os.close(self.locks.pop())


def remove_abandoned() -> None:
    """Remove the folders that consoles of this user had for themselves, and have left because they were killed."""
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = _opened(folder)
        except OSError:
            continue  # It is another user's, or no folder.
        try:
            if os.fstat(lock).st_uid == os.getuid() and _is_free(lock) and any(folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)  # Never through a link; what is left is tried again.
        finally:
            os.close(lock)


def _is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
