"""Whether the log may be written by the clocks that there are: those of this machine and of Redis."""

from datetime import timedelta
from typing import Final

from parkstream_eventlog import LogState, RedisLog
from parkstream_eventlog.writer import CLOCK_US_MAX
from parkstream_telemetry import Telemetry, names


class ClockGuard:
    """Asks *log* as a write would; reports each step of Redis' clock that was taken."""

    def __init__(self, log: RedisLog, telemetry: Telemetry) -> None:
        self._log = log
        self._telemetry = telemetry
        self._begun = False
        self._steps: int | None = None
        """How many were taken before this process looked first, and since."""

    def begin(self) -> None:
        """Look from here on: the log is there."""
        self._begun = True

    async def __call__(self) -> None:
        """Raise an ``EventLogError`` while nothing may be written; say nothing before the log is there."""
        if not self._begun:
            return
        before, self._steps = self._steps, await self._log.examine()
        if before is not None and self._steps > before:
            self._telemetry.add(names.CLOCK_STEPS, self._steps - before)
            self._telemetry.log(names.EVENT_CLOCK_TAKEN)


AHEAD: Final = (
    "the last record was recorded {} ahead of Redis' clock: set the clock right if it is behind now; "
    "if it was ahead then, see the runbook: a record from the future"
)


def ahead_problem(log: LogState) -> str:
    """Say that the last record is from the future, if it is."""
    ahead_us = log.recorded_at_us - log.now_us
    return AHEAD.format(timedelta(seconds=ahead_us // 1_000_000)) if ahead_us > CLOCK_US_MAX else ""
