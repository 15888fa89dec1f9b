"""The summary file against what the log says: the same (visit, revision) pairs with the same content.

Both sides are order-free sums per range of positions; where these differ, a second pass compares line by line. What
waits in the outbox or is parked may be in the file or not, and is left out on both sides.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final

from msgspec.structs import astuple
from parkstream_eventlog import EventLog, Record
from parkstream_eventlog.prefetch import batches_of
from parkstream_eventlog.verify import Finding, Findings
from parkstream_eventlog.verify.sums import SHIFT, Sums
from parkstream_service.foreign_data import lines_cut
from parkstream_visits import Fold, State, summary_of

from parkstream_projection.codec import recorded_event_of
from parkstream_projection.verify.contents import NAMES, Content, content_of, pair_of, position_of
from parkstream_projection.verify.differences import Differences
from parkstream_projection.verify.undelivered import Waiting

BATCH_MAX: Final = 2_000
LINE_BYTES_MAX: Final = 1 << 20
RANGES_MAX: Final = 64
"""Ranges of positions that are compared line by line; what is in others is left to the next run."""


class SummaryCheck:
    """Compares *file* with what follows from the records of *log* at *positions*, less what is *waiting*."""

    def __init__(self, log: EventLog, file: Path, positions: range, waiting: Waiting, findings: Findings) -> None:
        self._log = log
        self._file = file
        self._positions = positions
        self._waiting = waiting
        self._findings = findings
        self.lines = 0
        """Of the file, as far as they were compared."""

    async def run(self, reached: Callable[[int], None]) -> None:
        """Compare; ``reached(position)`` is called now and then."""
        emitted, written = Sums(), Sums()
        async for position, contents in self._emitted():
            await asyncio.to_thread(self._add, contents, emitted)
            reached(position)
        await asyncio.to_thread(self._add_file, written)
        self._waiting.check(self._positions, self._findings)
        if ranges := emitted.differing(written):
            await self._compare(ranges)

    async def _emitted(self) -> AsyncIterator[tuple[int, list[Content]]]:
        """Yield what follows from the records, batch by batch, and the last position of each batch."""
        fold = Fold(State())
        async with aclosing(batches_of(self._log, 0, self._positions.stop - 1, BATCH_MAX)) as batches:
            async for records in batches:
                yield records[-1].position, await asyncio.to_thread(contents_of, fold, records)

    def _add(self, contents: Iterable[Content], sums: Sums) -> None:
        for content in contents:
            if not self._waiting.met(content) and position_of(content) in self._positions:
                sums[position_of(content) >> SHIFT] += hash(content)

    def _add_file(self, sums: Sums) -> None:
        for number, content in self._written():
            if content is None:
                advice = "the summary API cuts a torn end when it starts; restore another line from a backup"
                self._findings.add(Finding("summary_unreadable", f"line {number} of the file is no summary", advice))
            elif position_of(content) in self._positions:
                self.lines += 1
                if pair_of(content) not in self._waiting:
                    sums[position_of(content) >> SHIFT] += hash(content)

    def _written(self) -> Iterator[tuple[int, Content | None]]:
        """Yield the numbers and contents of the file's lines, without one that is being written."""
        with self._file.open("rb") as file:
            for number, line in enumerate(lines_cut(file, LINE_BYTES_MAX), 1):
                if line.endswith(b"\n"):
                    yield number, content_of(line)

    async def _compare(self, ranges: Sequence[int]) -> None:
        """Find what differs in the first of *ranges*, exactly."""
        wanted = frozenset(ranges[:RANGES_MAX])
        differences = Differences(self._findings)
        async for _, contents in self._emitted():
            differences.expect(content for content in contents if self._is_in(wanted, content))
        for _, content in self._written():
            if content is not None and self._is_in(wanted, content):
                differences.see(content)
        differences.report()
        if rest := ranges[RANGES_MAX:]:
            position = rest[0] << SHIFT
            found = f"summaries differ in {len(rest)} more ranges of {1 << SHIFT} positions"
            self._findings.add(Finding("summaries_differ", found, "mend those found, and verify again", position))

    def _is_in(self, ranges: frozenset[int], content: Content) -> bool:
        position = position_of(content)
        wanted = position >> SHIFT in ranges and position in self._positions
        return wanted and pair_of(content) not in self._waiting


def contents_of(fold: Fold, records: Iterable[Record]) -> list[Content]:
    """Return what *fold* emits of *records*, the next ones."""
    return [
        astuple(summary_of(emitted))[: len(NAMES)]
        for record in records
        for emitted in fold.fold(recorded_event_of(record))
    ]
