"""The log in a Redis stream, written by the functions in ``lua`` only."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import uuid4

from parkstream_service.units import DAY_US
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_eventlog.durability import SETTINGS, check_settings
from parkstream_eventlog.id_index import event_field
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import (
    APPEND_MAX,
    DEDUPE_DAYS,
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    IdConflict,
    Outcome,
    Overtaken,
    TooOld,
    digest_of,
)
from parkstream_eventlog.redis_reader import RedisReader
from parkstream_eventlog.schema import Letters, Schema
from parkstream_eventlog.writer import Writer, refusal_of, writer_here


class RedisLog(RedisReader):
    """An ``EventLog`` in *redis*, whose client must not repeat commands by itself (see ``connect``).

    *writer* says which log is meant; without one it is the log that is there when this one first writes. A write to a
    Redis that may forget it raises ``WeakDurabilityError``: it may be there, and counts as not written.
    """

    def __init__(
        self,
        redis: Redis,
        keys: LogKeys,
        schema: Schema,
        *,
        writer: Writer | None = None,
        dedupe_days: int = DEDUPE_DAYS,
    ) -> None:
        super().__init__(redis, keys)
        self._letters = Letters(schema)
        self._writer = writer
        self._dedupe_days = dedupe_days

    async def create(self) -> str:
        """See ``EventLog.create``."""
        log_id = await self._functions.call("create", (self._keys.log, self._keys.log_meta), (uuid4().hex,))
        self._writer = self._writer or await writer_here(self._execute, self._keys)
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
        arguments = (self._dedupe_days, *days, len(groups) // 2, *groups, *events)
        recorded_at_us, *codes = await self._write("append", buckets, arguments)
        return [_refusal(code) if code & 7 else Appended(code >> 3, recorded_at_us) for code in codes]

    async def decide(
        self, type_: str, id_: str, body: bytes, *, unless_after: tuple[Collection[str], int] | None
    ) -> DecideOutcome:
        """See ``EventLog.decide``."""
        categories, position = unless_after or ((), 0)
        seconds, _ = await self._execute("TIME")
        newest_day = int(seconds) * 1_000_000 // DAY_US + 1
        buckets = [self._keys.log_ids(newest_day - ago) for ago in range(self._dedupe_days + 2)]
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
        writer = self._writer = self._writer or await writer_here(self._execute, self._keys)
        caller = writer.caller()
        keys = (self._keys.log, self._keys.log_meta, *buckets)
        try:
            answer, settings = await self._functions.call_then(function, keys, (*caller, *arguments), SETTINGS)
        except ResponseError as error:
            raise refusal_of(error, caller) or error from None
        check_settings(settings)
        recorded_at_us, position, *codes = answer
        writer.reached(position)
        return [recorded_at_us, *codes]


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


def _refusal(code: int) -> Outcome:
    value = code >> 3
    match code & 7:
        case 1:
            return Duplicate(value)
        case 2:
            return IdConflict(value)
        case _:
            return TooOld(value)
