"""The live version, as Redis holds it: what a fold is compared with, while it moves on."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from parkstream_events.keys import BackendKeys
from parkstream_service.redis import Functions
from redis.asyncio import Redis

from parkstream_projection.functions import PROJECTING
from parkstream_projection.reads import Reads

AT_ONCE: Final = 500
"""Plates in one command: a fraction of a millisecond of Redis."""


class Moment(NamedTuple):
    """A projection at one *checkpoint*, with some of its plates."""

    checkpoint: int
    state_hash: str
    plates: dict[str, bytes | None]


class Live:
    """The version of the projection in *redis* that was live when it was looked up."""

    def __init__(self, redis: Redis, keys: BackendKeys, version: int) -> None:
        self._functions = Functions(redis, PROJECTING)
        self._meta = keys.projection(version, "meta")
        self._plates = keys.projection(version, "plates")
        self._reads = Reads(redis, keys, version=version)

    async def checkpoint(self) -> int:
        """Return where it stands."""
        return (await self._reads.state()).checkpoint

    async def hash_at(self, position: int) -> str | None:
        """Return the state hash that was kept at *position*, if one was."""
        return await self._reads.hash_at(position)

    async def plates(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield all plates, each as it is when its turn comes, perhaps twice."""
        cursor = "0"
        while True:
            cursor, flat = await self._functions.execute("HSCAN", self._plates, cursor, "COUNT", AT_ONCE)
            for name, encoded in zip(flat[::2], flat[1::2], strict=True):
                yield name.decode(), encoded
            if int(cursor) == 0:
                return

    async def moment(self, names: Sequence[str]) -> Moment:
        """Return where it stands, and its plates *names* as of that moment."""
        chunks = [names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE)]
        async with self._functions.pipeline(transaction=True) as pipeline:
            pipeline.execute_command("HMGET", self._meta, "checkpoint", "state_hash")
            for chunk in chunks:
                pipeline.execute_command("HMGET", self._plates, *chunk)
            (checkpoint, state_hash), *answers = await pipeline.execute()
        values = [value for answer in answers for value in answer]
        return Moment(int(checkpoint), state_hash.decode(), dict(zip(names, values, strict=True)))


async def live(redis: Redis, keys: BackendKeys) -> Live:
    """Return the version that is live now."""
    found = await Functions(redis, PROJECTING).execute("HGET", keys.outbox_meta, "live")
    return Live(redis, keys, int(found or 1))
