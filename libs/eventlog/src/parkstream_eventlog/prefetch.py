"""A range of the log, batch by batch: the next is on its way while the last is worked on."""

import asyncio
from collections.abc import AsyncGenerator

from parkstream_eventlog.log import LogReader, Record


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
