"""The log folded into another version of the projection, beside the live one.

The next records are folded while a commit is under way. Every commit holds a consistent checkpoint, so that whoever
comes after a crash goes on from there.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Final, Self

from parkstream_eventlog import Writer
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import Functions
from redis.asyncio import Redis

from parkstream_projection.codec import aside_of
from parkstream_projection.functions import PROJECTING
from parkstream_projection.rebuild.changes import Changes, Rebuilt
from parkstream_projection.rebuild.frames import BATCH, Batch
from parkstream_projection.rebuild.gc_pause import rarely_collected
from parkstream_projection.rebuild.live import Live
from parkstream_projection.rebuild.replica import Replica
from parkstream_projection.rebuild.source import Source, leased
from parkstream_projection.rebuild.worker_process import Worker
from parkstream_projection.store import HASH_EVERY, Change, Meta, ProjectionError, StaleError, Store
from parkstream_projection.visits import VISITS

COMMIT: Final = 2 * BATCH
"""Records in one commit: it stops Redis for some milliseconds."""

Folded = Callable[[Batch, Iterable[str]], None]
"""Is called with what was folded, and which plates may have changed."""


class DamagedVersionError(ProjectionError):
    """What Redis holds of *version* is not what was committed."""

    def __init__(self, version: int, checkpoint: int) -> None:
        super().__init__(
            f"version {version} of the projection does not have the state hash that it had at {checkpoint}: "
            "remove it, and rebuild into another"
        )
        self.version = version


class BusyVersionError(StaleError):
    """Another rebuild works on the same *version*."""

    def __init__(self, version: int, stale: StaleError) -> None:
        super().__init__(stale.expected, stale.checkpoint)
        self.args = (f"another replay is at work on version {version}: wait for it, or stop it",)


class Rebuilder:
    """Rebuilds *version* from *source*, silently, within its block; it emits nothing, so it stays behind the live one.

    What was committed before is gone on with.
    """

    def __init__(  # noqa: PLR0913 - what it works on
        self,
        source: Source,
        redis: Redis,
        keys: BackendKeys,
        version: int,
        *,
        folded: Folded | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._source = source
        self._redis = redis
        self._keys = keys
        self._version = version
        self._store = Store(redis, keys, VISITS, version, writer=writer)
        self._folded = folded or _nobody
        self._ending = AsyncExitStack()
        self._commit: asyncio.Task[None] | None = None
        self._committed = 0

    async def __aenter__(self) -> Self:
        async with self._ending:
            self._ending.enter_context(rarely_collected())
            meta = await self._store.meta()
            plates: dict[str, bytes] = {
                name: encoded async for name, encoded in Live(self._redis, self._keys, self._version).plates()
            }
            self._replica = Replica(meta.checkpoint, meta.clock, plates.items())
            leasing = leased(self._redis, self._keys, f"replay into version {self._version}", meta.checkpoint)
            self._lease = await self._ending.enter_async_context(leasing)
            self._worker = await self._ending.enter_async_context(Worker(self._source, self._replica.rules))
            self._changes = Changes(set(plates), aside_of(meta.clock))
            self._committed = meta.checkpoint
            await self._agree(meta, {**plates})
            self._ending = self._ending.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._commit is not None:
            self._commit.cancel()
            await asyncio.gather(self._commit, return_exceptions=True)
        await self._ending.aclose()

    @property
    def checkpoint(self) -> int:
        """The last position that was committed."""
        return self._committed

    async def catch_up(self, through: int | None = None) -> Rebuilt:
        """Fold and commit up to position *through*, or all that the live version has taken in by now.

        May be called again, and goes on from there. Raises ``ReadingError`` when the log cannot be read, and
        ``BusyVersionError`` when another rebuild works on the same version.
        """
        begun, first = time.perf_counter(), self._replica.checkpoint
        through = await self._emitted_through() if through is None else through
        async for batch in self._worker.batches(first, through):
            await self._take_in(batch, last=batch.last == through)
        await self._wait_for_commit()
        return Rebuilt(self._committed, self._committed - first, time.perf_counter() - begun, self._state_hash)

    async def _agree(self, meta: Meta, plates: dict[str, bytes | None]) -> None:
        """Make the worker know all that is kept, and see that it is what was committed."""
        found = await self._worker.hashed(meta.checkpoint, plates, self._replica.clock)
        self._state_hash = meta.state_hash
        if await found != meta.state_hash:
            raise DamagedVersionError(self._version, meta.checkpoint)

    async def _take_in(self, batch: Batch, *, last: bool) -> None:
        replica = self._replica
        replica.take_in(batch)
        whole = last or batch.last % COMMIT == 0 or batch.last % HASH_EVERY == 0
        changed = replica.changes(whole=whole)
        self._changes.add(changed)
        if whole:
            clock, plates = replica.clock, self._changes.plates
            state_hash = await self._worker.hashed(batch.last, plates, clock)
            change = self._changes.take(batch.last, clock, replica.state)
            await self._wait_for_commit()
            self._commit = asyncio.create_task(self._write(change, state_hash))
        self._folded(batch, changed)

    async def _write(self, change: Change, state_hash: Awaitable[str]) -> None:
        change.state_hash = await state_hash
        try:
            await self._store.commit(self._committed, self._state_hash, change)
        except StaleError as error:
            raise BusyVersionError(self._version, error) from error
        self._committed, self._state_hash = change.checkpoint, change.state_hash
        await self._lease.move(change.checkpoint)

    async def _emitted_through(self) -> int:
        """Return up to which position summaries were emitted: no other version may go beyond."""
        return int(
            await Functions(self._redis, PROJECTING).execute("HGET", self._keys.outbox_meta, "emitted_through") or 0
        )

    async def _wait_for_commit(self) -> None:
        if self._commit is not None:
            await self._commit


def _nobody(_batch: Batch, _plates: Iterable[str]) -> None:
    """Take no notice of what is folded."""
