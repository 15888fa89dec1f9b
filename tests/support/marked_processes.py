"""Processes found by a mark in their environment, which every descendant inherits, daemons included."""

import time
from collections.abc import Callable

import psutil


def marked(mark: str) -> list[psutil.Process]:
    """Return the running processes that carry *mark* as a variable's name."""
    return [process for process in psutil.process_iter() if _carries(process, mark)]


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return mark in process.environ() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def eventually(condition: Callable[[], bool], timeout_seconds: float = 15.0) -> bool:
    """Return whether *condition* comes to hold in time."""
    deadline = time.monotonic() + timeout_seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
