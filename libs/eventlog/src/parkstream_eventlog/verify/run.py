"""The log and its id index, checked together: once by sums, then entry by entry where these differ."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from parkstream_service.units import DAY_US

from parkstream_eventlog.log import DEDUPE_DAYS, DIGEST_BYTES, LogReader, LogState, Record
from parkstream_eventlog.schema import Schema
from parkstream_eventlog.verify.comparison import Comparison, extra_finding, finding_of, position_in
from parkstream_eventlog.verify.findings import Findings
from parkstream_eventlog.verify.index import IdIndex
from parkstream_eventlog.verify.records import Expectation, Expected, OriginOf, RecordCheck, as_compared
from parkstream_eventlog.verify.state import check_state
from parkstream_eventlog.verify.sums import SHIFT, Positions, Span, Sums, positions_of
from parkstream_eventlog.verify.tolerant_reader import first_readable, readable

RANGES_AT_ONCE: Final = 32
EXTRA_KEPT_MAX: Final = 100_000


def _ignore(_: int) -> None:
    """Watch nothing."""


class LogCheck:
    """Checks *log* up to where *state* says that it ends, and its id *index*; adds to *findings*.

    Who wants to learn from each record gives *origin_of*, and answers as *schema* would.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        log: LogReader,
        index: IdIndex,
        schema: Schema,
        state: LogState,
        findings: Findings,
        *,
        origin_of: OriginOf | None = None,
        dedupe_days: int = DEDUPE_DAYS,
    ) -> None:
        self._expectation = Expectation(schema)
        self._origin_of = origin_of or self._expectation.origin_of
        self._log = log
        self._index = index
        self._state = state
        self._findings = findings
        self._oldest_day = max(state.now_us // DAY_US - dedupe_days, state.ids_from_day)
        self._span = Span(1, state.position)
        self._extra: dict[tuple[int, bytes], int] = {}
        self._reported: set[tuple[int, bytes]] = set()

    @property
    def first(self) -> int:
        """The position that was begun with."""
        return self._span.first

    async def run(self, reached: Callable[[int], None] = _ignore) -> RecordCheck:
        """Check all, and return what was learnt of the records; ``reached(position)`` is called now and then."""
        self._span.first = await first_readable(self._log, self._state)
        check = RecordCheck(self._findings, self._oldest_day, self._span, self._expectation, self._origin_of)
        async for records in readable(self._log, self._span, self._findings):
            await asyncio.to_thread(check.take, records)
            reached(records[-1].position)
        check_state(self._state, check, self._span, self._findings)
        days = await self._index.days(self._oldest_day)
        await self._compare(check.sums.differing(await self._sums(days)), days)
        return check

    async def _sums(self, days: Iterable[int]) -> Sums:
        sums, positions = Sums(), self._span.quick
        for day in days:
            async for flat in self._index.entries(day):
                await asyncio.to_thread(add_entries, sums, day, flat, positions)
        return sums

    async def _compare(self, ranges: Sequence[int], days: Sequence[int]) -> None:
        """Compare entry by entry in *ranges* of positions, some at a time."""
        for start in range(0, len(ranges), RANGES_AT_ONCE):
            await self._compare_some(ranges[start : start + RANGES_AT_ONCE], days)
        for place, position in self._extra.items():
            if place not in self._reported:
                self._findings.add(extra_finding(place[1], position))

    async def _compare_some(self, ranges: Sequence[int], days: Iterable[int]) -> None:
        comparison, wanted = Comparison(), set(ranges)
        for part in ranges:
            await self._expect(comparison, *positions_of(part))
        for day in days:
            async for flat in self._index.entries(day):
                for field, value in zip(flat[::2], flat[1::2], strict=True):
                    position = position_in(value)
                    if position >> SHIFT in wanted and position in self._span:
                        comparison.see(day, field, value)
        await self._report(sorted(comparison.missing(), key=attrgetter("day")))
        if len(self._extra) < EXTRA_KEPT_MAX:
            self._extra.update(comparison.extra)

    async def _expect(self, comparison: Comparison, first: int, last: int) -> None:
        span = Span(max(first, self._span.first), min(last, self._span.last))
        async for records in readable(self._log, span, Findings(0)):
            for record in records:
                expected = self._expected(record) if record.position in self._span else None
                if expected is not None and expected.day >= self._oldest_day:
                    comparison.expect(expected)

    def _expected(self, record: Record) -> Expected | None:
        return self._expectation.of(record, self._expectation.origin_of(record))

    async def _report(self, missing: Iterable[Expected]) -> None:
        """Say of each of *missing*, sorted by day, what the index has in its place."""
        for day, group in groupby(missing, key=attrgetter("day")):
            wanted = list(group)
            actual = await self._index.values(day, [expected.entry[1] for expected in wanted])
            for expected, value in zip(wanted, actual, strict=True):
                repeated = value is not None and await self._is_at(expected, position_in(value))
                self._findings.add(finding_of(expected, value, repeated=repeated))
                self._reported.add(expected.entry[:2])

    async def _is_at(self, expected: Expected, position: int) -> bool:
        """Whether another record, at *position*, has the id of *expected*."""
        if position == expected.position or position not in self._span:
            return False
        (record,) = await self._log.read(position - 1, 1)
        found = self._expected(record)
        return found is not None and found.entry[:2] == expected.entry[:2]


def add_entries(sums: Sums, day: int, flat: Sequence[bytes], positions: Positions) -> None:
    """Add to *sums* the entries of *day*, fields and values in turn, that name one of *positions*."""
    for field, value in zip(flat[::2], flat[1::2], strict=True):
        digits = value[DIGEST_BYTES:]
        if digits.isdigit() and (position := int(digits)) in positions:
            sums[position >> SHIFT] += hash(as_compared(day, field, value))
