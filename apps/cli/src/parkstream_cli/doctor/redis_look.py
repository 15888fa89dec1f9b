"""A look at Redis for what is only of interest when it answers."""

from collections.abc import Awaitable, Callable

from parkstream_operations.findings import Finding
from parkstream_service.redis import Client, connect
from redis.exceptions import RedisError


async def if_there(url: str, look: Callable[[Client], Awaitable[list[Finding]]]) -> list[Finding]:
    """Return what *look* finds in the Redis at *url*; nothing when it does not answer, which is reported of Redis."""
    try:
        redis = connect(url)
    except ValueError:
        return []
    try:
        return await look(redis)
    except (RedisError, OSError):
        return []
    finally:
        await redis.aclose()
