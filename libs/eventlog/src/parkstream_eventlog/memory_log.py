"""The log in memory, for tests and try-outs: the same promise, gone with the process."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from uuid import uuid4

from parkstream_service.units import DAY_US

from parkstream_eventlog.errors import GapError, LogShorterError, OtherLogError
from parkstream_eventlog.id_index import decision_field, event_field, place_of
from parkstream_eventlog.log import (
    CLOCK_AHEAD_MAX_US,
    DEDUPE_DAYS,
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    IdConflict,
    InFuture,
    Latest,
    LogState,
    Outcome,
    Overtaken,
    Record,
    TooOld,
    digest_of,
)
from parkstream_eventlog.schema import DECISION, Letters, Schema
from parkstream_eventlog.writer import Writer

Known = tuple[bytes, int]
"""Digest and position of an id."""


def wall_clock_us() -> int:
    """Return now, in microseconds since 1970."""
    return time.time_ns() // 1_000


class MemoryLog:
    """An ``EventLog`` in this process, timed by *clock* (microseconds since 1970); see ``RedisLog`` for *writer*."""

    def __init__(
        self,
        schema: Schema,
        clock: Callable[[], int] = wall_clock_us,
        *,
        writer: Writer | None = None,
        dedupe_days: int = DEDUPE_DAYS,
        clock_ahead_max_us: int = CLOCK_AHEAD_MAX_US,
    ) -> None:
        self.schema = schema
        self._letters = Letters(schema)
        self._clock = clock
        self._log_id = uuid4().hex
        self._writer = writer
        self._dedupe_days = dedupe_days
        self._clock_ahead_max_us = clock_ahead_max_us
        self._records: list[Record] = []
        self._archived_through = 0
        self._ids: defaultdict[int, dict[bytes, Known]] = defaultdict(dict)
        self._latest: dict[str, Latest] = {}
        self._recorded_at_us = 0
        self._grown = asyncio.Event()

    @property
    def _position(self) -> int:
        return self._archived_through + len(self._records)

    async def create(self) -> str:
        """See ``EventLog.create``; it was made with an id."""
        return self._log_id

    async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See ``EventLog.append``."""
        letters = [self._letters.of_event(candidate.type) for candidate in candidates]
        writer = self._checked_writer()
        today = self._tick()
        outcomes = [
            self._append_one(letter, candidate, today) for letter, candidate in zip(letters, candidates, strict=True)
        ]
        writer.reached(self._position)
        return outcomes

    def _checked_writer(self) -> Writer:
        """Return who writes; raise when another log is meant, or a longer one."""
        writer = self._writer = self._writer or Writer(self._log_id)
        if writer.log_id != self._log_id:
            raise OtherLogError(writer.log_id, self._log_id)
        if writer.durable_position > self._position:
            raise LogShorterError(writer.durable_position, self._position)
        return writer

    def _append_one(self, letter: str, candidate: Candidate, today: int) -> Outcome:
        day, of_day_us = divmod(candidate.event_time_us, DAY_US)
        if day < today - self._dedupe_days:
            return TooOld(today - self._dedupe_days)
        field = event_field(letter, of_day_us, candidate.id)
        known = self._ids[day].get(field)
        if known:
            return Duplicate(known[1]) if known[0] == digest_of(candidate.body) else IdConflict(known[1])
        latest_us = self._recorded_at_us + self._clock_ahead_max_us
        if candidate.event_time_us > latest_us:
            return InFuture(latest_us)
        appended = self._write(day, field, candidate)
        self._latest[candidate.category] = Latest(appended.position, appended.recorded_at_us)
        return appended

    async def decide(
        self, type_: str, id_: str, body: bytes, *, unless_after: tuple[Collection[str], int] | None
    ) -> DecideOutcome:
        """See ``EventLog.decide``."""
        writer, field = self._checked_writer(), decision_field(id_)
        today = self._tick()
        for bucket in self._ids.values():
            if field in bucket:
                return Duplicate(bucket[field][1])
        categories, position = unless_after or ((), 0)
        if any(latest.position > position for name, latest in self._latest.items() if name in categories):
            return Overtaken()
        appended = self._write(today, field, Candidate(type_, id_, body, self._recorded_at_us, ""))
        writer.reached(self._position)
        return appended

    def _tick(self) -> int:
        """Let recorded time pass, forget ids that are too old, and return today."""
        now_us = self._clock()
        self._recorded_at_us = max(now_us, self._recorded_at_us)
        today = now_us // DAY_US
        for day in [day for day in self._ids if day < today - self._dedupe_days - 1]:
            del self._ids[day]
        return today

    def _write(self, day: int, field: bytes, candidate: Candidate) -> Appended:
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
        self._ids[day][field] = (digest_of(candidate.body), position)
        self._grown.set()
        self._grown = asyncio.Event()
        return Appended(position, self._recorded_at_us)

    def take_over(self, records: Sequence[Record]) -> None:
        """Append *records* as they are, remembering their ids; an empty log begins with the first."""
        if not self._position:
            self._archived_through = records[0].position - 1
        oldest_day = self._clock() // DAY_US - self._dedupe_days
        for record in records:
            origin = self.schema.origin_of(record.type, record.body)
            self._records.append(record)
            if origin:
                self._latest[origin[1]] = Latest(record.position, record.recorded_at_us)
            day, field = self.place_of(record)
            if day >= oldest_day:
                self._ids[day][field] = (digest_of(record.body), record.position)
        self._recorded_at_us = records[-1].recorded_at_us
        self._grown.set()
        self._grown = asyncio.Event()

    def place_of(self, record: Record) -> tuple[int, bytes]:
        """Return the day and the field that the id of *record* is remembered under."""
        letter, origin = self._letters[record.type], None
        if letter != DECISION:
            origin = self.schema.origin_of(record.type, record.body)
        return place_of(record, letter, origin[0] if origin else None)

    def position_of(self, day: int, field: bytes) -> int | None:
        """Return the position that is remembered for a *field* of *day*, if one is."""
        return self._ids.get(day, {}).get(field, (b"", None))[1]

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
        return LogState(
            log_id=self._log_id,
            position=self._position,
            recorded_at_us=self._recorded_at_us,
            now_us=self._clock(),
            archived_through=self._archived_through,
            length=len(self._records),
            latest=dict(self._latest),
            earlier_ids={},
        )
