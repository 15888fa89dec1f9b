"""The log in a Redis stream, written by the functions in ``functions.lua`` only."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from parkstream_events import wire
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import Functions
from parkstream_service.units import DAY_US
from redis.asyncio import Redis

from parkstream_eventlog.functions import LOG
from parkstream_eventlog.log import (
    APPEND_MAX,
    DEDUPE_DAYS,
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    GapError,
    IdConflict,
    LogShorterError,
    LogState,
    Outcome,
    Overtaken,
    Record,
    TooOld,
    digest_of,
    sighting_letter,
)

BLOCK_MS = 2_000
"""How long to wait for news in one call; well below the socket timeout."""

_META = tuple(name for name in LogState._fields if name not in {"now_us", "length"})
_STATE = "return { redis.call('TIME'), redis.call('HMGET', KEYS[2], unpack(ARGV)), redis.call('XLEN', KEYS[1]) }"
"""In one step, and also while Redis is full, when it allows no transaction."""
_TYPES = {
    name.encode(): name
    for name in (*wire.SIGHTING_TYPES, wire.WATERMARK_ADVANCED, wire.RULES_CHANGED, wire.RECORD_ACKNOWLEDGED)
}


class RedisLog:
    """An ``EventLog`` in *redis*, whose client must not repeat commands by itself (see ``connect``)."""

    def __init__(self, redis: Redis, keys: BackendKeys, *, dedupe_days: int = DEDUPE_DAYS) -> None:
        self._keys = keys
        self._dedupe_days = dedupe_days
        self._functions = Functions(redis, LOG)
        self._execute = self._functions.execute

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
        days, events = _flattened(candidates)
        buckets = [self._keys.log_ids(day) for day in days]
        recorded_at_us, *codes = await self._call("append", buckets, (self._dedupe_days, *days, *events))
        return [_refusal(code) if code & 7 else Appended(code >> 3, recorded_at_us) for code in codes]

    async def decide(self, type_: str, id_: str, body: bytes, *, unless_after: tuple[str, int] | None) -> DecideOutcome:
        """See ``EventLog.decide``."""
        letter, position = (sighting_letter(unless_after[0]), unless_after[1]) if unless_after else ("", 0)
        seconds, _ = await self._execute("TIME")
        newest_day = int(seconds) * 1_000_000 // DAY_US + 1
        buckets = [self._keys.log_ids(newest_day - ago) for ago in range(self._dedupe_days + 2)]
        arguments = (self._dedupe_days, newest_day, type_, id_, body, digest_of(body), letter, position)
        recorded_at_us, code = await self._call("decide", buckets, arguments)
        match code & 7:
            case 0:
                return Appended(code >> 3, recorded_at_us)
            case 1:
                return Duplicate(code >> 3)
            case _:
                return Overtaken()

    async def read(self, after: int, count: int) -> list[Record]:
        """See ``EventLog.read``."""
        records = await self._range(after, count)
        if records:
            return records
        position = await self._position()
        if position < after:
            raise LogShorterError(after, position)
        if position > after:
            records = await self._range(after, count)
            if not records:
                raise GapError(after + 1, position + 1)
        return records

    async def follow(self, after: int, count: int) -> AsyncIterator[list[Record]]:
        """See ``EventLog.follow``."""
        records = await self.read(after, count)
        while True:
            if records:
                after = records[-1].position
                yield records
            records = await self._next(after, count) or await self.read(after, count)

    async def wait_for(self, position: int) -> None:
        """See ``EventLog.wait_for``."""
        while await self._position() < position:
            await self._execute("XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", self._keys.log, f"{position - 1}-0")

    async def state(self) -> LogState:
        """See ``EventLog.state``."""
        answer = await self._execute("EVAL_RO", _STATE, 2, self._keys.log, self._keys.log_meta, *_META)
        (seconds, microseconds), meta, length = answer
        now_us = int(seconds) * 1_000_000 + int(microseconds)
        fields = {name: int(value or 0) for name, value in zip(_META, meta, strict=True)}
        return LogState(now_us=now_us, length=length, **fields)

    async def _position(self) -> int:
        return int(await self._execute("HGET", self._keys.log_meta, "position") or 0)

    async def _range(self, after: int, count: int) -> list[Record]:
        entries = await self._execute("XRANGE", self._keys.log, f"{after + 1}-0", "+", "COUNT", count)
        return _records(entries, after)

    async def _next(self, after: int, count: int) -> list[Record]:
        """Wait for what comes after *after*, but not for ever."""
        answer: Any = await self._execute(
            "XREAD", "COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", self._keys.log, f"{after}-0"
        )
        if not answer:
            return []
        entries: Any = answer[self._keys.log.encode()] if hasattr(answer, "keys") else answer[0][1]  # RESP3, RESP2
        return _records(entries, after)

    async def _call(self, function: str, buckets: list[str], arguments: Sequence[Any]) -> list[int]:
        answer: list[int] = await self._functions.call(
            function, (self._keys.log, self._keys.log_meta, *buckets), arguments
        )
        return answer


def _flattened(candidates: Sequence[Candidate]) -> tuple[list[int], list[Any]]:
    """Return the days on which *candidates* happened, and their arguments without any nesting."""
    buckets: dict[int, int] = {}
    events: list[Any] = []
    for type_, id_, body, happened_at_us, published_at_us, traceparent in candidates:
        bucket = buckets.setdefault(happened_at_us // DAY_US, len(buckets) + 1)
        published = "" if published_at_us is None else published_at_us
        field = f"{sighting_letter(type_)}:{id_}"
        events += (bucket, field, type_, body, digest_of(body), published, traceparent or "")
    return list(buckets), events


def _refusal(code: int) -> Outcome:
    value = code >> 3
    match code & 7:
        case 1:
            return Duplicate(value)
        case 2:
            return IdConflict(value)
        case _:
            return TooOld(value)


def _records(entries: list[Any], after: int) -> list[Record]:
    """Return the records of stream *entries*; raise ``GapError`` unless they are dense from *after* + 1."""
    records = [
        Record(
            int(entry_id[:-2]),
            _TYPES.get(type_) or type_.decode(),
            id_.decode(),
            body,
            int(recorded),
            int(published) if published else None,
            traceparent.decode() if traceparent else None,
        )
        for entry_id, (_, type_, _, id_, _, body, _, recorded, _, published, _, traceparent) in entries
    ]
    # Stream ids only grow, so the ends tell.
    if records and records[-1].position != after + len(records):
        expected, found = next(
            (after + nth, record.position) for nth, record in enumerate(records, 1) if record.position != after + nth
        )
        raise GapError(expected, found)
    return records
