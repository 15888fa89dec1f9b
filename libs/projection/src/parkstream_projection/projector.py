"""Folds records into the projection: load what they may touch, fold, commit."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from parkstream_eventlog import Record
from parkstream_events.decisions import VisitsRestated
from parkstream_events.keys import BackendKeys
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_visits import Clock, Emitted, Fold, Plate, RecordedEvent, State, Timer, entity_hash, reach
from parkstream_visits.fold import FORGOTTEN_PER_RECORD_MAX
from parkstream_visits.state_hash import MODULUS
from parkstream_visits.timers import SEPARATOR
from redis.asyncio import Redis

from parkstream_projection.codec import clock_hash, decode_plate, encode, hash_text, item_of, recorded_event_of
from parkstream_projection.store import HASH_EVERY, Change, Loaded, ProjectionError, Store

CACHE_PLATES: Final = 10_000
FORGOTTEN_LOADED: Final = FORGOTTEN_PER_RECORD_MAX + 1
"""Per record: those that it may forget, and the one that it may move out of their way."""

Kept = tuple[Plate, int]
"""A plate, and its hash as it is in Redis."""


class Step(NamedTuple):
    """What a batch of records came to."""

    position: int
    events: list[RecordedEvent]
    revisions: list[Emitted]
    emitted: int


class NotLoadedError(ProjectionError):
    """A step failed, so nobody knows what Redis holds: load first."""


class SkippedError(ProjectionError):
    """Records do not begin with the next position."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"position {expected} comes next, not {found}: follow the log from the checkpoint")
        self.expected = expected
        self.found = found


class Projector:
    """Projection *version* in *redis*; any number may run, and all but the first to take a step get ``StaleError``.

    Without *version* it is the live one, as of the last ``load``. ``traced(emitted)`` returns the trace context that a
    summary goes on with; without it that of its cause goes on.
    """

    def __init__(
        self,
        redis: Redis,
        keys: BackendKeys,
        *,
        version: int | None = None,
        cache_plates: int = CACHE_PLATES,
        traced: Callable[[Emitted], str | None] | None = None,
    ) -> None:
        self._store = Store(redis, keys, version)
        self._cache_plates = cache_plates
        self._traced = traced
        self._cache: OrderedDict[str, Kept] = OrderedDict()
        self._clock = Clock()
        self._clock_hash = 0
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
    def clock(self) -> Clock:
        """What there is once, as of the checkpoint; not to be changed."""
        return self._clock

    async def load(self) -> int:
        """Forget all that is cached, and return the checkpoint."""
        self._cache.clear()
        self.checkpoint, kept_hash, self._clock, self._emitted_through = await self._store.meta()
        self._hash = int(kept_hash, 16)
        self._clock_hash = clock_hash(encode(self._clock))
        self._loaded = True
        return self.checkpoint

    async def step(self, records: Sequence[Record]) -> Step:
        """Take in *records*, the next ones; after any error ``load`` comes first.

        Raises ``StaleError`` when another projector was first. Commits at every position whose hash is kept.
        """
        if not self._loaded:
            raise NotLoadedError
        if records and records[0].position != self.checkpoint + 1:
            raise SkippedError(self.checkpoint + 1, records[0].position)
        self._loaded = False
        events = [recorded_event_of(record) for record in records]
        revisions: list[Emitted] = []
        emitted = 0
        for part in _parts(self.checkpoint, events):
            emitted += await self._take_in(part, revisions)
        self._loaded = True
        return Step(self.checkpoint, events, revisions, emitted)

    async def _take_in(self, events: list[RecordedEvent], revisions: list[Emitted]) -> int:
        work = _Work(self._cache, self._clock, events)
        due_through = reach(events, self._clock)
        work.loaded(await self._store.load(self.checkpoint, due_through, FORGOTTEN_LOADED * len(events), work.missing))
        change = Change(events[-1].position, "", b"")
        self._fold(work, events, change, revisions)
        emitted = await self._store.commit(self.checkpoint, change)
        self.checkpoint = change.checkpoint
        work.keep(self._cache_plates)
        return emitted

    def _fold(self, work: "_Work", events: list[RecordedEvent], change: Change, revisions: list[Emitted]) -> None:
        fold = Fold(work.state)
        for recorded in events:
            if new := fold.fold(recorded):
                revisions += new
                if recorded.position > self._emitted_through:
                    self._emit(recorded, new, change)
        change.clock = encode(self._clock)
        clock = clock_hash(change.clock)
        self._hash = (self._hash - self._clock_hash + clock + work.write(fold.take_touched(), change)) % MODULUS
        self._clock_hash = clock
        change.state_hash = self.state_hash

    def _emit(self, recorded: RecordedEvent, new: list[Emitted], change: Change) -> None:
        traced = self._traced
        for nth, revision in enumerate(new):
            goes_on = None if revision.restated else revision.cause.traceparent
            change.summaries += (
                f"{recorded.position}-{nth}",
                revision.visit_id,
                revision.revision,
                item_of(revision),
                recorded.recorded_at_us,
                (traced(revision) if traced else goes_on) or "",
            )


class _Work:
    """The part of the state that a batch may touch, taken out of *cache* until it is committed."""

    def __init__(self, cache: OrderedDict[str, Kept], clock: Clock, events: list[RecordedEvent]) -> None:
        self._cache = cache
        self._hashes: dict[str, int] = {}
        self.state = State(clock)
        self.missing: list[str] = []
        """Plates of the events that must be loaded."""
        for name in dict.fromkeys(name for recorded in events for name in _plates_in(recorded)):
            if not self._take_out(name):
                self.missing.append(name)

    def _take_out(self, name: str) -> bool:
        kept = self._cache.pop(name, None)
        if kept is None:
            return False
        self.state.plates[name], self._hashes[name] = kept
        return True

    def loaded(self, loaded: Loaded) -> None:
        """Take in what was missing, and what comes due."""
        for name, encoded in zip(self.missing, loaded.plates, strict=True):
            if encoded is not None:
                self._decode(name, encoded)
        for name, encoded in loaded.due_plates.items():
            if name not in self.state.plates and not self._take_out(name):
                self._decode(name, encoded)
        plates = self.state.plates
        *watermarks, forgetting = self.state.timers
        for queue, members in zip(watermarks, loaded.due, strict=False):
            for member in members:
                name, visit_id = member.split(SEPARATOR, 1)
                queue.load(plates[name].pending[visit_id][1], member)  # A score is a float, this is exact.
        for name in loaded.due[Timer.FORGETTING]:
            forgetting.load(plates[name].keep_until_us, name)

    def _decode(self, name: str, encoded: bytes) -> None:
        self.state.plates[name] = decode_plate(encoded)
        self._hashes[name] = entity_hash(name, encoded)

    def write(self, touched: Iterable[str], change: Change) -> int:
        """Add to *change* what was *touched*, and return by how much that changes the state hash."""
        plates, hashes = self.state.plates, self._hashes
        before = hashes.keys() & touched
        by = -sum(hashes[name] for name in before)
        written = change.plates
        for name in touched:
            plate = plates.get(name)
            if plate is not None:
                encoded = encode(plate)
                hashes[name] = hashed = entity_hash(name, encoded)
                by += hashed
                written += (name, encoded)
            elif name in before:
                change.forgotten.append(name)
        self._write_timers(change, {name for name in touched if name not in before})
        return by

    def _write_timers(self, change: Change, new: set[str]) -> None:
        """Leave out what came and went within the batch: a *new* plate has nothing in Redis."""
        for way in Timer:
            put, removed = self.state.timers[way].take_changes()
            change.put[way] = [half for member, due_us in put.items() for half in (due_us, member)]
            change.dropped[way] = [member for member in removed if member.partition(SEPARATOR)[0] not in new]

    def keep(self, most: int) -> None:
        """Put the plates into the cache as the latest used; the oldest beyond *most* leave it."""
        cache, hashes = self._cache, self._hashes
        for name, plate in self.state.plates.items():
            cache[name] = (plate, hashes[name])
        while len(cache) > most:
            cache.popitem(last=False)


def _plates_in(recorded: RecordedEvent) -> Iterable[str]:
    match recorded.event:
        case VehicleEntered() | VehicleExited():
            return (recorded.event.vehicle_plate,)
        case VisitsRestated():
            return [visit.vehicle_plate for visit in recorded.event.visits]
        case _:
            return ()


def _parts(checkpoint: int, events: list[RecordedEvent]) -> list[list[RecordedEvent]]:
    """Split *events* after each position whose state hash is kept, and after each record that names many plates."""
    borders = set(range(HASH_EVERY - checkpoint % HASH_EVERY, len(events), HASH_EVERY))
    borders |= {nth for nth, recorded in enumerate(events, 1) if isinstance(recorded.event, VisitsRestated)}
    return [events[start:end] for start, end in pairwise((0, *sorted(borders), len(events))) if start < end]
