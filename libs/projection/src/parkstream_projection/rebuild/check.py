"""The log folded in memory, and compared with what Redis holds: at each kept hash, at the end, and plate by plate."""

import time
from collections.abc import Awaitable, Callable

from msgspec import Struct
from parkstream_eventlog.leases import Lease
from parkstream_events.keys import BackendKeys
from parkstream_visits import Clock
from redis.asyncio import Redis

from parkstream_projection.rebuild.frames import BATCH
from parkstream_projection.rebuild.gc_pause import rarely_collected
from parkstream_projection.rebuild.live import Live, Moment, live
from parkstream_projection.rebuild.replica import Replica
from parkstream_projection.rebuild.source import Source, leased
from parkstream_projection.rebuild.worker_process import Worker
from parkstream_projection.state_hash import clock_hash, encode, hash_text
from parkstream_projection.store import HASH_EVERY

OnProgress = Callable[[int, int], None]
"""Is called with the position that was reached, and the last."""


class Span(Struct, frozen=True):
    """Something differs that happened after position *after*, up to *through*."""

    after: int
    through: int


class Checked(Struct, frozen=True):
    """What a fold of *events* came to; *live_hash* is None when it ended before the live version."""

    events: int
    seconds: float
    hash: str
    live_hash: str | None
    compared: int
    """How many kept hashes."""
    first_difference: Span | None
    plates_compared: int
    plates_different: list[str]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        ends_equal = self.live_hash is None or self.live_hash == self.hash
        return ends_equal and self.first_difference is None and not self.plates_different


async def check(
    source: Source, redis: Redis, keys: BackendKeys, *, to: int | None = None, on_progress: OnProgress | None = None
) -> Checked:
    """Fold *source* from its beginning up to position *to*, or where the live version stands, and compare.

    Nothing is written but a lease, so that nothing is archived before it is read. Raises ``ReadingError`` when the
    log cannot be read.
    """
    begun = time.perf_counter()
    beside = await live(redis, keys)
    checkpoint = await beside.checkpoint()
    end = checkpoint if to is None else min(to, checkpoint)
    with rarely_collected():
        async with leased(redis, keys, "replay --check", 0) as lease, Worker(source) as worker:
            fold = _Fold(worker, lease, on_progress or _nobody)
            await fold.go_on(end)
            at_end = await _compared_plates(fold, beside) if end == checkpoint > 0 else None
            return await _outcome(fold, beside, at_end, begun)


def _nobody(_position: int, _end: int) -> None:
    """Take no notice of the progress."""


class _Fold:
    """A replica, and its hashes at each position whose hash is kept."""

    def __init__(self, worker: Worker, lease: Lease, on_progress: OnProgress) -> None:
        self._worker = worker
        self._lease = lease
        self._on_progress = on_progress
        self.replica = Replica()
        self.hashes: dict[int, Awaitable[str]] = {}
        self._changed: dict[str, bytes | None] = {}
        self.hash = hash_text(clock_hash(encode(Clock())))

    async def go_on(self, through: int) -> None:
        """Fold up to position *through*."""
        replica = self.replica
        async for batch in self._worker.batches(replica.checkpoint, through):
            replica.take_in(batch)
            position, ends = batch.last, batch.last == through
            whole = ends or position % HASH_EVERY == 0
            self._changed |= replica.changes(whole=whole)
            if whole or position % BATCH == 0:
                replica.forget_timer_changes()
                await self._send(position, whole=whole, ends=ends)
                await self._lease.move(position)
                self._on_progress(position, through)

    async def _send(self, position: int, *, whole: bool, ends: bool) -> None:
        changed, self._changed = self._changed, {}
        if not whole:
            await self._worker.changed(position, changed, self.replica.clock)
            return
        answer = await self._worker.hashed(position, changed, self.replica.clock)
        if position % HASH_EVERY == 0:
            self.hashes[position] = answer
        if ends:
            self.hash = await answer


async def _compared_plates(fold: _Fold, beside: Live) -> tuple[Moment, int]:
    """Return the live version at one moment, to which *fold* goes on, with the plates that may differ, of how many."""
    replica = fold.replica
    scanned: set[str] = set()
    suspects: set[str] = set()
    async for name, encoded in beside.plates():
        scanned.add(name)
        if replica.plate(name) != encoded:
            suspects.add(name)
    suspects |= replica.names() - scanned
    moment = await beside.moment(list(suspects))
    await fold.go_on(moment.checkpoint)
    return moment, len(scanned | suspects)


async def _outcome(fold: _Fold, beside: Live, at_end: tuple[Moment, int] | None, begun: float) -> Checked:
    compared, difference = await _compared_hashes(fold, beside)
    moment, plates = at_end or (None, 0)
    found = moment.plates.items() if moment else ()
    events, live_hash = fold.replica.checkpoint, moment.state_hash if moment else None
    if difference is None and live_hash not in {None, fold.hash}:
        difference = Span(events - events % HASH_EVERY, events)
    return Checked(
        events=events,
        seconds=time.perf_counter() - begun,
        hash=fold.hash,
        live_hash=live_hash,
        compared=compared,
        first_difference=difference,
        plates_compared=plates,
        plates_different=sorted(name for name, encoded in found if fold.replica.plate(name) != encoded),
    )


async def _compared_hashes(fold: _Fold, beside: Live) -> tuple[int, Span | None]:
    """Return how many kept hashes there were, and between which two the first difference came."""
    compared, equal_through, difference = 0, 0, None
    for position, answer in fold.hashes.items():
        kept = await beside.hash_at(position)
        if kept is None:
            continue
        compared += 1
        if kept != await answer and difference is None:
            difference = Span(equal_through, position)
        if difference is None:
            equal_through = position
    return compared, difference
