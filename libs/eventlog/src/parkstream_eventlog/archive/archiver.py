"""Moves records from the log to the archive: written, read back, compared with the log, and only then trimmed."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from redis.asyncio import Redis

from parkstream_eventlog.archive import manifest
from parkstream_eventlog.archive.durable import WRITING, alone_in, sync_folder
from parkstream_eventlog.archive.errors import (
    ArchiveBehindError,
    ArchiveError,
    BusyArchiveError,
    DifferentRecordError,
)
from parkstream_eventlog.archive.index import Names, make_missing
from parkstream_eventlog.archive.manifest import Manifest
from parkstream_eventlog.archive.reader import Archive
from parkstream_eventlog.archive.segments import writing
from parkstream_eventlog.archive.trimmer import Trimming
from parkstream_eventlog.errors import LogShorterError
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import LogReader, LogState, Record
from parkstream_eventlog.redis_reader import RedisReader
from parkstream_eventlog.writer import Writer

SEGMENT_RECORDS: Final = 50_000
READ: Final = 1_000


class Plan(NamedTuple):
    """What an archiving would do: move the records after *archived_through* up to *through*."""

    archived_through: int
    through: int
    position: int

    @property
    def records(self) -> int:
        """How many records leave the log."""
        return max(0, self.through - self.archived_through)


class Archiver:
    """Archives the log of *keys* into *archive*, and nothing but that."""

    def __init__(self, redis: Redis, keys: LogKeys, archive: Archive, writer: Writer | None = None) -> None:
        self._log = RedisReader(redis, keys)
        self._name = keys.name
        self._archive = archive
        self._trimming = Trimming(redis, keys, writer)

    async def plan(self, through: int) -> Plan:
        """Return what archiving up to *through* would do; raise what stands in its way."""
        state = await self._log.state()
        through = min(through, state.position)
        if state.position < self._archive.through:
            raise LogShorterError(self._archive.through, state.position)
        if self._archive.through < state.archived_through:
            raise ArchiveBehindError(self._archive.folder, self._archive.through, state.archived_through)
        self._archive.check_log(state, self._archive.through)
        if through > state.archived_through:
            for barrier in await self._trimming.barriers():
                if barrier.position < through:
                    raise barrier.error(through)
        return Plan(state.archived_through, through, state.position)

    async def run(self, plan: Plan, reached: Callable[[int], None] = lambda _: None) -> int:
        """Do what *plan* says; return how many segments were written. *reached* gets how many records have left.

        A run that was interrupted anywhere is finished by the next. Raises ``BarrierError``, ``BusyArchiveError``,
        ``DifferentRecordError`` or another ``ArchiveError``; what was done until then stays done, and is complete.
        """
        if not plan.records:
            return 0
        self._archive.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self._archive.folder.parent)
        written, trimmed = 0, plan.archived_through
        with alone_in(self._archive.folder):
            state = await self._log.state()
            self._begin(plan, state)
            while trimmed < plan.through:
                if self._archive.through == trimmed:
                    await self._write(min(trimmed + SEGMENT_RECORDS, plan.through), state.log_id)
                    written += 1
                through = min(self._archive.through, plan.through, trimmed + SEGMENT_RECORDS)
                await self._compare(trimmed, through)
                await self._trimming.trim(trimmed, through)
                trimmed = through
                reached(trimmed - plan.archived_through)
        return written

    def _begin(self, plan: Plan, state: LogState) -> None:
        """Look at the archive as it is now that nobody else writes, and remove what an interrupted run has left.

        All of that is in the log still: the manifest reaches as far as the log was trimmed.
        """
        archive = self._archive
        archive.refresh()
        if archive.through < plan.archived_through:
            raise ArchiveBehindError(archive.folder, archive.through, plan.archived_through)
        archive.check_log(state, archive.through)
        named = {segment.name for segment in archive.manifest.segments}
        for path in (*archive.folder.glob(f"*{manifest.SUFFIX}"), archive.folder / WRITING):
            if path.name not in named:
                path.unlink(missing_ok=True)

    async def index(self, names: Names) -> int:
        """Give each segment that has no index one, by what *names* finds records by; return how many were made.

        When somebody else archives now, they do it.
        """
        if not self._archive.manifest.segments:
            return 0
        try:
            with alone_in(self._archive.folder):
                self._archive.refresh()
                return await asyncio.to_thread(make_missing, self._archive, names)
        except BusyArchiveError:
            return 0

    async def _write(self, last: int, log_id: str) -> None:
        """Write the next segment, up to *last*, and then name it in the manifest."""
        archive, segments = self._archive, self._archive.manifest.segments
        after = archive.through
        with writing(archive.folder, after + 1, last) as writer:
            while after < last:
                records = await self._log.read(after, min(READ, last - after))
                if not records:
                    message = f"the log ends at {after} instead of {last}: Redis lost data; archive nothing now"
                    raise ArchiveError(message)
                writer.add(records)
                after = records[-1].position
            segment = writer.finish(segments[-1].sha256 if segments else "")
        manifest.save(archive.folder, Manifest(log=self._name, log_id=log_id, segments=(*segments, segment)))
        archive.refresh()

    async def _compare(self, after: int, through: int) -> None:
        """Read back what is archived, and raise ``DifferentRecordError`` unless it is what the log has."""
        while after < through:
            count = min(READ, through - after)
            logged = await self._log.read(after, count)
            archived = await asyncio.to_thread(self._archive.read, after, count)
            if logged != archived:
                raise DifferentRecordError(self._archive.folder, _first_difference(after, logged, archived))
            after += count


def _first_difference(after: int, logged: Sequence[Record], archived: Sequence[Record]) -> int:
    same = (one == other for one, other in zip(logged, archived, strict=False))
    return after + 1 + next((nth for nth, equal in enumerate(same) if not equal), min(len(logged), len(archived)))


async def last_recorded_before(log: LogReader, state: LogState, time_us: int) -> int:
    """Return the last position in *log* that was recorded before *time_us*; that before its first when none was."""
    low, high = state.archived_through, state.position
    while low < high:
        middle = (low + high + 1) // 2
        (record,) = await log.read(middle - 1, 1)
        low, high = (middle, high) if record.recorded_at_us < time_us else (low, middle - 1)
    return low
