"""Which log is replayed, in words, so that another process can open it; and the lease that keeps it there."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from msgspec import Struct
from parkstream_eventlog import LogReader, RedisReader
from parkstream_eventlog.archive import spanning_reader
from parkstream_eventlog.leases import Lease, lease
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import connect
from redis.asyncio import Redis


class Source(Struct, frozen=True):
    """The log of *mall* in the Redis at *redis_url*, and in *archive_dir* what was archived of it."""

    redis_url: str
    mall: str
    archive_dir: str | None = None


@asynccontextmanager
async def opened(source: Source) -> AsyncGenerator[LogReader, None]:
    """Open *source* on a connection of its own."""
    redis = connect(source.redis_url, name="parkstream-replay")
    try:
        yield spanning_reader(RedisReader(redis, BackendKeys(source.mall)), source.archive_dir, source.mall)
    finally:
        await redis.aclose()


def leased(redis: Redis, keys: BackendKeys, what: str, position: int) -> AbstractAsyncContextManager[Lease]:
    """Keep what stands after *position* in the log while the block runs, for *what*."""
    return lease(redis, keys, f"{what} {secrets.token_hex(4)}", position)
