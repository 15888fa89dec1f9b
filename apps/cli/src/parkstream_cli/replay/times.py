"""Words of the command line about when: times, and the positions that they stand for."""

from datetime import datetime

from parkstream_eventlog import EventLog
from parkstream_events.sightings import microseconds

from parkstream_cli.failing import MISUSED, ToolError


def moment(option: str, text: str) -> datetime:
    """Return the time that *text* names, which *option* was given; raise ``ToolError`` when it names none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        problem = f"{option} {text}: give a time with its zone, like 2026-03-01T08:30:00Z or 2026-03-01T09:30:00+01:00"
        raise ToolError(problem, exit_code=MISUSED)
    return at


def within(option: str, position: int, end: int) -> int:
    """Return *position*, which *option* was given; raise ``ToolError`` when the log, which ends at *end*, lacks it."""
    if not 1 <= position <= end:
        problem = f"{option} {position}: the log ends at {end}, so give a position from 1 to {end}"
        raise ToolError(problem if end else f"{option} {position}: the log is empty", exit_code=MISUSED)
    return position


async def position_at(log: EventLog, recorded_at: datetime) -> int:
    """Return the last position that was recorded at *recorded_at* or before, by bisection; 0 when nothing was."""
    at_us = microseconds(recorded_at)
    before, after = 0, (await log.state()).position + 1
    while after - before > 1:
        middle = (before + after) // 2
        (record,) = await log.read(middle - 1, 1)
        if record.recorded_at_us <= at_us:
            before = middle
        else:
            after = middle
    return before
