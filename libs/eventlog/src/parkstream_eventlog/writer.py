"""Who writes: every call names the log that is meant, how far that was durable, and what the caller's clocks show."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

from redis.exceptions import ResponseError

from parkstream_eventlog.errors import (
    ClocksApartError,
    ClockSteppedError,
    EventLogError,
    LogShorterError,
    NoLogError,
    OtherLogError,
)
from parkstream_eventlog.keys import LogKeys

STEP_STANDS_SECONDS: Final = 600.0
"""For how long a step of Redis' clock must stand before it is taken."""
CLOCK_US_MAX: Final = 60 * 1_000_000
"""As in ``lua/record.lua``: what two clocks may be apart, and a clock may step."""
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps; nobody can set it. Linux has it."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_TIME_NAMESPACE: Final = Path("/proc/self/ns/time")


class Caller(NamedTuple):
    """What one call says of its caller; times in microseconds."""

    log_id: str
    durable_position: int
    now_us: int
    boottime_us: int
    boot: str
    taken_offset_us: int | str
    """How far Redis' clock is ahead of *boottime_us*, when that is taken although it has stepped; else empty."""


class Writer:
    """Means the log *log_id*, and knows it to be durable up to *durable_position*.

    It takes a step of Redis' clock that has stood for *step_stands_seconds*, by the time since this machine's boot.
    With *replicated* a position is durable when replicas have it, and until then it may vanish with the primary.
    """

    def __init__(
        self,
        log_id: str,
        durable_position: int = 0,
        *,
        step_stands_seconds: float = STEP_STANDS_SECONDS,
        replicated: bool = False,
    ) -> None:
        self.log_id = log_id
        self.durable_position = durable_position
        self.replicated = replicated
        self._step_stands_us = step_stands_seconds * 1_000_000
        self._boot = boot()
        self._step: tuple[int, int] | None = None
        """The offset that Redis' clock has stepped to, and since when."""
        self._taken_offset_us: int | str = ""

    def caller(self) -> Caller:
        """Return what the next call says."""
        return Caller(
            self.log_id,
            self.durable_position,
            time.time_ns() // 1_000,
            time.clock_gettime_ns(_BOOTTIME) // 1_000,
            self._boot,
            self._taken_offset_us,
        )

    def mean(self, log_id: str, durable_position: int) -> None:
        """Mean another log from now on."""
        self.log_id, self.durable_position = log_id, durable_position

    def found(self, position: int) -> None:
        """Note that Redis was found to have the log up to *position*."""
        if not self.replicated:
            self.confirmed(position)

    def confirmed(self, position: int) -> None:
        """Note that the log is durable up to *position*, whatever becomes of the primary."""
        self.durable_position = max(self.durable_position, position)

    def reached(self, position: int) -> None:
        """Note that a call was answered, by a log up to *position*."""
        self.found(position)
        self._step, self._taken_offset_us = None, ""

    def refused(self, error: Exception, caller: Caller) -> None:
        """Note that what *caller* asked for was refused: a step that stands is taken by the next call."""
        if not isinstance(error, ClockSteppedError):
            return
        if self._step is None or abs(error.offset_us - self._step[0]) > CLOCK_US_MAX:
            self._step = error.offset_us, caller.boottime_us
        if caller.boottime_us - self._step[1] >= self._step_stands_us:
            self._taken_offset_us = error.offset_us


async def writer_here(
    execute: Callable[..., Awaitable[Any]], keys: LogKeys, step_stands_seconds: float = STEP_STANDS_SECONDS
) -> Writer:
    """Return a writer of the log that is there; raise ``NoLogError`` when there is none."""
    log_id, position = await execute("HMGET", keys.log_meta, "log_id", "position")
    if log_id is None:
        raise NoLogError
    return Writer(log_id.decode(), int(position or 0), step_stands_seconds=step_stands_seconds)


def boot() -> str:
    """Return what names the start that this process' time since boot counts from."""
    try:
        return f"{_BOOT_ID.read_text().strip()}:{_TIME_NAMESPACE.readlink()}"
    except OSError:  # Not Linux, or hidden: no other process can share what this one knows.
        return uuid4().hex


def refusal_of(error: ResponseError, caller: Caller) -> EventLogError | None:
    """Return what *error* says to *caller* of the log that was meant, or of clocks; None when of something else."""
    code, _, found = str(error).partition(" ")
    match code:
        case "OTHERLOG":
            return OtherLogError(caller.log_id, found)
        case "SHORTERLOG":
            return LogShorterError(caller.durable_position, int(found))
        case "CLOCKSAPART":
            return ClocksApartError(int(found))
        case "CLOCKSTEPPED":
            return ClockSteppedError(*map(int, found.split()))
        case _:
            return None
