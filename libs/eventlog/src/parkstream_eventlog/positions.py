"""Where in the log something is: at a time, or under an id."""

import re
from typing import Any

from parkstream_service.units import DAY_US
from redis.asyncio import Redis

from parkstream_eventlog.id_index import BRIEF_DAYS, TIME_BYTES, decision_field, event_field
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import DEDUPE_DAYS, DIGEST_BYTES, LogReader

SCANNED_AT_ONCE = 5_000


async def position_at(log: LogReader, at_us: int) -> int:
    """Return the first position that was recorded at *at_us* or later, one beyond the end when none was.

    Recorded times never go back, so it is found by halving. The archive is read only when it must be.
    """
    state = await log.state()
    first, beyond = state.archived_through + 1, state.position + 1
    oldest_us = await _recorded_at_us(log, first) if first < beyond else state.recorded_at_us
    if state.archived_through and oldest_us >= at_us:
        first, beyond = 1, first
    while first < beyond:
        middle = (first + beyond) // 2
        if await _recorded_at_us(log, middle) < at_us:
            first = middle + 1
        else:
            beyond = middle
    return first


async def _recorded_at_us(log: LogReader, position: int) -> int:
    (record,) = await log.read(position - 1, 1)
    return record.recorded_at_us


async def positions_of(redis: Redis, keys: LogKeys, id_: str, *, dedupe_days: int = DEDUPE_DAYS) -> list[int]:
    """Return the positions of the records with *id_* that the id index still knows: events and decisions.

    When an event happened is part of its identity, so the whole index is looked through.
    """
    untyped: Any = redis
    seconds, _ = await untyped.time()
    today = seconds * 1_000_000 // DAY_US
    found: set[bytes] = set()
    buckets = [keys.log_ids(today - ago) for ago in range(-1, dedupe_days + 2)]
    for key in [*buckets, *(keys.log_ids_brief(today - ago) for ago in range(-1, BRIEF_DAYS + 2))]:
        if (decided := await untyped.hget(key, decision_field(id_))) is not None:
            found.add(decided)
        async for _, value in untyped.hscan_iter(key, match=_pattern(id_), count=SCANNED_AT_ONCE):
            found.add(value)
    return sorted(int(value[DIGEST_BYTES:]) for value in found)


async def decided_at(redis: Redis, keys: LogKeys, id_: str, *, dedupe_days: int = DEDUPE_DAYS) -> int | None:
    """Return the position of the decision *id_*, if the id index still knows one."""
    untyped: Any = redis
    seconds, _ = await untyped.time()
    today = seconds * 1_000_000 // DAY_US
    async with untyped.pipeline(transaction=False) as pipeline:
        for ago in range(-1, dedupe_days + 2):
            pipeline.hget(keys.log_ids(today - ago), decision_field(id_))
        answers: list[bytes | None] = await pipeline.execute()
    return next((int(value[DIGEST_BYTES:]) for value in answers if value), None)


def _pattern(id_: str) -> bytes:
    """Return what matches the field of an event with *id_*: any letter but that of decisions, any time."""
    as_kept = event_field("X", 0, id_)[1 + TIME_BYTES :]
    return b"[^D]" + b"?" * TIME_BYTES + re.sub(rb"([*?\[\]\\^])", rb"\\\1", as_kept)
