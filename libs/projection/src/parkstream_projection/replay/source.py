"""Which log is replayed: said in words, so that another process can open it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from msgspec import Struct
from parkstream_eventlog import EventLog, RedisLog, connect
from parkstream_events.keys import BackendKeys


class Source(Struct, frozen=True):
    """The log of *mall* in the Redis at *redis_url*, and in *archive_dir* what was archived of it."""

    redis_url: str
    mall: str
    archive_dir: str | None = None


@asynccontextmanager
async def opened(source: Source) -> AsyncGenerator[EventLog, None]:
    """Open *source* on a connection of its own."""
    redis = connect(source.redis_url, name="parkstream-replay")
    try:
        yield RedisLog(redis, BackendKeys(source.mall))
    finally:
        await redis.aclose()
