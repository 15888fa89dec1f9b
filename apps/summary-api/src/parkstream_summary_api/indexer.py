"""Bring the index to the end of the file: at the start, and whenever Redis turns out to know less."""

import asyncio
from collections.abc import Callable
from typing import Final

from parkstream_service.retry import Wait, retried

from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Ledger, Mark, digest_of
from parkstream_summary_api.file_lines import CHUNK_BYTES, heading_of, whole_lines
from parkstream_summary_api.index import Index, IndexAwayError, IndexBehindError
from parkstream_summary_api.old_days import OldDays
from parkstream_summary_api.summary_file import FileChangedError, Journal

PAUSE_SECONDS_MAX: Final = 0.5
CATCH_UP_SECONDS: Final = 1.0
"""How long a request waits for the index before it is asked to come again."""
PROGRESS_BYTES: Final = 32 * 1024 * 1024


class Indexing:
    """Keeps *index* true to *journal*; ``done`` is set while it is, as far as anybody has noticed."""

    def __init__(
        self,
        journal: Journal,
        index: Index,
        days: OldDays,
        say: Callable[[str, Mark], None],
        complain: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._index = index
        self._days = days
        self._say = say
        self._complain = complain
        self._reported = False
        self._wait = Wait(self._report_once)
        self._wanted = asyncio.Event()
        self.done = asyncio.Event()
        self.mark = NOTHING_INDEXED
        """Where the index stands, as this process knows it."""

    def again(self) -> None:
        """Have the index looked at: it is away or not where it should be."""
        self.done.clear()
        self._wanted.set()

    async def wait(self, seconds: float) -> None:
        """Return when the index is up to date; raise ``IndexBehindError`` when it is not within *seconds*."""
        if self.done.is_set():
            return
        try:
            await asyncio.wait_for(self.done.wait(), seconds)
        except TimeoutError as error:
            raise IndexBehindError from error

    async def run(self) -> None:
        """Bring the index up to date whenever ``again`` asks for it, for ever."""
        self.again()
        while True:
            await self._wanted.wait()
            self.mark = await retried(self._catch_up, when=_passes, on_retry=self._wait, most_seconds=PAUSE_SECONDS_MAX)
            self._reported = False
            self._wanted.clear()
            self.done.set()

    @property
    def problem(self) -> str:
        """What keeps the index from being brought up to date; "" when nothing does."""
        return self._wait.problem

    def _report_once(self, error: Exception) -> None:
        if not self._reported:
            self._complain(str(error))
        self._reported = True

    async def _catch_up(self) -> Mark:
        mark = await self._index.mark()
        if not self._belongs(mark):
            self._say("another_file", mark)
            await self._index.forget()
            mark = NOTHING_INDEXED
        began = mark
        while mark.through_bytes < self._journal.end:
            before, mark = mark, await self._index_chunk(mark)
            if before.through_bytes // PROGRESS_BYTES < mark.through_bytes // PROGRESS_BYTES:
                self._say("progress", mark)
        if mark != began:
            self._say("done", mark)
        return mark

    def _belongs(self, mark: Mark) -> bool:
        if mark == NOTHING_INDEXED:
            return True
        last = self._journal.line_before(mark.through_bytes)
        return bool(last) and digest_of(last) == mark.tail and digest_of(self._journal.line_at(0)) == mark.head

    async def _index_chunk(self, mark: Mark) -> Mark:
        """Index some lines after *mark*; return where the index stands then."""
        lines = await asyncio.to_thread(whole_lines, self._journal, mark.through_bytes, CHUNK_BYTES)
        headings = [heading_of(line) for line in lines]
        found = await self._days.look_up({heading.visit_id for heading in headings if heading} or {""})
        if found.mark != mark:
            raise IndexBehindError
        ledger = Ledger(found.known, mark)
        for line, heading in zip(lines, headings, strict=True):
            ledger.found(line, heading)
        if not await self._index.commit(ledger):
            raise IndexBehindError
        return ledger.mark


def _passes(error: Exception) -> bool:
    return isinstance(error, (FileChangedError, IndexAwayError, IndexBehindError))
