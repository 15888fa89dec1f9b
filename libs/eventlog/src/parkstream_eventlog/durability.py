"""What a Redis must be like for the log: it keeps all that it acknowledged, and says how full it is.

The settings are asked for with every write, in the same round trip: anybody may change them at any time.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from parkstream_eventlog.errors import WeakDurabilityError

DURABLE: Final = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "aof-load-truncated": "no",
    "maxmemory-policy": "noeviction",
}
REPLICAS_TO_WRITE: Final = "min-replicas-to-write"
LAG_SECONDS_MAX: Final = 5
"""Replicas report once a second."""
SETTINGS: Final = ("CONFIG", "GET", *DURABLE)
"""The command that asks for them."""


def check_settings(answer: Any) -> None:  # noqa: ANN401 - as Redis answers, in either protocol
    """Raise ``WeakDurabilityError`` unless *answer*, to ``SETTINGS``, is that of a Redis that keeps everything."""
    if isinstance(answer, NoPermissionError | ResponseError):
        raise _not_allowed(answer) from answer
    if isinstance(answer, Exception):
        raise answer
    pairs: Iterable[tuple[bytes, bytes]] = (
        answer.items() if hasattr(answer, "items") else zip(answer[::2], answer[1::2], strict=True)
    )
    _check({name.decode(): value.decode() for name, value in pairs})


def check_rewritten(persistence: bytes) -> None:
    """Raise ``WeakDurabilityError`` while Redis writes its append-only file anew: until then the old one is read."""
    if b"aof_rewrite_in_progress:1" in persistence:
        raise WeakDurabilityError(["its append-only file is being written anew: wait until that is done"])


async def check_durability(redis: Redis) -> None:
    """Raise ``WeakDurabilityError`` unless *redis* keeps all that it acknowledged, and has done so since its start."""
    untyped: Any = redis
    try:
        found: dict[str, str] = await untyped.config_get(*DURABLE)
    except (NoPermissionError, ResponseError) as error:
        raise _not_allowed(error) from error
    _check(found)
    if evicted := (await untyped.info("stats"))["evicted_keys"]:
        problem = f"it has evicted {evicted} keys: see with parkstream log verify what is missing, restore that, then "
        raise WeakDurabilityError([problem + "CONFIG RESETSTAT"])


async def replicas_in_step(redis: Redis) -> int:
    """Return how many replicas follow *redis*, and reported that a moment ago."""
    untyped: Any = redis
    found: dict[str, Any] = await untyped.info("replication")
    states: list[dict[str, Any]] = [found[f"slave{number}"] for number in range(found["connected_slaves"])]
    return sum(one["state"] == "online" and int(one["lag"]) <= LAG_SECONDS_MAX for one in states)


async def check_left_alone(redis: Redis) -> None:
    """Raise ``WeakDurabilityError`` when *redis* would take writes without any replica, as an old primary."""
    untyped: Any = redis
    try:
        found: dict[str, str] = await untyped.config_get(REPLICAS_TO_WRITE)
    except (NoPermissionError, ResponseError) as error:
        raise _not_allowed(error) from error
    if found.get(REPLICAS_TO_WRITE) == "0":
        raise WeakDurabilityError(
            [f"{REPLICAS_TO_WRITE} is 0, so a primary that is cut off goes on: CONFIG SET it to 1, and in redis.conf"]
        )


def _check(found: Mapping[str, str]) -> None:
    problems = [
        f"{name} is {found.get(name)}: CONFIG SET {name} {wanted}, and in redis.conf"
        for name, wanted in DURABLE.items()
        if found.get(name) != wanted
    ]
    if problems:
        raise WeakDurabilityError(problems)


def _not_allowed(error: ResponseError) -> WeakDurabilityError:
    return WeakDurabilityError([f"CONFIG GET is refused ({error}): allow +config|get"])


async def memory_share(redis: Redis) -> float:
    """Return the share of ``maxmemory`` in use, as counted before writes are refused; 0 when there is no limit."""
    untyped: Any = redis
    memory: dict[str, int] = await untyped.info("memory")
    used = memory["used_memory"] - memory.get("mem_not_counted_for_evict", 0)
    maxmemory = memory["maxmemory"]
    return used / maxmemory if maxmemory else 0.0
