"""Processes that die on the spot or stand still, as under a debugger, a full swap or a frozen virtual machine."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from parkstream_devtools.faults.fault import Fault

STOPPED = frozenset("tTZ")
"""States of a thread in ``/proc/PID/stat`` (proc(5)): stopped by a signal or a tracer; a zombie runs no more either."""


class Running(Protocol):
    """A server or a service that leads a process group of its own."""

    @property
    def pid(self) -> int:
        """Process id, that of the group too."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        ...

    def kill(self) -> None:
        """Kill it and its group with SIGKILL."""
        ...


class Killed(Fault):
    """*process* is killed with SIGKILL, its whole group; healing calls *start*, which waits until it is of use."""

    kind = "killed"

    def __init__(self, process: Running, start: Callable[[], None]) -> None:
        self._process = process
        self._start = start

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._process.kill()

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if not self._process.alive:
            self._start()


class Frozen(Fault):
    """Every process of the group of *process* stands still (SIGSTOP): it keeps its connections and answers nobody."""

    kind = "frozen"

    def __init__(self, process: Running) -> None:
        self._process = process

    def inject(self) -> None:
        """See ``Fault.inject``; returns when every thread has stopped."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        while not all(_stands_still(pid) for pid in members_of(self._process.pid)):
            os.sched_yield()

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if self._process.alive:
            os.killpg(self._process.pid, signal.SIGCONT)


def members_of(group: int) -> list[int]:
    """Return the processes of process group *group*, read from ``/proc``."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # It has ended while we looked.
        if int(fields[2]) == group:
            found.append(int(stat.parent.name))
    return found


def _stands_still(pid: int) -> bool:
    try:
        return all(
            task.read_text().rpartition(")")[2].split()[0] in STOPPED
            for task in Path(f"/proc/{pid}/task").glob("*/stat")
        )
    except (FileNotFoundError, ProcessLookupError):
        return True
