"""Two versions of the projection side by side: whether they are the same at one checkpoint, and where not.

Plates are compared by their bytes while both versions move on; the state hashes, which are sums, then prove that those
found are all that differ.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, NamedTuple

from parkstream_events.keys import BackendKeys
from parkstream_service.redis import Functions
from parkstream_visits import Clock
from redis.asyncio import Redis

from parkstream_projection.codec import decode_clock, decode_plate
from parkstream_projection.differences import Difference, differences, final_before_us
from parkstream_projection.functions import PROJECTING
from parkstream_projection.state_hash import MODULUS, clock_hash, encode, entity_hash

SCANNED_AT_ONCE: Final = 1_000
READ_AT_ONCE: Final = 1_000
_META: Final = ("checkpoint", "state_hash", "clock")

Encoded = bytes | None


class Compared(NamedTuple):
    """Both versions at one *checkpoint*, with the log at *position* then."""

    checkpoint: int
    position: int
    shown_hash: str
    hash: str
    differences: list[Difference]


class Comparison:
    """Version *now* of the projection in *redis* against the one *shown* so far."""

    def __init__(self, redis: Redis, keys: BackendKeys, shown: int, now: int) -> None:
        self._functions = Functions(redis, PROJECTING)
        self._keys = keys
        self._versions = (shown, now)
        self._suspects: set[str] | None = None
        """Plates that may differ; None when nobody has looked yet."""

    def touched(self, names: Iterable[str]) -> None:
        """Note that the plates *names* have changed since they were compared."""
        if self._suspects is not None:
            self._suspects.update(names)

    async def at_one_checkpoint(self) -> Compared | None:
        """Return how both compare, None while they are at different checkpoints or move on too fast."""
        names = list(self._suspects or ())
        metas, position, plates = await self._read(names)
        if metas[0].checkpoint != metas[1].checkpoint:
            return None
        if self._suspects is None and metas[0].total != metas[1].total:
            self._suspects = {name async for name in self._scan()}
            return await self.at_one_checkpoint()
        return self._proven(metas, position, names, plates)

    def _proven(
        self, metas: "Sequence[_Meta]", position: int, names: list[str], plates: list[list[Encoded]]
    ) -> Compared | None:
        """Return the differences among *names*, None when others must differ too: then all are looked at again."""
        shown, now = metas
        unlike = [one for one in zip(names, *plates, strict=True) if one[1] != one[2]]
        self._suspects = {name for name, *_ in unlike}
        by = sum(_hash(name, new) - _hash(name, old) for name, old, new in unlike)
        if (now.total - now.clock_hash - shown.total + shown.clock_hash - by) % MODULUS:
            self._suspects = None
            return None
        decoded = (
            (name, decode_plate(old) if old else None, decode_plate(new) if new else None) for name, old, new in unlike
        )
        found = differences(decoded, final_before_us(shown.clock, now.clock))
        return Compared(shown.checkpoint, position, shown.hash, now.hash, found)

    async def _scan(self) -> AsyncIterator[str]:
        """Yield the names of plates that differ, or that only one version has."""
        for version, other in (self._versions, self._versions[::-1]):
            cursor = b""
            while cursor != b"0":
                command = ("HSCAN", self._plates(version), cursor or b"0", "COUNT", SCANNED_AT_ONCE)
                cursor, flat = await self._functions.execute(*command)
                names, values = flat[::2], flat[1::2]
                for name, value, its in zip(names, values, await self._values(other, names), strict=True):
                    if value != its:
                        yield name.decode()

    async def _values(self, version: int, names: Sequence[bytes]) -> list[Encoded]:
        return list(await self._functions.execute("HMGET", self._plates(version), *names)) if names else []

    async def _read(self, names: Sequence[str]) -> "tuple[list[_Meta], int, list[list[Encoded]]]":
        """Return both metas, the log's position and both versions' plates *names*, as of one moment."""
        chunks = [names[start : start + READ_AT_ONCE] for start in range(0, len(names), READ_AT_ONCE)]
        async with self._functions.pipeline(transaction=True) as pipeline:
            for version in self._versions:
                pipeline.execute_command("HMGET", self._keys.projection(version, "meta"), *_META)
            pipeline.execute_command("HGET", self._keys.log_meta, "position")
            for version in self._versions:
                for chunk in chunks:
                    pipeline.execute_command("HMGET", self._plates(version), *chunk)
            shown, now, position, *answers = await pipeline.execute()
        plates = [[value for chunk in half for value in chunk] for half in _halves(answers)]
        return [_meta(shown), _meta(now)], int(position or 0), plates

    def _plates(self, version: int) -> str:
        return self._keys.projection(version, "plates")


class _Meta(NamedTuple):
    checkpoint: int
    total: int
    clock: Clock
    clock_hash: int

    @property
    def hash(self) -> str:
        return f"{self.total:032x}"


def _meta(found: list[Any]) -> _Meta:
    checkpoint, kept_hash, clock = found
    if checkpoint is None:
        nothing = clock_hash(encode(Clock()))
        return _Meta(0, nothing, Clock(), nothing)
    return _Meta(int(checkpoint), int(kept_hash, 16), decode_clock(clock), clock_hash(clock))


def _halves(answers: list[Any]) -> tuple[list[Any], list[Any]]:
    half = len(answers) // 2
    return answers[:half], answers[half:]


def _hash(name: str, encoded: Encoded) -> int:
    return entity_hash(name, encoded) if encoded is not None else 0
