"""The summary file: whole lines, appended by one process and on disk before anybody hears of them."""

import errno
import fcntl
import os
from pathlib import Path
from threading import Lock
from typing import Final

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
APPEND_BYTES_MAX: Final = 8 * 1024 * 1024
"""The most that one append may be; so much at the end of the file may not have reached the disk when a process dies."""
RESTART: Final = "restart summary-api to go on with what is there, then run parkstream outbox emit-missing"
_BLOCK_BYTES: Final = 64 * 1024
bring_to_disk = getattr(os, "fdatasync", os.fsync)
"""macOS has only fsync."""


class JournalError(Exception):
    """Something about the file stops this process; the text says what to do."""


class FileInUseError(JournalError):
    """Another process writes the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is being written by another process: stop that one, or name another PARKSTREAM_SUMMARY_FILE"
        )


class BrokenFileError(JournalError):
    """Nobody knows any more what is on disk: end the process at once; the next one recovers by reading."""


class FileChangedError(Exception):
    """The file is not what this process wrote: somebody moved, replaced, cut or changed it."""

    def __init__(self, path: Path, what: str, advice: str) -> None:
        super().__init__(f"{path} {what}: {advice}")


class DiskFullError(Exception):
    """There is no room for the lines; none of them was kept."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"no room for {path}: {error.strerror}; nothing of the request was kept")


class Journal:
    """The file at *path*. Blocking; ``append`` is for one thread at a time, everything else for any."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0
        self.torn_bytes = 0
        """What ``open`` cut off: the part of a line that somebody died over."""
        self._file: int | None = None
        self._written_ns = 0
        """When the file was last written to, by its own account: by this process, unless somebody else did."""
        self._lock_of_end = Lock()

    def open(self) -> None:
        """Lock the file, repair its end and bring it to disk, unless it is open.

        Raises ``FileInUseError``, or ``JournalError`` when it cannot be opened.
        """
        if self._file is not None:
            return
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            message = f"{self.path} cannot be opened: {error.strerror}; see PARKSTREAM_SUMMARY_FILE"
            raise JournalError(message) from error
        try:
            self._lock(file)
            self._repair(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def append(self, lines: bytes) -> None:
        """Return when *lines* are on disk.

        Raises ``DiskFullError`` or ``FileChangedError`` when none of them is, and ``BrokenFileError``.
        """
        file = self._opened()
        with self._lock_of_end:
            self._check(file)
            try:
                self._write(file, lines, self.end)
            except OSError as error:
                self._cut(file, self.end)
                if error.errno in FULL:
                    raise DiskFullError(self.path, error) from error
                message = f"writing {self.path} failed: {error.strerror}"
                raise BrokenFileError(message) from error
            finally:
                self._written_ns = os.fstat(file).st_mtime_ns
            self._sync(file)
            self.end += len(lines)

    def go_on_with(self, file: int) -> None:
        """Go on with *file*, which is empty and is at the path now."""
        with self._lock_of_end:
            self._lock(file)
            os.dup2(file, self._opened(), inheritable=False)
            self.end, self._written_ns = 0, os.fstat(file).st_mtime_ns

    def check(self) -> None:
        """Raise ``FileChangedError`` when the file at the path is not what this process wrote, as far as stat knows."""
        with self._lock_of_end:
            if self._file is not None:
                self._check(self._file)

    @property
    def is_changed(self) -> bool:
        """Whether ``check`` would raise; an append in flight is not waited for: it looks by itself."""
        if not self._lock_of_end.acquire(blocking=False):
            return False
        try:
            if self._file is not None:
                self._check(self._file)
        except FileChangedError:
            return True
        finally:
            self._lock_of_end.release()
        return False

    def read(self, offset: int, size: int) -> bytes:
        """Return up to *size* bytes from *offset*, none beyond what is on disk; raise ``FileChangedError``."""
        wanted = max(0, min(size, self.end - offset))
        found = os.pread(self._opened(), wanted, offset)
        if len(found) < wanted:
            raise FileChangedError(self.path, "was cut", RESTART)
        return found

    def line_before(self, offset: int) -> bytes:
        """Return the line that ends right before *offset*, or nothing when none does."""
        if not 0 < offset <= self.end or self.read(offset - 1, 1) != b"\n":
            return b""
        start = self._after_newline(self._opened(), offset - 1)
        return self.read(start, offset - 1 - start)

    def line_at(self, offset: int) -> bytes:
        """Return the line that starts at *offset*."""
        line = b""
        while block := self.read(offset + len(line), _BLOCK_BYTES):
            head, newline, _ = block.partition(b"\n")
            line += head
            if newline:
                break
        return line

    def _opened(self) -> int:
        assert self._file is not None, "open() comes first"
        return self._file

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileInUseError(self.path) from error

    def _repair(self, file: int) -> None:
        """Cut a torn last line, and write once more what may be in memory only: a failed fsync is reported once."""
        size = os.fstat(file).st_size
        self.end = self._after_newline(file, size)
        self.torn_bytes = size - self.end
        if self.torn_bytes and os.pread(file, 1, self.end) not in b"{\0":
            message = f"{self.path} does not end like a summary file; nothing was changed: see PARKSTREAM_SUMMARY_FILE"
            raise JournalError(message)
        self._cut(file, self.end)
        doubtful = max(0, self.end - APPEND_BYTES_MAX)
        try:
            self._write(file, os.pread(file, self.end - doubtful, doubtful), doubtful)
        except OSError as error:
            message = f"the end of {self.path} cannot be written: {error.strerror}"
            raise JournalError(message) from error
        self._sync(file)
        self._sync_folder()
        self._written_ns = os.fstat(file).st_mtime_ns

    def _after_newline(self, file: int, end: int) -> int:
        """Return the offset after the last newline before *end*, or 0."""
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            newline = os.pread(file, end - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
        return 0

    def _check(self, file: int) -> None:
        """See ``check``."""
        here = os.fstat(file)
        try:
            named = self.path.stat()
        except OSError:
            named = None
        if named is None or (named.st_ino, named.st_dev) != (here.st_ino, here.st_dev):
            what = "was replaced" if named else ("was moved away" if here.st_nlink else "was deleted")
            raise FileChangedError(self.path, what, self._way_back(file, here))
        if here.st_size != self.end:
            what = f"is {here.st_size} bytes long instead of {self.end}"
            raise FileChangedError(self.path, what, RESTART)
        if here.st_mtime_ns != self._written_ns:
            raise FileChangedError(self.path, "was written to by somebody else", RESTART)

    def _way_back(self, file: int, here: os.stat_result) -> str:
        if here.st_nlink:
            return f"move it back, or {RESTART}"
        return f"copy /proc/{os.getpid()}/fd/{file} to it, which still has all of it; then {RESTART}"

    def _write(self, file: int, lines: bytes, offset: int) -> None:
        rest = memoryview(lines)
        while rest:
            written = os.pwrite(file, rest, offset)
            rest, offset = rest[written:], offset + written

    def _cut(self, file: int, end: int) -> None:
        try:
            os.ftruncate(file, end)
        except OSError as error:
            message = f"{self.path} could not be cut back to {end} bytes: {error.strerror}"
            raise BrokenFileError(message) from error

    def _sync(self, file: int) -> None:
        """Bring the file to disk; a failure is final, since the kernel drops what it could not write."""
        try:
            bring_to_disk(file)
        except OSError as error:
            message = f"{self.path} could not be brought to disk: {error.strerror}"
            raise BrokenFileError(message) from error

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
