"""What is to be found about a Redis: has it our functions and room, and does it keep what it acknowledged."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from parkstream_eventlog import WeakDurabilityError, check_durability, memory_share
from parkstream_eventlog.durability import DURABLE
from parkstream_service.redis import Library
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from parkstream_operations.findings import Finding, note, ok, version_of, wrong

OLDEST: Final = (7, 0)
FULL: Final = 0.8
LAZY: Final = "lazyfree-lazy-expire"
HIDDEN: Final = "this user of Redis may not see it"
ELSEWHERE: Final = "parkstream doctor looks at it as its own user"


async def of_redis(redis: Redis, libraries: Sequence[Library]) -> list[Finding]:
    """Return what a look at *redis*, which should have *libraries*, finds; raises what Redis raises."""
    looks: dict[str, Callable[[Redis], Awaitable[Finding]]] = {
        "Redis": _version,
        "functions": partial(_functions, libraries=libraries),
        "durability": _durability,
        "expiry": _lazy,
        "memory": _memory,
    }
    return [await _seen(about, look, redis) for about, look in looks.items()]


async def _seen(about: str, look: Callable[[Redis], Awaitable[Finding]], redis: Redis) -> Finding:
    try:
        return await look(redis)
    except NoPermissionError:
        return note(about, HIDDEN, ELSEWHERE)


async def _version(redis: Redis) -> Finding:
    untyped: Any = redis
    version: str = (await untyped.info("server"))["redis_version"]
    if version_of(version) < OLDEST:
        return wrong("Redis", f"version {version}", "use Redis 7.0 or later: the log is written by functions")
    return ok("Redis", f"version {version}")


async def _functions(redis: Redis, libraries: Sequence[Library]) -> Finding:
    untyped: Any = redis
    there = {library[1]: library for library in await untyped.execute_command("FUNCTION", "LIST", "WITHCODE")}
    missing = [one.versioned_name for one in libraries if one.versioned_name.encode() not in there]
    if missing:
        return wrong("functions", f"Redis has not got {', '.join(missing)}", "parkstream functions load")
    others = [one for one in libraries if one.source.encode() not in there[one.versioned_name.encode()]]
    if others:
        found = f"{', '.join(one.versioned_name for one in others)} are not those of this program"
        return wrong("functions", found, "find out who replaced them, then parkstream functions load")
    return ok("functions", "all are loaded, and as this program has them")


async def _lazy(redis: Redis) -> Finding:
    untyped: Any = redis
    if (await untyped.config_get(LAZY))[LAZY] != "yes":
        found = f"{LAZY} is no: each night a day of event ids is freed in one stop"
        return note("expiry", found, f"CONFIG SET {LAZY} yes, and in redis.conf")
    return ok("expiry", f"{LAZY} yes")


async def _durability(redis: Redis) -> Finding:
    try:
        await check_durability(redis)
    except WeakDurabilityError as error:
        return wrong("durability", "Redis may forget what it acknowledged", "; ".join(error.problems))
    return ok("durability", ", ".join(f"{name} {value}" for name, value in DURABLE.items()))


async def _memory(redis: Redis) -> Finding:
    share = await memory_share(redis)
    found = f"{share:.0%} of maxmemory in use" if share else "no maxmemory is set"
    if share >= FULL:
        return wrong("memory", found, "archive the log or raise maxmemory: until then recording pauses")
    return ok("memory", found)
