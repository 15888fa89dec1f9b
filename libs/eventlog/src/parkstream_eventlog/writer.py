"""Who writes: every call names the log that is meant, how far that was durable, and what the caller's clocks show."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from parkstream_eventlog.errors import LogShorterError, NoLogError, OtherLogError
from parkstream_eventlog.keys import LogKeys

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps; nobody can set it. Linux has it."""


class Caller(NamedTuple):
    """What one call says of its caller; times in microseconds."""

    log_id: str
    durable_position: int
    now_us: int
    boottime_us: int


class Writer:
    """Means the log *log_id*, and knows it to be durable up to *durable_position*."""

    def __init__(self, log_id: str, durable_position: int = 0) -> None:
        self.log_id = log_id
        self.durable_position = durable_position

    def caller(self) -> Caller:
        """Return what the next call says."""
        return Caller(
            self.log_id, self.durable_position, time.time_ns() // 1_000, time.clock_gettime_ns(_BOOTTIME) // 1_000
        )

    def mean(self, log_id: str, durable_position: int) -> None:
        """Mean another log from now on."""
        self.log_id, self.durable_position = log_id, durable_position

    def reached(self, position: int) -> None:
        """Note that the log is durable up to *position*."""
        self.durable_position = max(self.durable_position, position)


async def writer_here(execute: Callable[..., Awaitable[Any]], keys: LogKeys) -> Writer:
    """Return a writer of the log that is there; raise ``NoLogError`` when there is none."""
    log_id, position = await execute("HMGET", keys.log_meta, "log_id", "position")
    if log_id is None:
        raise NoLogError
    return Writer(log_id.decode(), int(position or 0))


def refusal_of(error: ResponseError, caller: Caller) -> OtherLogError | LogShorterError | None:
    """Return what *error* says to *caller* of the log that was meant; None when it says something else."""
    code, _, found = str(error).partition(" ")
    match code:
        case "OTHERLOG":
            return OtherLogError(caller.log_id, found)
        case "SHORTERLOG":
            return LogShorterError(caller.durable_position, int(found))
        case _:
            return None
