"""Folds records into a projection: load what they may touch, fold, commit."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, Generic, NamedTuple

from parkstream_eventlog import Record, Writer
from redis.asyncio import Redis

from parkstream_projection.definition import (
    ClockT,
    Definition,
    EntityT,
    EventT,
    ProjectionKeys,
    RevisionT,
)
from parkstream_projection.state_hash import MODULUS, clock_hash, encode, hash_text
from parkstream_projection.store import HASH_EVERY, Change, ProjectionError, Store
from parkstream_projection.touched_part import Kept, TouchedPart

CACHE_ENTITIES: Final = 10_000


class Step(NamedTuple, Generic[EventT, RevisionT]):
    """What a batch of records came to."""

    position: int
    events: list[EventT]
    revisions: list[RevisionT]
    emitted: int


class NotLoadedError(ProjectionError):
    """A step failed, so nobody knows what Redis holds: load first."""


class SkippedError(ProjectionError):
    """Records do not begin with the next position."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"position {expected} comes next, not {found}: follow the log from the checkpoint")
        self.expected = expected
        self.found = found


class Projector(Generic[ClockT, EntityT, EventT, RevisionT]):
    """Projection *version* in *redis*; any number may run, and all but the first to take a step get ``StaleError``.

    Without *version* it is the live one, as of the last ``load``. ``traced(revision)`` returns the trace context that a
    revision goes on with; without it that of its item. See ``RedisLog`` for *writer*.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        redis: Redis,
        keys: ProjectionKeys,
        definition: Definition[ClockT, EntityT, EventT, RevisionT],
        *,
        version: int | None = None,
        cache_entities: int = CACHE_ENTITIES,
        traced: Callable[[RevisionT], str | None] | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._store = Store(redis, keys, definition, version, writer=writer)
        self._definition = definition
        self._cache_entities = cache_entities
        self._traced = traced
        self._cache: OrderedDict[str, Kept[EntityT]] = OrderedDict()
        self._clock = definition.new_clock()
        self._clock_hash = 0
        self._aside = b""
        self._hash = 0
        self._emitted_through = 0
        self._loaded = False
        self.checkpoint = 0
        """The last position that was taken in."""

    @property
    def version(self) -> int:
        """Which version of the projection it is."""
        return self._store.version

    @property
    def state_hash(self) -> str:
        """The hash of all that is remembered at the checkpoint."""
        return hash_text(self._hash)

    @property
    def clock(self) -> ClockT:
        """What there is once, as of the checkpoint; not to be changed."""
        return self._clock

    async def load(self) -> int:
        """Forget all that is cached, and return the checkpoint."""
        self._cache.clear()
        self.checkpoint, kept_hash, self._clock, self._emitted_through = await self._store.meta()
        self._hash = int(kept_hash, 16)
        self._clock_hash = clock_hash(encode(self._clock))
        self._aside = self._definition.aside_of(self._clock)
        self._loaded = True
        return self.checkpoint

    async def step(self, records: Sequence[Record]) -> Step[EventT, RevisionT]:
        """Take in *records*, the next ones; after any error ``load`` comes first.

        Raises ``StaleError`` when another projector was first. Commits at every position whose hash is kept.
        """
        if not self._loaded:
            raise NotLoadedError
        if records and records[0].position != self.checkpoint + 1:
            raise SkippedError(self.checkpoint + 1, records[0].position)
        self._loaded = False
        events = [self._definition.event_of(record) for record in records]
        revisions: list[RevisionT] = []
        emitted = 0
        for start, end in self._parts(events):
            emitted += await self._take_in(records[start:end], events[start:end], revisions)
        self._loaded = True
        return Step(self.checkpoint, events, revisions, emitted)

    async def _take_in(self, records: Sequence[Record], events: list[EventT], revisions: list[RevisionT]) -> int:
        definition, clock = self._definition, self._clock
        work = TouchedPart(self._cache, definition, clock, events)
        due_through = definition.due_through(events, clock)
        due_max = definition.due_max * len(events)
        work.loaded(await self._store.load(self.checkpoint, due_through, due_max, work.missing))
        change = Change(records[-1].position, "", b"")
        before = self.state_hash
        self._fold(work, records, events, change, revisions)
        emitted = await self._store.commit(self.checkpoint, before, change)
        self.checkpoint = change.checkpoint
        work.keep(self._cache_entities)
        return emitted

    def _fold(
        self,
        work: TouchedPart[EntityT, EventT, RevisionT],
        records: Sequence[Record],
        events: list[EventT],
        change: Change,
        revisions: list[RevisionT],
    ) -> None:
        fold = work.part.fold
        for record, event in zip(records, events, strict=True):
            if new := fold(event):
                revisions += new
                if record.position > self._emitted_through:
                    self._emit(record, new, change)
        change.clock = encode(self._clock)
        if (aside := self._definition.aside_of(self._clock)) != self._aside:
            change.aside = self._aside = aside
        clock = clock_hash(change.clock)
        self._hash = (self._hash - self._clock_hash + clock + work.write(change)) % MODULUS
        self._clock_hash = clock
        change.state_hash = self.state_hash

    def _emit(self, record: Record, new: Sequence[RevisionT], change: Change) -> None:
        item_of, traced = self._definition.item_of, self._traced
        for nth, one in enumerate(new):
            key, revision, body, traceparent = item_of(one)
            if traced:
                traceparent = traced(one)
            change.items += (
                f"{record.position}-{nth}",
                key,
                revision,
                body,
                record.recorded_at_us,
                traceparent or "",
            )

    def _parts(self, events: list[EventT]) -> list[tuple[int, int]]:
        """Split *events* after each position whose state hash is kept, and after each that stands alone."""
        stands_alone = self._definition.stands_alone
        borders = set(range(HASH_EVERY - self.checkpoint % HASH_EVERY, len(events), HASH_EVERY))
        borders |= {nth for nth, event in enumerate(events, 1) if stands_alone(event)}
        return [(start, end) for start, end in pairwise((0, *sorted(borders), len(events))) if start < end]
