"""The log in memory, for tests and try-outs: the same promise, gone with the process."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence

from parkstream_service.units import DAY_US

from parkstream_eventlog.log import (
    DEDUPE_DAYS,
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    GapError,
    IdConflict,
    Letter,
    LogShorterError,
    LogState,
    Outcome,
    Overtaken,
    Record,
    TooOld,
    digest_of,
    letter_of,
    sighting_letter,
)

Known = tuple[bytes, int]
"""Digest and position of an id."""


def wall_clock_us() -> int:
    """Return now, in microseconds since 1970."""
    return time.time_ns() // 1_000


class MemoryLog:
    """An ``EventLog`` in this process, timed by *clock* (microseconds since 1970)."""

    def __init__(self, clock: Callable[[], int] = wall_clock_us, *, dedupe_days: int = DEDUPE_DAYS) -> None:
        self._clock = clock
        self._dedupe_days = dedupe_days
        self._records: list[Record] = []
        self._archived_through = 0
        self._ids: defaultdict[int, dict[tuple[Letter, str], Known]] = defaultdict(dict)
        self._latest: dict[Letter, tuple[int, int]] = {"E": (0, 0), "X": (0, 0), "D": (0, 0)}
        self._recorded_at_us = 0
        self._grown = asyncio.Event()

    @property
    def _position(self) -> int:
        return self._archived_through + len(self._records)

    async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See ``EventLog.append``."""
        letters: list[Letter] = [sighting_letter(candidate.type) for candidate in candidates]
        today = self._tick()
        return [
            self._append_one(letter, candidate, today) for letter, candidate in zip(letters, candidates, strict=True)
        ]

    def _append_one(self, letter: Letter, candidate: Candidate, today: int) -> Outcome:
        day = candidate.happened_at_us // DAY_US
        if day < today - self._dedupe_days:
            return TooOld(today - self._dedupe_days)
        known = self._ids[day].get((letter, candidate.id))
        if known:
            return Duplicate(known[1]) if known[0] == digest_of(candidate.body) else IdConflict(known[1])
        return self._write(letter, day, candidate)

    async def decide(self, type_: str, id_: str, body: bytes, *, unless_after: tuple[str, int] | None) -> DecideOutcome:
        """See ``EventLog.decide``."""
        today = self._tick()
        for bucket in self._ids.values():
            if ("D", id_) in bucket:
                return Duplicate(bucket["D", id_][1])
        if unless_after and self._latest[sighting_letter(unless_after[0])][0] > unless_after[1]:
            return Overtaken()
        return self._write("D", today, Candidate(type_, id_, body, self._recorded_at_us))

    def _tick(self) -> int:
        """Let recorded time pass, forget ids that are too old, and return today."""
        now_us = self._clock()
        self._recorded_at_us = max(now_us, self._recorded_at_us)
        today = now_us // DAY_US
        for day in [day for day in self._ids if day < today - self._dedupe_days - 1]:
            del self._ids[day]
        return today

    def _write(self, letter: Letter, day: int, candidate: Candidate) -> Appended:
        position = self._position + 1
        self._records.append(
            Record(
                position,
                candidate.type,
                candidate.id,
                candidate.body,
                self._recorded_at_us,
                candidate.published_at_us,
                candidate.traceparent,
            )
        )
        self._ids[day][letter, candidate.id] = (digest_of(candidate.body), position)
        self._latest[letter] = (position, self._recorded_at_us)
        self._grown.set()
        self._grown = asyncio.Event()
        return Appended(position, self._recorded_at_us)

    def take_over(self, records: Sequence[Record], days: Sequence[int]) -> None:
        """Append *records* as they are, remembering their ids under *days*; an empty log begins with the first."""
        if not self._position:
            self._archived_through = records[0].position - 1
        oldest_day = self._clock() // DAY_US - self._dedupe_days
        for record, day in zip(records, days, strict=True):
            letter = letter_of(record.type)
            self._records.append(record)
            self._latest[letter] = (record.position, record.recorded_at_us)
            if day >= oldest_day:
                self._ids[day][letter, record.id] = (digest_of(record.body), record.position)
        self._recorded_at_us = records[-1].recorded_at_us
        self._grown.set()
        self._grown = asyncio.Event()

    def position_of(self, letter: Letter, day: int, id_: str) -> int | None:
        """Return the position that is remembered for an id of *day*, if one is."""
        return self._ids.get(day, {}).get((letter, id_), (b"", None))[1]

    async def read(self, after: int, count: int) -> list[Record]:
        """See ``EventLog.read``."""
        if after > self._position:
            raise LogShorterError(after, self._position)
        start = after - self._archived_through
        if start < 0:
            raise GapError(after + 1, self._archived_through + 1)
        return self._records[start : start + count]

    async def follow(self, after: int, count: int) -> AsyncIterator[list[Record]]:
        """See ``EventLog.follow``."""
        while True:
            grown = self._grown
            records = await self.read(after, count)
            if records:
                after = records[-1].position
                yield records
            else:
                await grown.wait()

    async def wait_for(self, position: int) -> None:
        """See ``EventLog.wait_for``."""
        while self._position < position:
            await self._grown.wait()

    async def state(self) -> LogState:
        """See ``EventLog.state``."""
        entered, exited = self._latest["E"], self._latest["X"]
        return LogState(
            position=self._position,
            recorded_at_us=self._recorded_at_us,
            now_us=self._clock(),
            archived_through=self._archived_through,
            entered_position=entered[0],
            exited_position=exited[0],
            entered_at_us=entered[1],
            exited_at_us=exited[1],
            length=len(self._records),
        )
