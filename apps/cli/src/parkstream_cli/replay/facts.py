"""Lets the log pass by, fact by fact, in batches."""

from collections.abc import AsyncGenerator
from typing import Final

from parkstream_eventlog import EventLog
from parkstream_projection import recorded_event_of
from parkstream_visits import RecordedEvent

from parkstream_cli.progress import progress

BATCH: Final = 1_000


async def passing(log: EventLog, through: int) -> AsyncGenerator[list[RecordedEvent], None]:
    """Yield the facts of *log* up to the position *through*, some at a time, and show how far it has got."""
    after = 0
    with progress("reading the log", through) as reached:
        while after < through:
            records = await log.read(after, min(BATCH, through - after))
            after = records[-1].position
            yield [recorded_event_of(record) for record in records]
            reached(after)
