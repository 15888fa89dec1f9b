"""A range of the log, batch by batch: the next is on its way while the last is worked on."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from parkstream_eventlog.log import LogReader, Record

BATCH: Final = 1_000

Reached = Callable[[int], None]
"""Is called with how many records were passed."""


async def batches_of(log: LogReader, after: int, last: int, count: int) -> AsyncGenerator[list[Record], None]:
    """Yield the records of *log* after position *after* up to *last*, up to *count* at once; errors as for ``read``.

    Whoever works on a batch in a thread leaves the loop free to receive the next.
    """
    reading: asyncio.Task[list[Record]] | None = None
    try:
        while after < last:
            records = await (reading or log.read(after, min(count, last - after)))
            after = records[-1].position
            reading = asyncio.create_task(log.read(after, min(count, last - after))) if after < last else None
            yield records
    finally:
        if reading:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def records_of(
    log: LogReader, after: int, last: int, reached: Reached | None = None
) -> AsyncGenerator[Record, None]:
    """Yield each record of *log* after position *after* up to *last*; ``reached(count)`` is called after each batch."""
    async with aclosing(batches_of(log, after, last, BATCH)) as batches:
        async for records in batches:
            for record in records:
                yield record
            if reached is not None:
                reached(records[-1].position - after)
