"""``parkstream log accept-clock``: a person takes Redis' clock as it is, though it has stepped."""

from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct
from parkstream_eventlog import RedisLog
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import moment_of

from parkstream_cli.connections import settings_here
from parkstream_cli.errors import ToolError
from parkstream_cli.output import AsJson, as_json, line
from parkstream_cli.written_log import opened_to_write


class Taken(Struct, frozen=True):
    """What Redis' clock showed when it was taken, and when the last record was recorded."""

    clock: datetime
    last_recorded: datetime


async def accept_clock(
    *,
    yes: Annotated[bool, Parameter(help="Do it; without this nothing is changed.", negative="")] = False,
    json: AsJson = False,
) -> None:
    """Take Redis' clock as it is now, though it has stepped: recording goes on at once, timed by it.

    Look at the clock first. A record's time never goes back: when the clock is behind the last record, what follows has
    that record's time until the clock has caught up. When it is ahead although it is wrong, later cars are too late.
    """
    async with opened_to_write(settings_here(), only_looks=not yes) as it:
        state = await it.log.state()
        if not yes:
            shown = moment_of(state.now_us).isoformat(timespec="seconds")
            message = f"Redis' clock shows {shown}: if that is right, take it with --yes"
            raise ToolError(message)
        now_us, recorded_at_us = await RedisLog(it.redis, it.keys, LOG_SCHEMA, writer=it.writer).take_clock()
    taken = Taken(moment_of(now_us), moment_of(recorded_at_us))
    if json:
        as_json(taken)
    else:
        line(f"records are timed by Redis' clock as it is, {taken.clock.isoformat(timespec='seconds')}")
