"""Which log the file is of: written beside it, so that summaries of another log never come into it."""

import os
from pathlib import Path
from typing import Final

import msgspec
from parkstream_events.marks import LogName
from parkstream_service.foreign_data import UNREADABLE, TooLongError, content_within

from parkstream_summary_api.summary_file import FULL, BrokenFileError, DiskFullError, Journal, JournalError

SUFFIX: Final = ".log.json"
BYTES_MAX: Final = 65_536
_decode: Final = msgspec.json.Decoder(LogName).decode


class OtherLogError(Exception):
    """The summaries are of another log than the file, and of none that was adopted later."""

    def __init__(self, path: Path, kept: LogName, posted: LogName) -> None:
        super().__init__(
            f"{path} is of the log {kept.log_id}, these summaries are of {posted.log_id}: post them to the summary API "
            "of their own log; after a log adopt, wait until the backends know of it"
        )


class FileLog:
    """The log of the file of *journal*. Blocking; for the one who writes the file."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._path = journal.path.with_name(journal.path.name + SUFFIX)
        self._name: LogName | None = None

    def open(self) -> None:
        """Read which log the file is of; raise ``JournalError`` when nobody can read that."""
        try:
            self._name = _decode(content_within(self._path, BYTES_MAX))
        except FileNotFoundError:
            return
        except (OSError, TooLongError, *UNREADABLE) as error:
            message = f"{self._path} does not say which log the summaries are of: {error}; remove it if you know"
            raise JournalError(message) from error

    def differs(self, name: LogName) -> bool:
        """Whether something has to be done before summaries of *name* are written."""
        return self._name != name

    def turn_to(self, name: LogName) -> Path | None:
        """Have the file be of the log *name*; return where that of the log before is kept, if it had lines.

        A log of the same id is the same. Raises ``OtherLogError`` unless *name* is later than that of the file,
        ``DiskFullError``, ``FileChangedError``, or ``BrokenFileError``.
        """
        before, kept = self._name, None
        if before is not None and before.log_id != name.log_id and name < before:
            raise OtherLogError(self._journal.path, before, name)
        try:
            if before is not None and before.log_id != name.log_id:
                kept = self._keep(before)
            self._write(name)
        except OSError as error:
            if error.errno in FULL:
                raise DiskFullError(self._path, error) from error
            message = f"{self._path} cannot be written: {error.strerror}"
            raise BrokenFileError(message) from error
        return kept

    def _keep(self, before: LogName) -> Path | None:
        if not self._journal.end:
            return None
        self._journal.check()
        path = self._journal.path
        kept = path.with_name(f"{path.stem}.{before.log_id}{path.suffix}")
        path.rename(kept)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            self._journal.go_on_with(file)
        finally:
            os.close(file)
        return kept

    def _write(self, name: LogName) -> None:
        """Replace what is written beside the file, durably."""
        writing = self._path.with_name(self._path.name + ".writing")
        writing.unlink(missing_ok=True)  # Never through a link.
        with writing.open("xb") as file:
            file.write(msgspec.json.encode(name))
            file.flush()
            os.fsync(file.fileno())
        writing.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._name = name
