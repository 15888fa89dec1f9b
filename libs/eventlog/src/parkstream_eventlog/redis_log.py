"""The log in a Redis stream, written by the functions in ``lua`` only."""

import time
from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import uuid4

from parkstream_service.redis import Replicas
from parkstream_service.units import DAY_US
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_eventlog.durability import SETTINGS, check_rewritten, check_settings
from parkstream_eventlog.errors import WeakDurabilityError
from parkstream_eventlog.id_index import BRIEF_DAYS, event_field
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import (
    APPEND_MAX,
    CLOCK_AHEAD_MAX_US,
    DEDUPE_DAYS,
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    IdConflict,
    InFuture,
    Outcome,
    Overtaken,
    TooOld,
    digest_of,
)
from parkstream_eventlog.redis_reader import RedisReader
from parkstream_eventlog.schema import Letters, Schema, is_brief
from parkstream_eventlog.writer import STEP_STANDS_SECONDS, Writer, refusal_of, writer_here

FORGOTTEN_DAYS: Final = 400
"""How far back it is looked for ids that were not forgotten in time, since no backend ran."""


class RedisLog(RedisReader):
    """An ``EventLog`` in *redis*, whose client must not repeat commands by itself (see ``connect``).

    *writer* says which log is meant; without one it is the log that is there when this one first writes. A write to a
    Redis that may forget it raises ``WeakDurabilityError``: it may be there, and counts as not written. So does what is
    not on the *replicas* that it has to be on: ``ReplicasBehindError``.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        redis: Redis,
        keys: LogKeys,
        schema: Schema,
        *,
        writer: Writer | None = None,
        replicas: Replicas | None = None,
        dedupe_days: int = DEDUPE_DAYS,
        clock_ahead_max_us: int = CLOCK_AHEAD_MAX_US,
        step_stands_seconds: float = STEP_STANDS_SECONDS,
    ) -> None:
        super().__init__(redis, keys)
        self._schema = schema
        self._letters = Letters(schema)
        self._writer = writer
        self._replicas = replicas
        self._dedupe_days = dedupe_days
        self._clock_ahead_max_us = clock_ahead_max_us
        self._step_stands_seconds = step_stands_seconds
        self._was_weak = False
        self._forgotten_on = 0

    async def create(self) -> str:
        """See ``EventLog.create``."""
        log_id = await self._functions.call("create", (self._keys.log, self._keys.log_meta), (uuid4().hex,))
        if self._writer is None:
            self._writer = await writer_here(self._execute, self._keys, self._step_stands_seconds)
        return str(log_id.decode())

    async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """See ``EventLog.append``."""
        if len(candidates) > APPEND_MAX:
            return [
                outcome
                for start in range(0, len(candidates), APPEND_MAX)
                for outcome in await self.append(candidates[start : start + APPEND_MAX])
            ]
        if not candidates:
            return []
        days, groups, events = _flattened(candidates, self._letters)
        buckets = [self._keys.log_ids(day) for day in days]
        arguments = (self._dedupe_days, self._clock_ahead_max_us, *days, len(groups) // 2, *groups, *events)
        recorded_at_us, *codes = await self._write("append", buckets, arguments)
        latest_us = recorded_at_us + self._clock_ahead_max_us
        return [_refusal(code, latest_us) if code & 7 else Appended(code >> 3, recorded_at_us) for code in codes]

    async def decide(
        self, type_: str, id_: str, body: bytes, *, unless_after: tuple[Collection[str], int] | None
    ) -> DecideOutcome:
        """See ``EventLog.decide``."""
        categories, position = unless_after or ((), 0)
        seconds, _ = await self._execute("TIME")
        newest_day = int(seconds) * 1_000_000 // DAY_US + 1
        brief = is_brief(self._schema, type_)
        key_of, days = (self._keys.log_ids_brief, BRIEF_DAYS) if brief else (self._keys.log_ids, self._dedupe_days)
        buckets = [key_of(newest_day - ago) for ago in range(days + 2)]
        arguments = (self._dedupe_days, newest_day, type_, id_, body, digest_of(body), position, *categories)
        recorded_at_us, code = await self._write("decide", buckets, arguments)
        match code & 7:
            case 0:
                return Appended(code >> 3, recorded_at_us)
            case 1:
                return Duplicate(code >> 3)
            case _:
                return Overtaken()

    async def _write(self, function: str, buckets: Sequence[str], arguments: Sequence[Any]) -> list[int]:
        """Call *function* for the log that is meant; return its answer, without where the log ends."""
        recorded_at_us, position, *codes = await self._call(function, buckets, arguments, self._replicas)
        self._reached(position)
        if self._replicas is not None and self._writer is not None:
            self._writer.confirmed(position)
        return [recorded_at_us, *codes]

    async def examine(self) -> int:
        """Raise what a write would raise; return how many steps of Redis' clock have been taken so far.

        Once a day it also forgets the ids of events that are too old.
        """
        position, clock_steps = await self._call("examine", (), ())
        self._reached(position)
        today = time.time_ns() // 1_000 // DAY_US
        if today != self._forgotten_on:
            for key_of, kept, noted in (
                (self._keys.log_ids, self._dedupe_days, 1),
                (self._keys.log_ids_brief, BRIEF_DAYS, 0),
            ):
                days = range(today - kept - 1 - FORGOTTEN_DAYS, today - kept - 1)
                await self._call("forget", [key_of(day) for day in days], (kept, noted, *days))
            self._forgotten_on = today
        return clock_steps

    async def take_clock(self) -> tuple[int, int]:
        """Take Redis' clock as it is, though it has stepped; return what it shows, and the last record's time."""
        now_us, recorded_at_us = await self._call("take_clock", (), ())
        return now_us, recorded_at_us

    async def _check_durability(self, settings: Any) -> None:  # noqa: ANN401 - as Redis answers
        """Raise ``WeakDurabilityError`` while Redis may forget; once it was so, until its file is whole again, too."""
        try:
            check_settings(settings)
        except WeakDurabilityError:
            self._was_weak = True
            raise
        if self._was_weak:
            check_rewritten(await self._execute("INFO", "persistence"))
            self._was_weak = False

    def _reached(self, position: int) -> None:
        if self._writer is not None:
            self._writer.reached(position)

    async def _call(
        self, function: str, buckets: Sequence[str], arguments: Sequence[Any], replicas: Replicas | None = None
    ) -> list[int]:
        """Call *function* for the log that is meant, in a Redis that keeps what it acknowledges, as *replicas* do."""
        if self._writer is None:
            self._writer = await writer_here(self._execute, self._keys, self._step_stands_seconds)
        caller = self._writer.caller()
        keys = (self._keys.log, self._keys.log_meta, *buckets)
        arguments = (*caller, *arguments)
        try:
            if replicas is None:
                answer, settings = await self._functions.call_then(function, keys, arguments, SETTINGS)
            else:
                answer, settings = await replicas.call_then(self._functions, function, keys, arguments, SETTINGS)
        except ResponseError as error:
            refusal = refusal_of(error, caller) or error
            self._writer.refused(refusal, caller)
            raise refusal from None
        await self._check_durability(settings)
        found: list[int] = answer
        return found


def _flattened(candidates: Sequence[Candidate], letters: Letters) -> tuple[list[int], list[Any], list[Any]]:
    """Return the days on which *candidates* happened, their groups (day and category), and their arguments."""
    days: dict[int, int] = {}
    numbers: dict[tuple[int, str], int] = {}
    events: list[Any] = []
    letter_of = letters.of_event
    for type_, id_, body, event_time_us, category, published_at_us, traceparent in candidates:
        day, of_day_us = divmod(event_time_us, DAY_US)
        group = numbers.get((day, category))
        if group is None:
            days.setdefault(day, len(days) + 1)
            group = numbers[day, category] = len(numbers) + 1
        published = "" if published_at_us is None else published_at_us
        field = event_field(letter_of(type_), of_day_us, id_)
        events += (group, field, type_, body, digest_of(body), published, traceparent or "")
    groups = [half for day, category in numbers for half in (days[day], category)]
    return list(days), groups, events


def _refusal(code: int, latest_us: int) -> Outcome:
    value = code >> 3
    match code & 7:
        case 1:
            return Duplicate(value)
        case 2:
            return IdConflict(value)
        case 5:
            return InFuture(latest_us)
        case _:
            return TooOld(value)
