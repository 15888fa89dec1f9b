"""Group commit: while one fdatasync is in flight, what arrives waits, and goes to disk with the next."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import time_ns
from typing import Final, NamedTuple

from parkstream_events.marks import LogName
from parkstream_events.summaries import ItemStatus, SummaryItem
from parkstream_telemetry import INVALID_SPAN, Span

from parkstream_summary_api.core.ledger import Ledger
from parkstream_summary_api.file_log import FileLog, OtherLogError
from parkstream_summary_api.index import Index, IndexAwayError, IndexBehindError
from parkstream_summary_api.indexer import CATCH_UP_SECONDS, Indexing
from parkstream_summary_api.old_days import OldDays
from parkstream_summary_api.summary_file import DiskFullError, FileChangedError, Journal

ITEMS_MAX: Final = 2_000
GROUP_BYTES_MAX: Final = 4 * 1024 * 1024
"""Beyond this no second request joins a group; with the largest request it stays below ``journal.APPEND_BYTES_MAX``."""
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
PASSING: Final = (DiskFullError, FileChangedError, IndexAwayError, IndexBehindError, OtherLogError)
"""Nothing of a group was kept; the same may be posted again."""


class OverloadedError(Exception):
    """More is waiting for the disk than memory should hold."""

    def __init__(self) -> None:
        super().__init__("too many summaries are waiting for the disk")


class Origin(NamedTuple):
    """The request that brought some summaries, and since when they were being delivered, if it says so."""

    span: Span = INVALID_SPAN
    sent_at_us: int | None = None
    log: LogName | None = None
    """Of which log the summaries are, if it says so."""


NOWHERE: Final = Origin()


class Posted(NamedTuple):
    """The valid summaries of one request: what each is to the file is in *statuses*."""

    items: Sequence[SummaryItem]
    size: int
    origin: Origin
    statuses: asyncio.Future[list[ItemStatus]]


class Settled(NamedTuple):
    """What became of a *group*: what each summary is to the file, or because of which *error* nothing was kept.

    The times (ns since 1970) are those between which it was appended.
    """

    group: list[Posted]
    answers: list[list[ItemStatus]]
    began_ns: int
    ended_ns: int
    error: Exception | None = None


class Commits:
    """The only writer of *journal*.

    ``observe`` hears what became of each group, once that is answered; that it fails is reported, and ends nothing.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        journal: Journal,
        file_log: FileLog,
        index: Index,
        days: OldDays,
        indexing: Indexing,
        *,
        observe: Callable[[Settled], None],
        complain: Callable[[str], None],
        report: Callable[[Exception], None],
    ) -> None:
        self._journal = journal
        self._file_log = file_log
        self._index = index
        self._days = days
        self._indexing = indexing
        self._observe = observe
        self._complain = complain
        self._report = report
        self._refusing: type[Exception] | None = None
        """Why the last group was refused, as far as the log has it."""
        self._waiting: deque[Posted] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._closing = False

    async def write(self, items: Sequence[SummaryItem], size: int, origin: Origin = NOWHERE) -> list[ItemStatus]:
        """Return what each of *items* (*size* bytes) is to the file, once all that is new is on disk.

        Raises ``OverloadedError`` or one of ``PASSING``: then none is kept.
        """
        if self._waiting_bytes + size > WAITING_BYTES_MAX:
            raise OverloadedError
        posted = Posted(items, size, origin, asyncio.get_running_loop().create_future())
        self._waiting.append(posted)
        self._waiting_bytes += size
        self._arrived.set()
        return await posted.statuses

    def close(self) -> None:
        """Have ``run`` end once everything that waits is written."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        """Write what arrives until ``close``; ``BrokenFileError`` when the file cannot be trusted any more."""
        while self._waiting or not self._closing:
            await self._arrived.wait()
            group = self._take()
            if not group:
                continue
            began_ns = time_ns()
            try:
                settled = await self._commit(group)
            except PASSING as error:
                self._refuse(group, error)
                self._observed(Settled(group, [], began_ns, time_ns(), error))
                continue
            for posted, statuses in zip(group, settled.answers, strict=True):
                if not posted.statuses.done():
                    posted.statuses.set_result(statuses)
            self._observed(settled)

    def _observed(self, settled: Settled) -> None:
        try:
            self._observe(settled)
        except Exception as error:  # noqa: BLE001 - what only watches never ends what writes.
            self._report(error)

    def _refuse(self, group: list[Posted], error: Exception) -> None:
        """Tell each request of *group* the *error*, and the log once when it is about the file."""
        if isinstance(error, (DiskFullError, FileChangedError)) and self._refusing is not type(error):
            self._complain(str(error))
            self._refusing = type(error)
        for posted in group:
            if not posted.statuses.done():
                posted.statuses.set_exception(error)

    def _take(self) -> list[Posted]:
        """Return the requests that go to disk together."""
        group: list[Posted] = []
        items = size = 0
        while self._waiting:
            first = self._waiting[0]
            items, size = items + len(first.items), size + first.size
            if group and (items > ITEMS_MAX or size > GROUP_BYTES_MAX or first.origin.log != group[0].origin.log):
                return group
            group.append(self._waiting.popleft())
            self._waiting_bytes -= first.size
        self._arrived.clear()
        return group

    async def _commit(self, group: list[Posted]) -> Settled:
        await self._turn_to(group[0].origin.log)
        self._journal.check()  # A duplicate, too, is only one while its line is there.
        ledger = await self._ledger({item.visit_id for posted in group for item in posted.items})
        answers = [[ledger.take(item) for item in posted.items] for posted in group]
        began_ns = ended_ns = time_ns()
        if ledger.lines:
            await asyncio.to_thread(self._journal.append, b"".join(ledger.lines))
            ended_ns = time_ns()
            self._refusing = None
            await self._index_lines(ledger)
        return Settled(group, answers, began_ns, ended_ns)

    async def _turn_to(self, log: LogName | None) -> None:
        """Have the file be of *log*; see ``FileLog.turn_to``."""
        if log is None or not self._file_log.differs(log):
            return
        kept = await asyncio.to_thread(self._file_log.turn_to, log)
        if kept is not None:
            self._complain(f"{self._journal.path} is of the log {log.log_id} now; the file before is kept as {kept}")
            self._indexing.again()

    async def _ledger(self, visit_ids: set[str]) -> Ledger:
        """Return what is known of *visit_ids*; wait a moment for an index that lags."""
        for _ in range(2):
            await self._indexing.wait(CATCH_UP_SECONDS)
            try:
                found = await self._days.look_up(visit_ids)
            except IndexAwayError:
                self._indexing.again()
                raise
            if found.mark == self._indexing.mark and found.mark.through_bytes == self._journal.end:
                return Ledger(found.known, found.mark)
            self._indexing.again()
        raise IndexBehindError

    async def _index_lines(self, ledger: Ledger) -> None:
        """Index what is on disk; where that fails the lines still stand, and the indexing comes for them."""
        try:
            committed = await self._index.commit(ledger)
        except IndexAwayError:
            committed = False
        if committed:
            self._indexing.mark = ledger.mark
        else:
            self._indexing.again()
