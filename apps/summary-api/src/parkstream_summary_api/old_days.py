"""Days that are over: few of them are in the index at a time, and what is asked for is restored from the file."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Final

from parkstream_summary_api.core.days import day_of
from parkstream_summary_api.core.ledger import Entry, digest_of, packed
from parkstream_summary_api.file_lines import CHUNK_BYTES, heading_of, whole_lines
from parkstream_summary_api.index import Found, Index, IndexBehindError
from parkstream_summary_api.summary_file import Journal

OLD_DAYS_MAX: Final = 3
TRIES: Final = 3


class OldDays:
    """Looks visits up in *index*, whatever day they are of."""

    def __init__(self, journal: Journal, index: Index) -> None:
        self._journal = journal
        self._index = index
        self._kept: OrderedDict[int, None] = OrderedDict()
        self._restoring = asyncio.Lock()

    async def look_up(self, visit_ids: Collection[str]) -> Found:
        """Return what is known of *visit_ids*; raise ``IndexBehindError`` when their days do not stay."""
        for _ in range(TRIES):
            found = await self._index.look_up(visit_ids)
            if not found.absent:
                await self._keep_few({day for day in map(day_of, visit_ids) if day is not None})
                return found
            async with self._restoring:
                for day, range_ in (await self._index.look_up(visit_ids)).absent.items():
                    await self._restore(day, range_)
        raise IndexBehindError

    async def _keep_few(self, days: set[int]) -> None:
        for day in filter(self._index.is_over, days):
            self._kept[day] = None
            self._kept.move_to_end(day)
        dropped = [day for day in list(self._kept)[:-OLD_DAYS_MAX] if day not in days]
        for day in dropped:
            del self._kept[day]
        if dropped:
            await self._index.drop(dropped)

    async def _restore(self, day: int | None, range_: bytes) -> None:
        """Read the lines of *day* again, some at a time."""
        start, end = map(int, range_.split())
        await self._index.begin_restoring(day)
        while start < end:
            lines = await asyncio.to_thread(whole_lines, self._journal, start, min(CHUNK_BYTES, end - start))
            read = entries_in(lines, start, day)
            known = await self._index.restoring(day, {visit_id for visit_id, _ in read} or {""})
            for visit_id, entry in read:
                before = known.get(visit_id, ())
                if all(entry.revision != one.revision for one in before):
                    known[visit_id] = (*before, entry)
            if known:
                await self._index.restore(day, {visit_id: packed(entries) for visit_id, entries in known.items()})
            start += sum(map(len, lines)) + len(lines)
        await self._index.restored(day, range_)


def entries_in(lines: Sequence[bytes], offset: int, day: int | None) -> list[tuple[str, Entry]]:
    """Return the visits of *day* in *lines*, the first of which starts at *offset*, each with its entry."""
    found: list[tuple[str, Entry]] = []
    for line in lines:
        heading = heading_of(line)
        if heading is not None and day_of(heading.visit_id) == day:
            entry = Entry(heading.revision, offset, digest_of(line), heading.outcome)
            found.append((heading.visit_id, entry))
        offset += len(line) + 1
    return found
