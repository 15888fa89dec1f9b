"""The part of a state that a batch may touch: taken out of the cache, filled from Redis, written, and put back."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Generic

from parkstream_projection.definition import SEPARATOR, Definition, EntityT, EventT, Part, RevisionT
from parkstream_projection.state_hash import encode, entity_hash
from parkstream_projection.store import Change, Loaded

Kept = tuple[EntityT, int]
"""An entity, and its hash as it is in Redis."""


class TouchedPart(Generic[EntityT, EventT, RevisionT]):
    """The part of the state that a batch may touch, taken out of *cache* until it is committed."""

    def __init__(
        self,
        cache: OrderedDict[str, Kept[EntityT]],
        definition: Definition[Any, EntityT, EventT, RevisionT],
        clock: object,
        events: Iterable[EventT],
    ) -> None:
        self._cache = cache
        self._decode_entity = definition.decode_entity
        self._hashes: dict[str, int] = {}
        self.part: Part[EntityT, EventT, RevisionT] = definition.part(clock)
        self._entities = self.part.entities
        self.missing: list[str] = []
        """Entities of the events that must be loaded."""
        names_in = definition.names_in
        for name in dict.fromkeys(name for event in events for name in names_in(event)):
            if not self._take_out(name):
                self.missing.append(name)

    def _take_out(self, name: str) -> bool:
        kept = self._cache.pop(name, None)
        if kept is None:
            return False
        self._entities[name], self._hashes[name] = kept
        return True

    def loaded(self, loaded: Loaded) -> None:
        """Take in what was missing, and what comes due."""
        for name, encoded in zip(self.missing, loaded.entities, strict=True):
            if encoded is not None:
                self._decode(name, encoded)
        for name, encoded in loaded.due_entities.items():
            if name not in self._entities and not self._take_out(name):
                self._decode(name, encoded)
        if loaded.due:
            self.part.wait(loaded.due)

    def _decode(self, name: str, encoded: bytes) -> None:
        self._entities[name] = self._decode_entity(encoded)
        self._hashes[name] = entity_hash(name, encoded)

    def write(self, change: Change) -> int:
        """Add to *change* what was touched, and return by how much that changes the state hash."""
        entities, hashes, touched = self._entities, self._hashes, self.part.take_touched()
        before = hashes.keys() & touched
        by = -sum(hashes[name] for name in before)
        written = change.entities
        for name in touched:
            entity = entities.get(name)
            if entity is not None:
                encoded = encode(entity)
                hashes[name] = hashed = entity_hash(name, encoded)
                by += hashed
                written += (name, encoded)
            elif name in before:
                change.forgotten.append(name)
        self._write_timers(change, {name for name in touched if name not in before})
        return by

    def _write_timers(self, change: Change, new: set[str]) -> None:
        """Leave out what came and went within the batch: a *new* entity has nothing in Redis."""
        for put, removed in self.part.take_timers():
            change.put.append([half for member, due_us in put.items() for half in (due_us, member)])
            change.dropped.append([member for member in removed if member.partition(SEPARATOR)[0] not in new])

    def keep(self, most: int) -> None:
        """Put the entities into the cache as the latest used; the oldest beyond *most* leave it."""
        cache, hashes = self._cache, self._hashes
        for name, entity in self._entities.items():
            cache[name] = (entity, hashes[name])
        while len(cache) > most:
            cache.popitem(last=False)
