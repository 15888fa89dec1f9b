"""Takes archived records out of the stream, never past somebody who still wants them."""

from typing import Final, NamedTuple

from redis.asyncio import Redis

from parkstream_eventlog.archive.errors import BarrierError, OvertakenError
from parkstream_eventlog.functions import LOG
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.leases import leases
from parkstream_eventlog.writer import Writer

TRIM_MAX: Final = 10_000
"""Records that one call takes away: Redis does nothing else for about a millisecond."""
DONE: Final = 0
MOVED: Final = 1
BARRED: Final = 3
FIRST_VERSION: Final = "1"


class Barrier(NamedTuple):
    """Who wants what stands after *position*: a projection, or a lease that ends at *until_us* unless renewed."""

    kind: str
    name: str
    position: int
    until_us: int = 0

    def error(self, through: int) -> BarrierError:
        """Return the error for who wants to archive *through*."""
        return BarrierError(self.kind, self.name, self.position, self.until_us, through)


class Trimming:
    """Trims the log of *keys*."""

    def __init__(self, redis: Redis, keys: LogKeys, writer: Writer | None = None) -> None:
        self._redis = redis
        self._keys = keys
        self._functions = GuardedFunctions(redis, LOG, keys, writer)

    async def barriers(self) -> list[Barrier]:
        """Return who may be in the way, the one that wants most first."""
        found = [Barrier("lease", *leased) for leased in await leases(self._redis, self._keys)]
        for version in await self._versions():
            checkpoint = await self._functions.execute("HGET", self._meta(version), "checkpoint")
            if checkpoint is not None or version != FIRST_VERSION:
                found.append(Barrier("projection", version, int(checkpoint or 0)))
        return sorted(found, key=lambda barrier: barrier.position)

    async def trim(self, archived_through: int, through: int) -> None:
        """Take away the records after *archived_through* up to *through*, in steps of which each is complete.

        Raises ``BarrierError`` when a projection or a lease is in the way, ``OvertakenError`` when the log is not
        archived through *archived_through*.
        """
        while archived_through < through:
            step = min(archived_through + TRIM_MAX, through)
            if await self._step(archived_through, step, through):
                archived_through = step

    async def _step(self, archived_through: int, step: int, through: int) -> bool:
        """Trim once; return whether it was done: it is not when there is a new projection, which must be asked too."""
        versions = sorted({*await self._versions(), FIRST_VERSION})
        keys = (self._keys.log, self._keys.log_meta, self._keys.projections, self._keys.log_leases)
        answer = await self._functions.write(
            "trim", (*keys, *map(self._meta, versions)), (archived_through, step, *versions)
        )
        if answer[0] == MOVED:
            raise OvertakenError(answer[1])
        if answer[0] == BARRED:
            _, kind, name, position, until_us = answer
            raise Barrier(kind.decode(), name.decode(), position, until_us).error(through)
        return bool(answer[0] == DONE)

    async def _versions(self) -> list[str]:
        members: list[bytes] = await self._functions.execute("SMEMBERS", self._keys.projections)
        return [member.decode() for member in members] or [FIRST_VERSION]

    def _meta(self, version: str) -> str:
        return self._keys.projection(int(version), "meta")
