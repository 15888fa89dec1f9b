"""Where everything stands, for who waits for it without a loop, or in one of his own: tests and benchmarks."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from parkstream_eventlog import RedisReader
from parkstream_events.keys import BackendKeys, Database
from parkstream_projection import Outbox, Reads
from parkstream_projection.overview import Overview, overview
from parkstream_service.redis import connect


def overview_of(redis_url: str, mall: str) -> Overview:
    """Return where the log of *mall* in the Redis at *redis_url* stands, its visits and its outbox."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _look(redis_url, mall)).result()


async def _look(redis_url: str, mall: str) -> Overview:
    redis, keys = connect(redis_url, Database.BACKEND, name="parkstream-looks"), BackendKeys(mall)
    try:
        return await overview(RedisReader(redis, keys), Reads(redis, keys), Outbox(redis, keys))
    finally:
        await redis.aclose()
