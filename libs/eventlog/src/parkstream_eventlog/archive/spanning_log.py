"""The log as if nothing had ever been taken out of it: archive and stream in one."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

from parkstream_eventlog.archive.errors import NotArchivedError
from parkstream_eventlog.archive.reader import Archive
from parkstream_eventlog.errors import GapError, LogShorterError
from parkstream_eventlog.log import (
    Candidate,
    DecideOutcome,
    EventLog,
    LogReader,
    LogState,
    Outcome,
    Record,
)


class SpanningReader:
    """A ``LogReader``: *log*, and where that was trimmed *archive*, whose manifest is read again when it was not known.

    Raises ``NotArchivedError``, a ``GapError``, for what is in neither, ``OtherLogArchiveError`` rather than read the
    archive of another log.
    """

    def __init__(self, log: LogReader, archive: Archive) -> None:
        self._log = log
        self._archive = archive
        self._trimmed_through = 0
        """What is known to be in the log no more. It may be there again, restored; then it is in the archive too."""

    async def read(self, after: int, count: int) -> list[Record]:
        """See ``LogReader.read``; a log that ends before its archive is an error too."""
        records: list[Record] = []
        while after < self._trimmed_through and len(records) < count:
            records += await self._archived(after, count - len(records))
            after = records[-1].position
        if len(records) == count:
            return records
        try:
            records += await self._log.read(after, count - len(records))
        except GapError as gap:
            await self._learn(gap)
            return records + await self.read(after, count - len(records))
        if not records and after < self._archive.through:
            raise LogShorterError(self._archive.through, after)
        return records

    async def follow(self, after: int, count: int) -> AsyncIterator[list[Record]]:
        """See ``LogReader.follow``."""
        records = await self.read(after, count)
        while True:
            while records:
                after = records[-1].position
                yield records
                records = await self._archived(after, count) if after < self._trimmed_through else []
            try:
                async for records in self._log.follow(after, count):
                    after = records[-1].position
                    yield records
            except GapError as gap:
                await self._learn(gap)
                records = await self.read(after, count)

    async def wait_for(self, position: int) -> None:
        """See ``LogReader.wait_for``."""
        await self._log.wait_for(position)

    async def state(self) -> LogState:
        """See ``LogReader.state``: of the log, whose length is what is not archived."""
        return await self._log.state()

    async def _archived(self, after: int, count: int) -> list[Record]:
        return await asyncio.to_thread(self._archive.read, after, min(count, self._trimmed_through - after))

    async def _learn(self, gap: GapError) -> None:
        """Note that the log begins after *gap*, if the archive has what is missing."""
        through = gap.found - 1
        if self._archive.through < through:
            await asyncio.to_thread(self._archive.refresh)
        if not self._archive.first <= gap.expected <= through <= self._archive.through:
            raise NotArchivedError(gap.expected, gap.found, self._archive.folder, self._archive.through) from gap
        self._archive.check_log(await self._log.state(), through)
        self._trimmed_through = through


class SpanningLog(SpanningReader):
    """An ``EventLog``: what is written goes to *log*."""

    def __init__(self, log: EventLog, archive: Archive) -> None:
        super().__init__(log, archive)
        self._written = log

    async def create(self) -> str:
        """See ``EventLog.create``."""
        return await self._written.create()

    async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See ``EventLog.append``."""
        return await self._written.append(candidates)

    async def decide(
        self, type_: str, id_: str, body: bytes, *, unless_after: tuple[Collection[str], int] | None
    ) -> DecideOutcome:
        """See ``EventLog.decide``."""
        return await self._written.decide(type_, id_, body, unless_after=unless_after)


def spanning(log: EventLog, folder: str | None, name: str) -> EventLog:
    """Return *log* together with its archive in *folder*, or *log* alone when there is no folder."""
    return SpanningLog(log, Archive(Path(folder), name)) if folder else log


def spanning_reader(log: LogReader, folder: str | None, name: str) -> LogReader:
    """Return what ``spanning`` does, to be read only."""
    return SpanningReader(log, Archive(Path(folder), name)) if folder else log


async def check_as_long_as_archive(log: LogReader, folder: str | None, name: str) -> None:
    """Raise ``LogShorterError`` when *log* ends before its archive in *folder*: then it is not the log that it was.

    Raises ``OtherLogArchiveError`` when that is the archive of another log.
    """
    if not folder:
        return
    archive, state = Archive(Path(folder), name), await log.state()
    if state.position < archive.through:
        raise LogShorterError(archive.through, state.position)
    archive.check_log(state, state.archived_through)
