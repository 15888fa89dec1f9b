"""What Redis knows of the file, so that no process keeps anything per visit: entries, counters, how far it knows.

Entries are in one hash per day, which expires when its visits cannot change any more. Between which bytes of the file
the lines of a day are stays known, so that a day is restored from there when it is asked for again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import time
from typing import Any, Final, NamedTuple

from parkstream_events.keys import SummaryApiKeys
from parkstream_service.redis import Functions, LibraryOtherError, is_transient
from parkstream_summaries import INDEX
from redis.asyncio import Redis

from parkstream_summary_api.core.days import day_of, name_of
from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Entry, Ledger, Mark, entries_of

TIMEOUT_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 1.0
DAY_SECONDS: Final = 86_400
KEPT_SECONDS_MIN: Final = 600
"""For how long a day that is over stays after it was written to or restored."""
MARK: Final = ["through_bytes", "tail", "head", "lines"]
COUNTERS: Final = ("lines", "visits", "completed", "entry_missed", "exit_missed", "retracted", "unreadable", "repeated")


class IndexAwayError(Exception):
    """Redis did not answer; nothing is lost, ask again."""

    def __init__(self, error: Exception) -> None:
        what = "is not asked" if isinstance(error, LibraryOtherError) else "does not answer"
        super().__init__(f"Redis, which holds the index of the summary file, {what}: {error}")


class IndexBehindError(Exception):
    """Redis does not know the whole file yet (or any more); ask again."""

    def __init__(self) -> None:
        super().__init__("the index of the summary file is being brought up to date")


class Found(NamedTuple):
    """What is known, as of one moment, of the visits that were asked for; of those of *absent* days nothing is."""

    mark: Mark
    known: dict[str, tuple[Entry, ...]]
    absent: dict[int | None, bytes]
    """Day to the range of its lines, as ``restored`` takes it."""


class Index:
    """The index of one mall's summary file; a day is kept for *days* after it is over."""

    def __init__(self, redis: Redis, keys: SummaryApiKeys, days: int, clock: Callable[[], float] = time) -> None:
        self._redis = redis
        self._functions = Functions(redis, INDEX)
        self._keys = keys
        self._days = days
        self._clock = clock
        self._replaced: LibraryOtherError | None = None
        """Why nothing that Redis would answer is believed: a summary that it knows is not written again."""
        self.lines = 0
        """Lines in the file, as of the last answer about it."""

    async def watch(self) -> None:
        """Compare the code that Redis calls with ours once a second, for ever."""
        while True:
            try:
                await self._functions.check()
                self._replaced = None
            except LibraryOtherError as error:
                self._replaced = error
            except Exception as error:
                if not is_transient(error):  # Whoever asks meets the others.
                    raise
            await asyncio.sleep(WATCH_SECONDS)

    async def mark(self) -> Mark:
        """Return how far the file is indexed."""
        async with self._ours():
            return self._mark_of(await self._redis.hmget(self._keys.index_meta, MARK))

    async def look_up(self, visit_ids: Collection[str]) -> Found:
        """Return what is known of *visit_ids*, and how far the file is indexed, as of one moment."""
        by_day = _by_day(visit_ids)
        keys = [self._keys.index_meta, *map(self._keys.index_day, by_day)]
        arguments: list[Any] = [len(MARK) + len(by_day), *MARK, *map(_range_field, by_day)]
        for ids in by_day.values():
            arguments += (len(ids), *map(name_of, ids))
        async with self._ours():
            ((_, meta), *days) = await self._functions.call("look_up", keys, arguments)
        known: dict[str, tuple[Entry, ...]] = {}
        absent: dict[int | None, bytes] = {}
        for (day, ids), range_, (exists, found) in zip(by_day.items(), meta[len(MARK) :], days, strict=True):
            if range_ and not exists:
                absent[day] = range_
            elif range_:  # Without one it is what another file left.
                known |= {key: entries_of(value) for key, value in zip(ids, found, strict=True) if value}
        return Found(self._mark_of(meta[: len(MARK)]), known, absent)

    async def commit(self, ledger: Ledger) -> bool:
        """Add what *ledger* took in, unless the index has moved since it was looked up; return whether it had not."""
        by_day = _by_day(ledger.changed)
        arguments: list[Any] = [*ledger.began, *ledger.mark, ledger.position, len(ledger.counts)]
        for name, change in ledger.counts.items():
            arguments += (name, change)
        for day, ids in by_day.items():
            arguments += (_range_field(day), *ledger.ranges[day], self._seconds_of(day), len(ids))
            for visit_id in ids:
                arguments += (name_of(visit_id), ledger.entries(visit_id))
        keys = [self._keys.index_meta, *map(self._keys.index_day, by_day)]
        async with self._ours():
            return bool(await self._functions.call("commit", keys, arguments))

    async def begin_restoring(self, day: int | None) -> None:
        """Forget what was restored of *day* by somebody who did not come to the end."""
        async with _answering():
            await self._redis.unlink(self._keys.index_restoring(day))

    async def restoring(self, day: int | None, visit_ids: Collection[str]) -> dict[str, tuple[Entry, ...]]:
        """Return what is restored of *visit_ids*, of *day*, so far."""
        ids = list(visit_ids)
        async with _answering():
            found: list[Any] = await self._redis.hmget(self._keys.index_restoring(day), list(map(name_of, ids)))
        return {key: entries_of(value) for key, value in zip(ids, found, strict=True) if value}

    async def restore(self, day: int | None, entries: Mapping[str, bytes]) -> None:
        """Add the packed *entries* of some visits of *day* to what is restored."""
        key = self._keys.index_restoring(day)
        arguments: list[Any] = [KEPT_SECONDS_MIN]
        for visit_id, value in entries.items():
            arguments += (name_of(visit_id), value)
        async with _answering():
            await self._functions.call("restore", [key], arguments)

    async def restored(self, day: int | None, range_: bytes) -> None:
        """Take what was restored of *day*, if *range_* is still that of its lines and nobody else was first."""
        keys = (self._keys.index_meta, self._keys.index_day(day), self._keys.index_restoring(day))
        arguments = (_range_field(day), range_, self._seconds_of(day))
        async with _answering():
            await self._functions.call("restored", keys, arguments)

    def is_over(self, day: int) -> bool:
        """Whether the visits of *day* cannot change any more."""
        return self._left_seconds(day) <= 0

    async def drop(self, days: Iterable[int]) -> None:
        """Forget *days*, until they are asked for again."""
        async with _answering():
            await self._redis.unlink(*map(self._keys.index_day, days))

    async def counters(self) -> dict[str, int]:
        """Return the counters, ``position`` and ``bytes``, all as of one moment."""
        async with _answering():
            values = await self._redis.hmget(self._keys.index_meta, [*COUNTERS, "position", "through_bytes"])
        return dict(zip((*COUNTERS, "position", "bytes"), (int(value or 0) for value in values), strict=True))

    async def forget(self) -> None:
        """Empty the index."""
        async with _answering():
            fields: list[Any] = await self._redis.hkeys(self._keys.index_meta)
            days = [int(field.removeprefix(b"day:")) for field in fields if field.startswith(b"day:")]
            await self._redis.unlink(self._keys.index_meta, *map(self._keys.index_day, [None, *days]))

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    @asynccontextmanager
    async def _ours(self) -> AsyncGenerator[None]:
        """Ask our functions, or nobody."""
        async with _answering():
            if self._replaced is not None:
                raise self._replaced
            yield

    def _mark_of(self, found: Sequence[Any]) -> Mark:
        through, tail, head, lines = found
        self.lines = int(lines or 0)
        return Mark(int(through), tail, head) if through and tail and head else NOTHING_INDEXED

    def _left_seconds(self, day: int) -> int:
        return (day + 1 + self._days) * DAY_SECONDS - int(self._clock())

    def _seconds_of(self, day: int | None) -> int:
        """Return for how long *day* is kept from now on, 0 for ever: relative, so that Redis' clock does not matter."""
        return 0 if day is None else max(KEPT_SECONDS_MIN, self._left_seconds(day))


def _by_day(visit_ids: Iterable[str]) -> dict[int | None, list[str]]:
    by_day: defaultdict[int | None, list[str]] = defaultdict(list)
    for visit_id in visit_ids:
        by_day[day_of(visit_id)].append(visit_id)
    return by_day


def _range_field(day: int | None) -> str:
    return "undated" if day is None else f"day:{day}"


@asynccontextmanager
async def _answering() -> AsyncGenerator[None]:
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            raise
        raise IndexAwayError(error) from error
