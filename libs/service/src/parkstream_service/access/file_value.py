"""What is made of a file, and made again when the file changes, so that nothing need be restarted."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

ValueT = TypeVar("ValueT")
SETTLED_NS: Final = 2_000_000_000
"""A file that changed so recently may change again without a newer time: it is read each time."""


def _ignore(_: str) -> None:
    """Report nothing."""


class FileValue(Generic[ValueT]):
    """What *read* makes of the file at *path*; a file that it cannot take changes nothing, and is a ``problem``.

    *read* raises ``ValueError``, and so does making this when the file cannot be taken from the start.
    """

    def __init__(self, path: Path, read: Callable[[Path], ValueT]) -> None:
        self.problem = ""
        self.report: Callable[[str], None] = _ignore
        """Is called with a new problem, or with what is in force again."""
        self._path = path
        self._read = read
        self._seen = self._state()
        self._value = read(path)

    @property
    def now(self) -> ValueT:
        """What was made of the file when it could last be taken."""
        state = self._state()
        if state is None or state != self._seen:
            self._renew()
            self._seen = state
        return self._value

    def _renew(self) -> None:
        try:
            value = self._read(self._path)
        except ValueError as error:
            if self.problem != str(error):
                self.problem = str(error)
                self.report(f"{error}; what it was before stays in force")
            return
        if self.problem or value != self._value:
            self.report(f"{self._path} was read again")
        self._value, self.problem = value, ""

    def _state(self) -> tuple[int, ...] | None:
        """Return what changes when the file does; nothing when that cannot be known."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        if abs(time.time_ns() - found.st_mtime_ns) < SETTLED_NS:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
