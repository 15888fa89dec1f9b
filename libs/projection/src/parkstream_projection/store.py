"""Where a projection is kept: loaded in one step, committed in one step, fenced by its checkpoint."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct
from parkstream_eventlog import Writer
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_service.redis import PassingError
from redis.asyncio import Redis

from parkstream_projection.definition import AnyDefinition, ProjectionKeys
from parkstream_projection.functions import PROJECTING
from parkstream_projection.state_hash import clock_hash, encode, hash_text

HASH_EVERY: Final = 10_000
"""At every such position the state hash is kept."""
OUTBOX_FIELDS: Final = 6
STALE: Final = 1
NOT_LIVE: Final = 2
INCOMPLETE: Final = 3
FIRST_VERSION: Final = 1
"""Live until another is made so."""


GONE: Final = "entities or timers are gone"
REPLAY: Final = "rebuild it: `parkstream replay`, then `parkstream replay --version N --switch`"


class ProjectionError(Exception):
    """The projection cannot go on."""


class StaleError(ProjectionError):
    """Another projector has gone on from *expected* to *checkpoint*: load again."""

    def __init__(self, expected: int, checkpoint: int) -> None:
        super().__init__(f"the projection is at {checkpoint}, not at {expected}: another projector has gone on")
        self.expected = expected
        self.checkpoint = checkpoint


class NotLiveError(StaleError):
    """Version *live* is the live one, so that *version* may not go beyond what was emitted: load again."""

    def __init__(self, version: int, live: int, checkpoint: int) -> None:
        super().__init__(checkpoint, checkpoint)
        self.args = (f"version {live} of the projection is live: {version} may not go beyond what was emitted",)
        self.live = live


class OtherRulesError(ProjectionError):
    """What is in Redis was folded by another version of the rules."""

    def __init__(self, found: int, expected: int) -> None:
        super().__init__(
            f"the projection was made by version {found} of the rules, this is version {expected}: "
            "start the newer program, and rebuild the projection when it asks for that"
        )
        self.found = found


class IncompleteStateError(ProjectionError, PassingError):
    """Something of version *version* is gone from Redis, so nothing can be folded onto it."""

    def __init__(self, version: int, missing: str, remedy: str = REPLAY) -> None:
        super().__init__(
            f"the state of version {version} of the projection is incomplete, {missing}: Redis evicted or lost keys; "
            f"see with `parkstream log verify` whether the log is whole, then {remedy}"
        )
        self.version = version


class Meta(NamedTuple):
    """Where a projection stands."""

    checkpoint: int
    state_hash: str
    clock: Any
    emitted_through: int


class Loaded(NamedTuple):
    """What Redis remembers of the entities asked for, in order, and what comes due."""

    entities: list[bytes | None]
    due: list[list[str]]
    """Members, per kind of timer."""
    due_entities: dict[str, bytes]


class Change(Struct):
    """What one commit writes."""

    checkpoint: int
    state_hash: str
    clock: bytes
    aside: bytes | None = None
    """What is kept beside the clock, when it changed; it may be nothing."""
    entities: list[str | bytes] = []
    """Name, value, name, value …"""
    forgotten: list[str] = []
    put: list[list[int | str]] = []
    """Per kind of timer: due time, member, due time, member …"""
    dropped: list[list[str]] = []
    items: list[str | int | bytes] = []
    """Outbox id, key, revision, item, recorded time, traceparent, outbox id …"""

    def arguments(self) -> list[Any]:
        """Return what the function takes after the fence."""
        kept = "1" if self.checkpoint % HASH_EVERY == 0 else "0"
        lists: list[tuple[Sequence[Any], int]] = [(self.entities, 2), (self.forgotten, 1)]
        for put, dropped in zip(self.put, self.dropped, strict=True):
            lists += ((put, 2), (dropped, 1))
        lists.append((self.items, OUTBOX_FIELDS))
        aside = b"" if self.aside is None else b"+" + self.aside if self.aside else b"-"
        flat: list[Any] = [self.checkpoint, self.state_hash, self.clock, aside, kept]
        flat += [len(values) // width for values, width in lists]
        for values, _ in lists:
            flat += values
        return flat


class Store:
    """The projection *version* in *redis*, or the live one; the client must not repeat commands by itself."""

    def __init__(
        self,
        redis: Redis,
        keys: ProjectionKeys,
        definition: AnyDefinition,
        version: int | None,
        *,
        writer: Writer | None = None,
    ) -> None:
        self._definition = definition
        self._functions = GuardedFunctions(redis, PROJECTING, keys, writer)
        self._keys = keys
        self._follows_live = version is None
        self._use(version or FIRST_VERSION)

    def _use(self, version: int) -> None:
        keys = self._keys
        self.version = version
        self._meta = keys.projection(version, "meta")
        names = (self._definition.entities, *self._definition.timers)
        self._read = [self._meta, *(keys.projection(version, name) for name in names)]
        hashes = keys.projection(version, "hashes")
        self._written = [*self._read, hashes, keys.outbox, keys.outbox_meta, keys.projections]

    async def meta(self) -> Meta:
        """Return where the projection stands, the live one as of now; raise ``OtherRulesError`` when others made it."""
        while True:
            _, entities, *timers = self._read
            meta, (live, emitted_through), *sizes = await self._functions.at_once(
                ("HMGET", self._meta, "rules_version", "checkpoint", "state_hash", "clock", "aside", "sizes"),
                ("HMGET", self._keys.outbox_meta, "live", "emitted_through"),
                ("HLEN", entities),
                *(("ZCARD", timer) for timer in timers),
            )
            live = int(live or FIRST_VERSION)
            if not self._follows_live or live == self.version:
                break
            self._use(live)
        rules_version, checkpoint, kept_hash, clock, aside, kept_sizes = meta
        if checkpoint is None:
            if any(sizes):
                remedy = f"remove what is left, and it is folded anew: UNLINK {' '.join(self._read[1:])}"
                raise IncompleteStateError(self.version, "it has lost its checkpoint", remedy)
            new = self._definition.new_clock()
            return Meta(0, hash_text(clock_hash(encode(new))), new, int(emitted_through or 0))
        if int(rules_version) != self._definition.rules_version:
            raise OtherRulesError(int(rules_version), self._definition.rules_version)
        decoded = self._definition.decode_clock(clock, aside)
        if kept_sizes != " ".join(map(str, sizes)).encode():
            raise IncompleteStateError(self.version, GONE)
        return Meta(int(checkpoint), kept_hash.decode(), decoded, int(emitted_through or 0))

    async def load(self, checkpoint: int, due_through: Sequence[int], due_max: int, names: Sequence[str]) -> Loaded:
        """Return the entities *names* as of *checkpoint*, and what comes due up to some times, with its entities.

        Of the last kind of timer at most *due_max* members are wanted. Raises ``StaleError``.
        """
        answer = await self._functions.call("load", self._read, (checkpoint, *due_through, due_max, *names))
        if answer[0] != checkpoint:
            raise StaleError(checkpoint, answer[0])
        _, entities, *due, due_names, due_entities = answer
        if None in due_entities:
            raise IncompleteStateError(self.version, "a timer is of an entity that is gone")
        found = zip(due_names, due_entities, strict=True)
        return Loaded(
            entities,
            [[member.decode() for member in members] for members in due],
            {name.decode(): entity for name, entity in found},
        )

    async def commit(self, checkpoint: int, state_hash: str, change: Change) -> int:
        """Write *change* if the projection is still at *checkpoint* with *state_hash* and may go on.

        Else raise ``StaleError``. Return how many items were emitted: not those that any version emitted before.
        """
        fence = (self.version, self._definition.rules_version, checkpoint, state_hash)
        answer = await self._functions.write("commit", self._written, (*fence, *change.arguments()))
        if answer[0] == INCOMPLETE:
            raise IncompleteStateError(self.version, GONE)
        if answer[0] == STALE:
            raise StaleError(checkpoint, answer[1])
        live = answer[1] if answer[0] == NOT_LIVE else answer[3]
        if answer[0] == NOT_LIVE or (self._follows_live and live != self.version):
            raise NotLiveError(self.version, live, checkpoint)
        self._functions.found(change.checkpoint)
        return int(answer[2])
