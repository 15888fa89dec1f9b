"""Logs to test, each with the means to do to it what its users cannot."""

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from parkstream_eventlog import Candidate, EventLog, MemoryLog, Record, RedisLog, Writer
from parkstream_eventlog.archive import Archive, Archiver, SpanningLog
from parkstream_eventlog.functions import LOG
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_events import wire
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.units import DAY_US
from parkstream_service.redis import connect

TODAY_US = time.time_ns() // 1_000
"""When events happen that do not say when."""


class NewLog(RedisLog):
    """Creates the log before it first writes."""

    async def _write(self, *what):
        if self._writer is None:
            await self.create()
        return await super()._write(*what)


async def written(store: "RedisStore", function: str, keys: Sequence[str], arguments: Sequence[object]) -> Any:
    """Return what *function*, which writes beside the log, answers to a caller who means the log that is there."""
    return await GuardedFunctions(store.redis, LOG, store.keys).write(function, keys, arguments)


def sighting(
    type_: str, id_: str, body: bytes | None, day: int | None, at_us: int = TODAY_US, **more: object
) -> Candidate:
    category = "entry" if type_.startswith("vehicle.entered.") else "exit"
    event_time_us = at_us if day is None else day * DAY_US
    return Candidate(type_, id_, b"body of " + id_.encode() if body is None else body, event_time_us, category, **more)


def entered(
    id_: str, *, body: bytes | None = None, day: int | None = None, at_us: int = TODAY_US, **more: object
) -> Candidate:
    """Return an entry at *at_us*, or at midnight of *day*."""
    return sighting(wire.ENTERED, id_, body, day, at_us, **more)


def exited(
    id_: str, *, body: bytes | None = None, day: int | None = None, at_us: int = TODAY_US, **more: object
) -> Candidate:
    """Return an exit at *at_us*, or at midnight of *day*."""
    return sighting(wire.EXITED, id_, body, day, at_us, **more)


class Store(Protocol):
    """Where a log is kept."""

    log: EventLog

    def another(self) -> EventLog:
        """Return the same log as another process has it."""
        ...

    def written_by(self, writer: Writer) -> EventLog:
        """Return the same log as *writer* writes it."""
        ...

    async def archive(self, through: int) -> None:
        """Take away the records up to *through*."""
        ...

    async def let_recorded_time_be_ahead(self, recorded_at_us: int) -> None:
        """Let the last record be from the future."""
        ...


class Splitting(SpanningLog):
    """Archives *share* of the log before it is read."""

    def __init__(self, log: RedisLog, archive: Archive, archiver: Archiver, share: float) -> None:
        super().__init__(log, archive)
        self._archiver = archiver
        self._share = share

    async def read(self, after: int, count: int) -> list[Record]:
        await self.split()
        return await super().read(after, count)

    async def follow(self, after: int, count: int) -> AsyncIterator[list[Record]]:
        async for records in super().follow(after, count):
            yield records
            await self.split()

    async def split(self) -> None:
        through = int((await self.state()).position * self._share)
        await self._archiver.run(await self._archiver.plan(through))


class MemoryStore:
    def __init__(self) -> None:
        self.log = MemoryLog(LOG_SCHEMA)

    def another(self) -> EventLog:
        return self.log

    def written_by(self, writer: Writer) -> EventLog:
        self.log._writer = writer
        return self.log

    async def archive(self, through: int) -> None:
        del self.log._records[: through - self.log._archived_through]
        self.log._archived_through = through

    async def let_recorded_time_be_ahead(self, recorded_at_us: int) -> None:
        self.log._recorded_at_us = recorded_at_us


class RedisStore:
    def __init__(self, url: str, mall: str) -> None:
        self.url = url
        self.keys = BackendKeys(mall)
        self.redis = connect(url)
        self.log = NewLog(self.redis, self.keys, LOG_SCHEMA)
        self._clients = [self.redis]

    def another(self) -> EventLog:
        self._clients.append(connect(self.url))
        return NewLog(self._clients[-1], self.keys, LOG_SCHEMA)

    def written_by(self, writer: Writer) -> EventLog:
        return RedisLog(self.redis, self.keys, LOG_SCHEMA, writer=writer)

    async def archive(self, through: int) -> None:
        await self.redis.xtrim(self.keys.log, minid=f"{through + 1}-0", approximate=False)
        await self.redis.hset(self.keys.log_meta, "archived_through", through)

    async def let_recorded_time_be_ahead(self, recorded_at_us: int) -> None:
        await self.redis.hset(self.keys.log_meta, "recorded_at_us", recorded_at_us)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


class SpanningStore(RedisStore):
    """A log of which *share* is always in an archive in *folder*."""

    def __init__(self, url: str, mall: str, folder: Path, share: float) -> None:
        super().__init__(url, mall)
        archiver = Archiver(self.redis, self.keys, Archive(folder, mall))
        self.log = Splitting(self.log, Archive(folder, mall), archiver, share)
