"""Who reads the log and may need what stands after a position: nothing of it is archived while the lease lasts."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from parkstream_service.lifecycle import cancel
from parkstream_service.redis import Functions, is_transient
from parkstream_service.retry import retried
from redis.asyncio import Redis

from parkstream_eventlog.functions import LOG
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_eventlog.keys import LogKeys

LEASE_SECONDS: Final = 60.0
RENEW_SECONDS: Final = 20.0
MOVE_SECONDS: Final = 1.0
"""How often a move is written at most."""
AGAIN_SECONDS: Final = 1.0
"""After how long, at least, a renewal is tried again that Redis did not take."""


class Leased(NamedTuple):
    """What Redis knows of a lease: nothing after *position* is archived until *until_us*."""

    name: str
    position: int
    until_us: int


class Lease:
    """Keeps what stands after a position in the log; it is renewed while the block of ``lease`` runs."""

    def __init__(self, functions: GuardedFunctions, keys: LogKeys, name: str, position: int) -> None:
        self._functions = functions
        self._key = keys.log_leases
        self._written_at = 0.0
        self.name: Final = name
        self.position = position

    async def move(self, position: int) -> None:
        """Give up what stands up to *position*; may be called for every batch, since it is written once a second."""
        self.position = position
        if time.monotonic() - self._written_at >= MOVE_SECONDS:
            await self.renew()

    async def renew(self) -> None:
        """Write the lease anew."""
        self._written_at = time.monotonic()
        lasts_us = round(LEASE_SECONDS * 1_000_000)
        await self._functions.write("lease", (self._key,), (self.name, self.position, lasts_us))

    async def give_up(self) -> None:
        """Remove the lease; without Redis it runs out by itself."""
        try:
            await self._functions.execute("HDEL", self._key, self.name)
        except Exception as error:
            if not is_transient(error):
                raise

    async def keep(self) -> None:
        """Renew for ever, also when Redis is away for a while."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await retried(self.renew, first_seconds=AGAIN_SECONDS)


@asynccontextmanager
async def lease(redis: Redis, keys: LogKeys, name: str, position: int) -> AsyncGenerator[Lease]:
    """Keep what stands after *position* for as long as the block runs; ``move`` says that less is needed.

    *name* says who it is, and is shown to whoever wants to archive; a lease of the same name is replaced, so take one
    that no other process takes. A reader that dies holds its lease for another minute. Raises ``NoLogError`` without
    a log, ``OtherLogError`` or ``LogShorterError`` when it is another one than at the begin, or has become shorter.
    """
    own = Lease(GuardedFunctions(redis, LOG, keys), keys, name, position)
    await own.renew()
    keeping = asyncio.create_task(own.keep(), name=f"lease {name}")
    try:
        yield own
    finally:
        await cancel(keeping)
        await own.give_up()
        if not keeping.cancelled():
            keeping.result()  # It has failed, and the reader has not been protected since.


async def leases(redis: Redis, keys: LogKeys) -> list[Leased]:
    """Return the leases that have not run out."""
    execute = Functions(redis, LOG).execute
    seconds, microseconds = await execute("TIME")
    now_us = int(seconds) * 1_000_000 + int(microseconds)
    flat: list[bytes] = await execute("HGETALL", keys.log_leases)
    found = [_leased(name, value) for name, value in zip(flat[::2], flat[1::2], strict=True)]
    return [leased for leased in found if leased.until_us > now_us]


def _leased(name: bytes, value: bytes) -> Leased:
    position, _, until_us = value.partition(b":")
    return Leased(name.decode(), int(position), int(until_us))
