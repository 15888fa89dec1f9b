"""Batches of the log, asked for ahead of the fold."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Final

from parkstream_projection.replay.frames import Batch
from parkstream_projection.replay.replica import BATCH
from parkstream_projection.replay.worker_process import Worker

AHEAD: Final = 8
"""Batches that may be under way: enough that nobody waits, few enough that memory stays flat."""


async def batches(worker: Worker, after: int, through: int) -> AsyncIterator[Batch]:
    """Yield the records after position *after* up to *through*; batches end at multiples of ``BATCH``, and there."""
    asked: deque[int] = deque()
    for window in _windows(after, through):
        worker.read(*window)
        asked.append(window[0])
        if len(asked) == AHEAD:
            asked.popleft()
            yield await worker.batch()
    for _ in asked:
        yield await worker.batch()


def _windows(after: int, through: int) -> Iterator[tuple[int, int]]:
    """Yield the position that each batch comes after, and how many records it has."""
    while after < through:
        count = min(BATCH - after % BATCH, through - after)
        yield after, count
        after += count
