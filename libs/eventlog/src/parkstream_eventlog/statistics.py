"""How much the log holds, how fast it grows, and what of."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from msgspec import Struct
from parkstream_service.units import DAY_US, SECOND_US
from redis.asyncio import Redis

from parkstream_eventlog.errors import GapError
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import DEDUPE_DAYS, EventLog, LogState
from parkstream_eventlog.positions import position_at

SAMPLES: Final = 10
BATCH: Final = 1_000
RATES: Final = {"10 s": 10, "minute": 60, "hour": 3_600}


class End(Struct, frozen=True):
    """The oldest or newest record."""

    position: int
    recorded_at: datetime
    age_seconds: float


class Types(Struct, frozen=True):
    """How many of *records* are of which type; those are all, or a sample."""

    are: Literal["exact", "sampled"]
    records: int
    counts: dict[str, int]


class Figures(Struct, frozen=True):
    """How the log stands; sizes in bytes, as Redis estimates them unless ``types.are`` exact."""

    records: int
    archived: int
    in_redis: int
    stream_bytes: int
    index_bytes: int
    bytes_per_record: float | None
    per_second: dict[str, float | None]
    """Over the last 10 s, minute and hour; None where that began in an archive that is not here."""
    oldest: End | None
    newest: End | None
    types: Types


async def figures(
    log: EventLog, redis: Redis, keys: LogKeys, reached: Callable[[int, int], None], *, exact: bool
) -> Figures:
    """Return the figures of the log; *exact* looks at every record."""
    state = await log.state()
    stream = await _memory(redis, keys.log, exact=exact)
    today = state.now_us // DAY_US
    days = range(today - DEDUPE_DAYS - 1, today + 2)
    index = sum([await _memory(redis, keys.log_ids(day), exact=exact) for day in days])
    return Figures(
        records=state.position,
        archived=state.archived_through,
        in_redis=state.length,
        stream_bytes=stream,
        index_bytes=index,
        bytes_per_record=round((stream + index) / state.length, 1) if state.length else None,
        per_second={name: await _rate(log, state, seconds) for name, seconds in RATES.items()},
        oldest=await _oldest(log, state),
        newest=await _end(log, state, state.position),
        types=await _types(log, state, reached, exact=exact),
    )


async def _memory(redis: Redis, key: str, *, exact: bool) -> int:
    untyped: Any = redis
    return int(await untyped.memory_usage(key, samples=0 if exact else None) or 0)


async def _rate(log: EventLog, state: LogState, seconds: int) -> float | None:
    try:
        since = await position_at(log, state.now_us - seconds * SECOND_US)
    except GapError:
        return None
    return max(0, state.position + 1 - since) / seconds


async def _oldest(log: EventLog, state: LogState) -> End | None:
    """Return the first record, or the first in Redis when the archive is not here."""
    try:
        return await _end(log, state, 1)
    except GapError:
        return await _end(log, state, state.archived_through + 1)


async def _end(log: EventLog, state: LogState, position: int) -> End | None:
    if not 1 <= position <= state.position:
        return None
    (record,) = await log.read(position - 1, 1)
    age_us = max(0, state.now_us - record.recorded_at_us)
    return End(
        position, datetime.fromtimestamp(0, UTC) + timedelta(microseconds=record.recorded_at_us), age_us / SECOND_US
    )


async def _types(log: EventLog, state: LogState, reached: Callable[[int, int], None], *, exact: bool) -> Types:
    """Count all records, or some in batches that lie evenly over those in Redis."""
    first, count = state.archived_through + 1, state.length
    if exact:
        first, count = 1, state.position
    everything = exact or count <= SAMPLES * BATCH
    step = BATCH if everything else count // SAMPLES
    counts: Counter[str] = Counter()
    for begin in range(first, first + count, step):
        records = await log.read(begin - 1, min(BATCH, first + count - begin))
        counts.update(record.type for record in records)
        reached(begin - first + len(records), count)
    return Types("exact" if everything else "sampled", counts.total(), dict(counts))
