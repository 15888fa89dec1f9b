"""The log passed record by record, as recorded events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from parkstream_eventlog import LogReader
from parkstream_eventlog.prefetch import records_of
from parkstream_visits import RecordedEvent

from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import Reached


async def recorded_events_of(log: LogReader, through: int, reached: Reached) -> AsyncGenerator[RecordedEvent, None]:
    """Yield what the records of *log* up to position *through* say."""
    async with aclosing(records_of(log, 0, through, lambda done: reached(done, through))) as records:
        async for record in records:
            yield recorded_event_of(record)
