"""CPU, memory and open files of processes, read from the operating system."""

from collections.abc import Mapping
from typing import NamedTuple

import psutil


class Usage(NamedTuple):
    """What one named process and its children hold and have used."""

    cpu_seconds: float
    rss_bytes: int
    open_files: int


class Meter:
    """Watches processes by name: each name stands for the sum over its processes and their children."""

    def __init__(self, pids: Mapping[str, list[int]]) -> None:
        self._pids = dict(pids)

    def read(self) -> dict[str, Usage]:
        """Return the usage of each name now."""
        return {name: _sum([_usage(pid) for pid in pids]) for name, pids in self._pids.items()}


def cpu_us_per_event(before: Mapping[str, Usage], after: Mapping[str, Usage], events: int) -> dict[str, float]:
    """Return per name the CPU time spent between two readings, in microseconds per event, and their total."""
    spent = {name: (after[name].cpu_seconds - before[name].cpu_seconds) / events * 1e6 for name in after}
    return {**{name: round(us, 1) for name, us in spent.items()}, "all": round(sum(spent.values()), 1)}


def _usage(pid: int) -> Usage:
    process = psutil.Process(pid)
    return _sum([_own(one) for one in (process, *process.children(recursive=True))])


def _own(process: psutil.Process) -> Usage:
    try:
        with process.oneshot():
            times = process.cpu_times()
            return Usage(times.user + times.system, process.memory_info().rss, process.num_fds())
    except (psutil.NoSuchProcess, FileNotFoundError):
        return Usage(0.0, 0, 0)


def _sum(usages: list[Usage]) -> Usage:
    return Usage(
        sum(usage.cpu_seconds for usage in usages),
        sum(usage.rss_bytes for usage in usages),
        sum(usage.open_files for usage in usages),
    )
