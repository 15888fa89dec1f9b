"""Which types of sightings the backends of a log can read: those of this program, and of others that were here.

So a program that meets a version that it does not know can distinguish one that a newer program takes from one that
nobody ever could.
"""

from typing import Any

from parkstream_events.keys import BackendKeys
from parkstream_events.wire import SIGHTING_TYPES, is_newer
from redis.asyncio import Redis


async def nobody(_: str) -> bool:
    """Know of no program that is newer."""
    return False


class ReadableTypes:
    """What all programs have announced that ever recorded to the log of *keys*."""

    def __init__(self, redis: Redis, keys: BackendKeys) -> None:
        self._redis: Any = redis  # Its own types are partial.
        self._key = keys.log_types

    async def announce(self) -> None:
        """Let everybody know what this program can read, before it records anything."""
        types = sorted(SIGHTING_TYPES)
        if None in await self._redis.execute_command("HMGET", self._key, *types):  # A full Redis refuses writes.
            await self._redis.execute_command("HSET", self._key, *(half for type_ in types for half in (type_, 1)))

    async def by_newer(self, type_: str) -> bool:
        """Whether *type_* is a version of a sighting that a newer program can read, and this one cannot."""
        return is_newer(type_) and bool(await self._redis.execute_command("HEXISTS", self._key, type_))
