"""Processes found by a mark in their environment, which every descendant inherits, daemons included."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psutil

AnswerT = TypeVar("AnswerT")


def marked(mark: str) -> list[psutil.Process]:
    """Return the running processes that carry *mark* as a variable's name."""
    return [process for process in psutil.process_iter() if _carries(process, mark)]


def asked(mark: str, ask: Callable[[psutil.Process], AnswerT]) -> list[AnswerT]:
    """Return what *ask* says of each process that carries *mark*; RabbitMQ's helpers may end meanwhile."""
    answers: list[AnswerT] = []
    for process in marked(mark):
        with suppress(psutil.NoSuchProcess):
            answers.append(ask(process))
    return answers


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return mark in process.environ() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def eventually(condition: Callable[[], bool], timeout_seconds: float = 120.0) -> bool:
    """Return whether *condition* comes to hold in time."""
    deadline = time.monotonic() + timeout_seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
