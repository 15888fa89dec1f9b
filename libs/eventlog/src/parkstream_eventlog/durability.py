"""What a Redis must be like for the log: it keeps all that it acknowledged, and says how full it is."""

from typing import Any, Final

from parkstream_service.redis import is_transient
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

DURABLE: Final = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


class WeakDurabilityError(Exception):
    """Redis may forget what it acknowledged; *problems* say how, and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Redis may forget what it acknowledged: " + "; ".join(problems))
        self.problems = problems


async def check_durability(redis: Redis) -> None:
    """Raise ``WeakDurabilityError`` unless *redis* keeps all that it acknowledged, whatever happens to its process."""
    untyped: Any = redis
    try:
        found: dict[str, str | None] = {name: (await untyped.config_get(name)).get(name) for name in DURABLE}
    except (NoPermissionError, ResponseError) as error:
        if is_transient(error) and not isinstance(error, NoPermissionError):
            raise
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
    untyped: Any = redis
    memory: dict[str, int] = await untyped.info("memory")
    used = memory["used_memory"] - memory.get("mem_not_counted_for_evict", 0)
    maxmemory = memory["maxmemory"]
    return used / maxmemory if maxmemory else 0.0
