"""What a Redis must be like for the log, and how to talk to it."""

from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, ResponseError

SOCKET_TIMEOUT_SECONDS = 5.0
"""A call that blocks in Redis must ask for less."""
CONNECT_TIMEOUT_SECONDS = 2.0

DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


class WeakDurabilityError(Exception):
    """Redis may forget what it acknowledged; *problems* say how, and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Redis may forget what it acknowledged: " + "; ".join(problems))
        self.problems = problems


def connect(url: str, database: int = 0, *, name: str = "parkstream") -> Redis:
    """Return a client of *database* at *url* that never repeats a command by itself.

    Nothing is sent before the first command. Raises ``ValueError`` when the URL names a DB.
    """
    if urlsplit(url).path.strip("/") or "db=" in urlsplit(url).query:
        message = "the URL of Redis must not name a DB: each service has its own"
        raise ValueError(message)
    from_url: Callable[..., Redis] = cast("Any", Redis).from_url  # Its options are not typed.
    return from_url(
        url,
        db=database,
        protocol=2,
        client_name=name,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


async def check_durability(redis: Redis) -> None:
    """Raise ``WeakDurabilityError`` unless *redis* keeps all that it acknowledged, whatever happens to its process."""
    config_get: Callable[[str], Awaitable[dict[str, str]]] = cast("Any", redis).config_get
    try:
        found = {name: (await config_get(name)).get(name) for name in DURABLE}
    except (NoPermissionError, ResponseError) as error:
        raise WeakDurabilityError([f"CONFIG GET is refused ({error}): allow +config|get"]) from error
    problems = [
        f"{name} is {found[name]}: CONFIG SET {name} {wanted}, and in redis.conf"
        for name, wanted in DURABLE.items()
        if found[name] != wanted
    ]
    if problems:
        raise WeakDurabilityError(problems)


async def memory_share(redis: Redis) -> float:
    """Return the share of ``maxmemory`` in use, as counted before writes are refused; 0 when there is no limit."""
    memory: dict[str, int] = await cast("Any", redis).info("memory")
    used = memory["used_memory"] - memory.get("mem_not_counted_for_evict", 0)
    maxmemory = memory["maxmemory"]
    return used / maxmemory if maxmemory else 0.0
