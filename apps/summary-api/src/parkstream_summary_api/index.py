"""What Redis knows of the file, so that no process keeps anything per visit: entries, counters, how far it knows."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from parkstream_events.keys import SummaryApiKeys
from parkstream_service.redis import is_transient
from redis.asyncio import Redis

from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Entry, Ledger, Mark, entries_of

TIMEOUT_SECONDS: Final = 2.0
MARK: Final = ["through_bytes", "tail", "head", "lines"]
COUNTERS: Final = ("lines", "visits", "completed", "entry_missed", "exit_missed", "retracted", "unreadable", "repeated")
COMMIT: Final = """
local mark = redis.call('HMGET', KEYS[1], 'through_bytes', 'tail', 'head')
if (mark[1] or '0') ~= ARGV[1] or (mark[2] or '') ~= ARGV[2] or (mark[3] or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'through_bytes', ARGV[4], 'tail', ARGV[5], 'head', ARGV[6])
local position = redis.call('HGET', KEYS[1], 'position') or '0'
if tonumber(ARGV[7]) > tonumber(position) then redis.call('HSET', KEYS[1], 'position', ARGV[7]) end
local entries = 9 + 2 * tonumber(ARGV[8])
for i = 9, entries - 1, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = entries, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
"""
"""All or nothing, and only if nobody moved the mark meanwhile; sent whole each time, so that no restart forgets it."""


class IndexAwayError(Exception):
    """Redis did not answer; nothing is lost, ask again."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"Redis, which holds the index of the summary file, does not answer: {error}")


class IndexBehindError(Exception):
    """Redis does not know the whole file yet (or any more); ask again."""

    def __init__(self) -> None:
        super().__init__("the index of the summary file is being brought up to date")


class Index:
    """The index of one mall's summary file."""

    def __init__(self, redis: Redis, keys: SummaryApiKeys) -> None:
        self._redis = redis
        self._keys = keys
        self.lines = 0
        """Lines in the file, as of the last answer about it."""

    async def mark(self) -> Mark:
        """Return how far the file is indexed."""
        async with _answering():
            return self._mark_of(await self._redis.hmget(self._keys.index_meta, MARK))

    async def look_up(self, visit_ids: Collection[str]) -> tuple[Mark, dict[str, tuple[Entry, ...]]]:
        """Return what is known of *visit_ids*, and how far the file is indexed, as of one moment."""
        ids = list(visit_ids)
        async with _answering(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(self._keys.index_meta, MARK)
            pipe.hmget(self._keys.index, ids)
            marked, packed = await pipe.execute()
        return self._mark_of(marked), {key: entries_of(value) for key, value in zip(ids, packed, strict=True) if value}

    async def commit(self, ledger: Ledger) -> bool:
        """Add what *ledger* took in, unless the index has moved since it was looked up; return whether it had not."""
        arguments: list[Any] = [*ledger.began, *ledger.mark, ledger.position, len(ledger.counts)]
        for name, change in ledger.counts.items():
            arguments += (name, change)
        for visit_id in ledger.changed:
            arguments += (visit_id, ledger.entries(visit_id))
        async with _answering():
            return bool(await self._redis.eval(COMMIT, 2, self._keys.index_meta, self._keys.index, *arguments))

    async def counters(self) -> dict[str, int]:
        """Return the counters, ``position`` and ``bytes``, all as of one moment."""
        async with _answering():
            values = await self._redis.hmget(self._keys.index_meta, [*COUNTERS, "position", "through_bytes"])
        return dict(zip((*COUNTERS, "position", "bytes"), (int(value or 0) for value in values), strict=True))

    async def forget(self) -> None:
        """Empty the index."""
        async with _answering(), self._redis.pipeline(transaction=True) as pipe:
            pipe.unlink(self._keys.index_meta, self._keys.index)
            await pipe.execute()

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    def _mark_of(self, found: Sequence[Any]) -> Mark:
        through, tail, head, lines = found
        self.lines = int(lines or 0)
        return Mark(int(through), tail, head) if through and tail and head else NOTHING_INDEXED


@asynccontextmanager
async def _answering() -> AsyncGenerator[None]:
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            raise
        raise IndexAwayError(error) from error
