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
GONE_SECONDS = 5.0
"""Where nobody waits for ended orphans, a group never goes."""


def spawn(lock: int | None = None) -> "subprocess.Popen[bytes]":
    """Start the guardian of this process; its standard input is the pipe. It keeps *lock* open until all is clean."""
    return subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=() if lock is None else (lock,),
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
    deadline = time.monotonic() + GONE_SECONDS
    while any(map(is_left, groups)) and time.monotonic() < deadline:
        time.sleep(RETRY_SECONDS)
    for folder in folders:
        remove(folder)


def kill_group(group: int) -> None:
    """Kill every process of *group* that is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def is_left(group: int) -> bool:
    """Return whether a process of *group* is left."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def remove(folder: Path) -> None:
    """Remove *folder* and what is mounted in it; a process that is about to end may still write there."""
    for mount in mounts_in(folder):
        command = ["umount", "--lazy", mount]
        subprocess.run(command, check=False)
    deadline = time.monotonic() + REMOVE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(RETRY_SECONDS)


def mounts_in(folder: Path) -> list[str]:
    """Return where file systems are mounted in *folder*, the newest first."""
    listed = Path("/proc/mounts")  # Linux has it; elsewhere nothing is mounted.
    paths = [line.split()[1] for line in listed.read_text().splitlines()] if listed.exists() else []
    return [path for path in reversed(paths) if folder in Path(path).parents]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watch(sys.stdin)
