"""Batches of the log, asked for ahead of the fold."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Final

from parkstream_projection.replay.frames import Batch
from parkstream_projection.replay.replica import BATCH
from parkstream_projection.replay.worker_process import Worker

AHEAD: Final = 8
"""Batches that may be under way: enough that nobody waits, few enough that memory stays flat."""


async def batches(worker: Worker, after: int, through: int) -> AsyncIterator[Batch]:
    """Yield the records after position *after* up to *through*; some end at multiples of ``BATCH``, and there."""
    windows = _windows(after, through)
    for first in islice(windows, AHEAD):
        worker.read(*first)
    while after < through:
        batch = await worker.batch()
        after = batch.last
        if after % BATCH == 0 and (window := next(windows, None)):
            worker.read(*window)
        yield batch


def _windows(after: int, through: int) -> Iterator[tuple[int, int]]:
    """Yield the position that each batch comes after, and how many records it has."""
    while after < through:
        count = min(BATCH - after % BATCH, through - after)
        yield after, count
        after += count
