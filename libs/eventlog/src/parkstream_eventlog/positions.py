"""Where in the log something is: at a time, or under an id."""

from typing import Any

from parkstream_events.keys import BackendKeys
from parkstream_service.units import DAY_US
from redis.asyncio import Redis

from parkstream_eventlog.log import DEDUPE_DAYS, DIGEST_BYTES, EventLog

LETTERS = ("E", "X", "D")


async def position_at(log: EventLog, at_us: int) -> int:
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


async def _recorded_at_us(log: EventLog, position: int) -> int:
    (record,) = await log.read(position - 1, 1)
    return record.recorded_at_us


async def positions_of(redis: Redis, keys: BackendKeys, id_: str, *, dedupe_days: int = DEDUPE_DAYS) -> list[int]:
    """Return the positions of the records with *id_* that the id index still knows: sightings and decisions."""
    untyped: Any = redis
    seconds, _ = await untyped.time()
    today = seconds * 1_000_000 // DAY_US
    fields = [f"{letter}:{id_}" for letter in LETTERS]
    async with untyped.pipeline(transaction=False) as pipeline:
        for ago in range(-1, dedupe_days + 2):
            pipeline.hmget(keys.log_ids(today - ago), fields)
        answers: list[list[bytes | None]] = await pipeline.execute()
    return sorted({int(value[DIGEST_BYTES:]) for values in answers for value in values if value})
