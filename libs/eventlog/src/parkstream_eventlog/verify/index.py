"""The id index in Redis, read in batches."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from parkstream_service.redis import Functions
from redis.asyncio import Redis

from parkstream_eventlog.functions import LOG
from parkstream_eventlog.keys import LogKeys

SCAN_COUNT: Final = 2_000
ASKED_MAX: Final = 500


class IdIndex:
    """The ids that the log in *redis* remembers."""

    def __init__(self, redis: Redis, keys: LogKeys) -> None:
        self._keys = keys
        self._execute = Functions(redis, LOG).execute

    async def days(self, oldest: int) -> list[int]:
        """Return the days from *oldest* on of which ids are remembered."""
        prefix = self._keys.log_ids(0)[:-1]
        pattern = "".join(f"\\{sign}" if sign in "*?[]\\^" else sign for sign in prefix) + "*"
        found: set[int] = set()
        cursor = b""
        while cursor != b"0":
            cursor, keys = await self._execute("SCAN", cursor or b"0", "MATCH", pattern, "COUNT", SCAN_COUNT)
            found.update(int(key[len(prefix.encode()) :]) for key in keys)
        return sorted(day for day in found if day >= oldest)

    async def entries(self, day: int) -> AsyncIterator[list[bytes]]:
        """Yield what is remembered of *day*: field, value, field, value …; some may come twice."""
        cursor = b""
        while cursor != b"0":
            cursor, flat = await self._execute("HSCAN", self._keys.log_ids(day), cursor or b"0", "COUNT", SCAN_COUNT)
            yield flat

    async def values(self, day: int, fields: Sequence[bytes]) -> list[bytes | None]:
        """Return what is remembered of *day* under each of *fields*."""
        found: list[bytes | None] = []
        for start in range(0, len(fields), ASKED_MAX):
            found += await self._execute("HMGET", self._keys.log_ids(day), *fields[start : start + ASKED_MAX])
        return found
