"""Brings archived records back into the log, while everybody goes on writing and reading.

The ids of a stream only grow, so the log is built anew beside itself: the archived records first, then a copy of those
that are there, and when the copy has caught up it takes the log's place in one step. Until then nothing has changed.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from parkstream_eventlog.archive.durable import alone_in
from parkstream_eventlog.archive.errors import ArchiveBehindError, NoRoomError, NotArchivedError, OvertakenError
from parkstream_eventlog.archive.reader import Archive
from parkstream_eventlog.durability import memory_share
from parkstream_eventlog.functions import LOG
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import Record
from parkstream_eventlog.redis_reader import RedisReader
from parkstream_eventlog.writer import Writer

AT_ONCE: Final = 500
"""Records that one call writes: Redis does nothing else for a millisecond or two."""
MEMORY_SHARE_MAX: Final = 0.8
"""Beyond this share of ``maxmemory`` recording pauses, so a restore stops before."""
MOVED: Final = 1
BEHIND: Final = 4


class Restoration(NamedTuple):
    """What a restore would do: bring back the records after *after* up to *archived_through*."""

    after: int
    archived_through: int
    position: int

    @property
    def records(self) -> int:
        """How many records come back."""
        return max(0, self.archived_through - self.after)

    @property
    def written(self) -> int:
        """How many records are written for that: those that are in the log are copied."""
        return self.position - self.after if self.records else 0


class Restorer:
    """Restores the log of *keys* from *archive*, which stays as it is."""

    def __init__(self, redis: Redis, keys: LogKeys, archive: Archive, writer: Writer | None = None) -> None:
        self._redis = redis
        self._functions = GuardedFunctions(redis, LOG, keys, writer)
        self._log = RedisReader(redis, keys)
        self._archive = archive
        self._restoring = keys.log_restoring
        self._keys = (keys.log, keys.log_meta, keys.log_restoring)

    async def plan(self, first: int | None) -> Restoration:
        """Return what bringing back everything from position *first* would do; raise what stands in its way."""
        state, archive = await self._log.state(), self._archive
        if archive.through < state.archived_through:
            raise ArchiveBehindError(archive.folder, archive.through, state.archived_through)
        archive.check_log(state, state.archived_through)
        after = max(1, archive.first if first is None else first) - 1  # Of no archive the first is 0.
        if state.archived_through > after and after + 1 < archive.first:
            raise NotArchivedError(after + 1, archive.first, archive.folder, archive.through)
        return Restoration(after, state.archived_through, state.position)

    async def run(self, plan: Restoration, reached: Callable[[int], None] = lambda _: None) -> None:
        """Do what *plan* says; *reached* gets how many records are written.

        Interrupted anywhere before its last step it has changed nothing, and the next one begins anew. Raises
        ``NoRoomError``, ``BusyArchiveError``, or ``OvertakenError`` when somebody else archived or restored.
        """
        if not plan.records:
            return
        with alone_in(self._archive.folder):
            try:
                self._archive.refresh()
                await self._check_room(plan)
                await self._bring_back(plan, reached)
                await self._catch_up(plan, reached)
            except OutOfMemoryError as error:
                message = "Redis is full"
                raise NoRoomError(message) from error
            finally:
                await self._functions.execute("UNLINK", self._restoring)

    async def _check_room(self, plan: Restoration) -> None:
        """Raise ``NoRoomError`` when what is written would fill Redis, as far as the log or the archive show."""
        await self._functions.execute("UNLINK", self._restoring)
        untyped: Any = self._redis
        memory: dict[str, int] = await untyped.info("memory")
        if not memory["maxmemory"]:
            return
        needed = plan.written * self._bytes_each(plan)
        share = await memory_share(self._redis) + needed / memory["maxmemory"]
        if share > MEMORY_SHARE_MAX:
            message = f"{plan.written} records would fill {share:.0%} of maxmemory"
            raise NoRoomError(message)

    def _bytes_each(self, plan: Restoration) -> int:
        """Return about how much Redis needs for a record."""
        (sample,) = self._archive.read(plan.archived_through - 1, 1)
        return len(sample.body) + len(sample.id) + len(sample.traceparent or "") + 64

    async def _bring_back(self, plan: Restoration, reached: Callable[[int], None]) -> None:
        after = plan.after
        while after < plan.archived_through:
            records = self._archive.read(after, min(AT_ONCE, plan.archived_through - after))
            arguments = [records[0].position, *(value for record in records for value in _arguments(record))]
            await self._functions.write("restore", (self._restoring,), arguments)
            after = records[-1].position
            await self._stay_below_the_limit()
            reached(after - plan.after)

    async def _catch_up(self, plan: Restoration, reached: Callable[[int], None]) -> None:
        """Copy what is in the log, and then exchange the two."""
        while True:
            left = await self._functions.write("copy", self._keys, (AT_ONCE,))
            await self._stay_below_the_limit()
            reached(max(plan.records, plan.written - left))
            if left <= AT_ONCE:
                answer = await self._functions.write("swap", self._keys, (plan.archived_through, plan.after))
                if answer[0] == MOVED:
                    raise OvertakenError(answer[1])
                if answer[0] != BEHIND:
                    return

    async def _stay_below_the_limit(self) -> None:
        if await memory_share(self._redis) > MEMORY_SHARE_MAX:
            message = "Redis is nearly full"
            raise NoRoomError(message)


def _arguments(record: Record) -> tuple[str | int | bytes, ...]:
    published = "" if record.published_at_us is None else record.published_at_us
    return record.type, record.id, record.body, record.recorded_at_us, published, record.traceparent or ""
