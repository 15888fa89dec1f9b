"""The folder ``.parkstream``: what ``up`` keeps between runs, and how commands find what runs here.

One run at a time has its lock, until the last process of it is gone.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from parkstream_devtools.private_files import is_private, write_private

NAME: Final = ".parkstream"
LOCK: Final = "up.lock"
"""Has the process id of the run. A folder that has this file is ours."""
RUN: Final = "run.json"
NOT_PRIVATE: Final = "is not yours alone (mode 0700, no link)"
ENDING_SECONDS: Final = 30.0
"""How long what is left of a run that was killed may take to end."""
RETRY_SECONDS: Final = 0.05


class DataFolderError(Exception):
    """The folder cannot be used; the message says why, and what to do."""


class NothingRunsError(Exception):
    """The folder is ours, but by it nothing that runs can be found; the message says why, and what to do."""


class Run(Struct, frozen=True):
    """What runs: its process id, and the variables of a command that shall find it."""

    pid: int
    environ: dict[str, str]


@contextmanager
def locked(place: Path, *, fresh: bool = False) -> Generator[int, None, None]:
    """Make *place* if need be, and lock it; yield the lock's descriptor. *fresh*: throw away what is in it.

    Raises ``DataFolderError`` when it is not ours, or another run has it.
    """
    _make(place)
    lock = _opened(place / LOCK)
    try:
        _lock(lock, place)
        _write_pid(lock)
        if fresh:
            _empty(place)
        (place / ".gitignore").write_text("*\n")
        yield lock
    finally:
        os.close(lock)


@contextmanager
def discoverable(place: Path, environ: Mapping[str, str]) -> Generator[None, None, None]:
    """Let commands in the parent of *place* find what runs: it is asked with *environ*."""
    write_private(place / RUN, msgspec.json.encode(Run(os.getpid(), dict(environ))))
    try:
        yield
    finally:
        (place / RUN).unlink(missing_ok=True)


def run_in(place: Path) -> Run | None:
    """Return what runs in *place*, None when there is no such folder of ours; raise ``NothingRunsError``."""
    if not os.path.lexists(place / LOCK):
        return None
    if not is_private(place):
        message = f"{place} {NOT_PRIVATE}, so it is not believed: delete it"
        raise NothingRunsError(message)
    if not _is_locked(place / LOCK):
        message = f"nothing runs in {place}: start it, or set the variables of what runs elsewhere"
        raise NothingRunsError(message)
    try:
        return msgspec.json.decode((place / RUN).read_bytes(), type=Run)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        message = f"it is being started in {place}, or ended: try again in some seconds"
        raise NothingRunsError(message) from error


def _make(place: Path) -> None:
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    if not is_private(place):
        message = f"{place} {NOT_PRIVATE}: delete it, or start in another folder"
        raise DataFolderError(message)
    if not (place / LOCK).exists() and any(place.iterdir()):
        message = f"{place} holds something that is not of Parkstream: move it away, or start in another folder"
        raise DataFolderError(message)


def _opened(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        message = f"{file} cannot be opened ({error.strerror}): delete it, or start in another folder"
        raise DataFolderError(message) from error


def _lock(lock: int, place: Path) -> None:
    """Lock it; a command that looks has it for an instant, and what a killed run has left, until it has ended."""
    deadline = time.monotonic() + ENDING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid_in(lock)
            if _runs(pid) or time.monotonic() > deadline:
                message = f"one runs already in {place} (process {pid}): end it with Ctrl-C, or start in another folder"
                raise DataFolderError(message) from None
            time.sleep(RETRY_SECONDS)
        else:
            return


def _is_locked(file: Path) -> bool:
    lock = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _pid_in(lock: int) -> int:
    text = os.pread(lock, 20, 0).decode(errors="replace")
    return int(text) if text.isdecimal() else 0


def _write_pid(lock: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def _empty(place: Path) -> None:
    for path in place.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
