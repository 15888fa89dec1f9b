"""The other process, as this one talks to it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from itertools import islice
from typing import Final, Self

from parkstream_projection.rebuild.frames import (
    BATCH,
    BUFFERED_BYTES,
    Batch,
    Carried,
    Changed,
    Failed,
    Hashed,
    Read,
    Start,
    decode_answer,
    decode_batch,
    receive,
    send,
    widen,
)
from parkstream_projection.rebuild.source import Source
from parkstream_projection.store import ProjectionError

COMMAND: Final = (sys.executable, "-m", "parkstream_projection.rebuild.worker")

AHEAD: Final = 8
"""Batches that may be under way: enough that nobody waits, few enough that memory stays flat."""
ENDED: Final = "the process that reads the log has ended; run it again"


class ReadingError(ProjectionError):
    """The log could not be read any further."""


class Worker:
    """A process that reads *source*, where *rules* of the clock are in force, and hashes; it lives within the block."""

    def __init__(self, source: Source, rules: int = 0) -> None:
        self._start = Start(source, rules)
        self._hashes: dict[int, asyncio.Future[str]] = {}
        self._batches: asyncio.Queue[bytes | ReadingError] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*COMMAND, stdin=pipe, stdout=pipe, limit=BUFFERED_BYTES)
        assert self._process.stdin is not None
        self._orders = self._process.stdin
        if (orders := self._orders.get_extra_info("pipe")) is not None:  # uvloop does not show its own.
            widen(orders.fileno())
        self._listening = asyncio.create_task(self._listen())
        send(self._start, self._orders)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._orders.close()
        if self._process.returncode is None:
            self._process.kill()  # It holds nothing that could be lost.
        await self._process.wait()
        await self._listening

    async def batches(self, after: int, through: int) -> AsyncIterator[Batch]:
        """Yield the records after position *after* up to *through*; some end at multiples of ``BATCH``, and there.

        They are asked for ahead. Raises ``ReadingError`` when the log cannot be read.
        """
        windows = _windows(after, through)
        for first in islice(windows, AHEAD):
            self._read(*first)
        while after < through:
            batch = await self._batch()
            after = batch.last
            if after % BATCH == 0 and (window := next(windows, None)):
                self._read(*window)
            yield batch

    def _read(self, after: int, count: int) -> None:
        send(Read(after, count), self._orders)

    async def _batch(self) -> Batch:
        batch = await self._batches.get()
        if isinstance(batch, ReadingError):
            self._batches.put_nowait(batch)
            raise batch
        return decode_batch(batch)

    async def changed(self, position: int, plates: dict[str, bytes | None], clock: bytes) -> None:
        """Let it hash what has changed up to *position*."""
        await self._send(Changed(position, plates, clock, wanted=False))

    async def hashed(self, position: int, plates: dict[str, bytes | None], clock: bytes) -> Awaitable[str]:
        """Let it hash what has changed up to *position*, and return what gives the state hash."""
        answer = asyncio.get_running_loop().create_future()
        self._hashes[position] = answer
        await self._send(Changed(position, plates, clock, wanted=True))
        return answer

    async def _send(self, changed: Changed) -> None:
        if self._listening.done():
            raise ReadingError(ENDED)
        send(changed, self._orders)
        try:
            await self._orders.drain()
        except ConnectionError as error:
            raise ReadingError(ENDED) from error

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while (frame := await receive(self._process.stdout)) is not None:
            match decode_answer(frame):
                case Carried(parts):
                    for part in parts:
                        self._batches.put_nowait(part)
                case Hashed(position, state_hash):
                    if not (answer := self._hashes.pop(position)).cancelled():
                        answer.set_result(state_hash)
                case Failed(problem):
                    self._batches.put_nowait(ReadingError(problem))
        self._end(ReadingError(ENDED))

    def _end(self, error: ReadingError) -> None:
        """Let nobody wait for what will never come."""
        self._batches.put_nowait(error)
        for answer in self._hashes.values():
            if not answer.cancelled():
                answer.set_exception(error)
                answer.exception()  # Whoever waits gets it; nobody need wait.
        self._hashes.clear()


def _windows(after: int, through: int) -> Iterator[tuple[int, int]]:
    """Yield the position that each batch comes after, and how many records it has."""
    while after < through:
        count = min(BATCH - after % BATCH, through - after)
        yield after, count
        after += count
