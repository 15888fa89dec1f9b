"""Cleans up after an owner that could not: a process of its own that waits until the owner's end of a pipe closes.

The owner writes one line per thing to clean: ``+ PID`` (a process group to kill), ``- PID`` (gone already), ``/ PATH``
(a folder to remove), ``keep`` (leave the folder). End of file means that the owner is gone, however it went.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

REMOVE_SECONDS = 10.0
RETRY_SECONDS = 0.05


def spawn() -> "subprocess.Popen[bytes]":
    """Start the guardian of this process; its standard input is the pipe."""
    return subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def watch(pipe: IO[str]) -> None:
    """Follow the owner until it is gone, then clean up."""
    groups: list[int] = []
    folders: list[Path] = []
    for line in pipe:
        word, _, rest = line.strip().partition(" ")
        match word:
            case "+":
                groups.append(int(rest))
            case "-" if int(rest) in groups:
                groups.remove(int(rest))
            case "/":
                folders.append(Path(rest))
            case "keep":
                folders.clear()
            case _:
                pass
    for group in groups:
        kill_group(group)
    for folder in folders:
        remove(folder)


def kill_group(group: int) -> None:
    """Kill every process of *group* that is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def remove(folder: Path) -> None:
    """Remove *folder*, whose files may still be written by a process that is about to end."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watch(sys.stdin)
