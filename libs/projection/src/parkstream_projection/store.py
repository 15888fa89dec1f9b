"""Where a projection is kept: loaded in one step, committed in one step, fenced by its checkpoint."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct, field
from parkstream_events.keys import BackendKeys
from parkstream_visits import RULES_VERSION, Agenda, Clock
from redis.asyncio import Redis

from parkstream_projection.codec import clock_hash, decode_clock, encode, hash_text
from parkstream_projection.functions import Functions

HASH_EVERY: Final = 10_000
"""At every such position the state hash is kept."""
STALE: Final = 1


class ProjectionError(Exception):
    """The projection cannot go on."""


class StaleError(ProjectionError):
    """Another projector has gone on from *expected* to *checkpoint*: load again."""

    def __init__(self, expected: int, checkpoint: int) -> None:
        super().__init__(f"the projection is at {checkpoint}, not at {expected}: another projector has gone on")
        self.expected = expected
        self.checkpoint = checkpoint


class OtherRulesError(ProjectionError):
    """What is in Redis was folded by another version of the rules."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"the projection was made by version {found} of the rules, this is version {RULES_VERSION}: "
            "start the newer program, and rebuild the projection when it asks for that"
        )
        self.found = found


class Meta(NamedTuple):
    """Where a projection stands."""

    checkpoint: int
    state_hash: str
    clock: Clock
    emitted_through: int


class Loaded(NamedTuple):
    """What Redis remembers of the plates asked for, in order, and what comes due."""

    plates: list[bytes | None]
    due: list[list[str]]
    """Members, per agenda."""
    due_plates: dict[str, bytes]


class Change(Struct):
    """What one commit writes."""

    checkpoint: int
    state_hash: str
    clock: bytes
    plates: list[str | bytes] = []
    """Name, value, name, value …"""
    forgotten: list[str] = []
    put: list[list[int | str]] = field(default_factory=lambda: [[], [], []])
    """Per agenda: due time, member, due time, member …"""
    dropped: list[list[str]] = field(default_factory=lambda: [[], [], []])
    summaries: list[str | int | bytes] = []
    """Outbox id, visit id, revision, item, recorded time, outbox id …"""

    def arguments(self) -> list[Any]:
        """Return what the function takes after the fence."""
        kept = "1" if self.checkpoint % HASH_EVERY == 0 else "0"
        pairs = [half for way in Agenda for half in ((self.put[way], 2), (self.dropped[way], 1))]
        lists: list[tuple[Sequence[Any], int]] = [
            (self.plates, 2),
            (self.forgotten, 1),
            *pairs,
            (self.summaries, 5),
        ]
        flat: list[Any] = [self.checkpoint, self.state_hash, self.clock, kept]
        flat += [len(values) // width for values, width in lists]
        for values, _ in lists:
            flat += values
        return flat


class Store:
    """The projection *version* in *redis*, whose client must not repeat commands by itself."""

    def __init__(self, redis: Redis, keys: BackendKeys, version: int) -> None:
        self._functions = Functions(redis)
        self._version = version
        self._meta = keys.projection(version, "meta")
        self._outbox_meta = keys.outbox_meta
        agendas = [keys.projection(version, f"agenda:{way.value}") for way in Agenda]
        self._read = [self._meta, keys.projection(version, "plates"), *agendas]
        self._written = [*self._read, keys.projection(version, "hashes"), keys.outbox, keys.outbox_meta]

    async def meta(self) -> Meta:
        """Return where the projection stands; raise ``OtherRulesError`` when other rules made it."""
        async with self._functions.pipeline(transaction=True) as pipeline:
            pipeline.execute_command("HMGET", self._meta, "rules_version", "checkpoint", "state_hash", "clock")
            pipeline.execute_command("HGET", self._outbox_meta, "emitted_through")
            (rules_version, checkpoint, kept_hash, clock), emitted_through = await pipeline.execute()
        if checkpoint is None:
            return Meta(0, hash_text(clock_hash(encode(Clock()))), Clock(), int(emitted_through or 0))
        if int(rules_version) != RULES_VERSION:
            raise OtherRulesError(int(rules_version))
        return Meta(int(checkpoint), kept_hash.decode(), decode_clock(clock), int(emitted_through or 0))

    async def load(
        self, checkpoint: int, due_through: tuple[int, int, int], forgotten_max: int, names: Sequence[str]
    ) -> Loaded:
        """Return the plates *names* as of *checkpoint*, and what comes due up to some times, with its plates.

        Of the last agenda at most *forgotten_max* members are wanted. Raises ``StaleError``.
        """
        answer = await self._functions.call("load", self._read, (checkpoint, *due_through, forgotten_max, *names))
        if answer[0] != checkpoint:
            raise StaleError(checkpoint, answer[0])
        _, plates, *due, due_names, due_plates = answer
        found = zip(due_names, due_plates, strict=True)
        return Loaded(
            plates,
            [[member.decode() for member in members] for members in due],
            {name.decode(): plate for name, plate in found if plate is not None},
        )

    async def commit(self, checkpoint: int, change: Change) -> int:
        """Write *change* if the projection is still at *checkpoint*, else raise ``StaleError``.

        Return how many summaries were emitted: not those that any version emitted before.
        """
        fence = (self._version, RULES_VERSION, checkpoint)
        answer = await self._functions.call("commit", self._written, (*fence, *change.arguments()))
        if answer[0] == STALE:
            raise StaleError(checkpoint, answer[1])
        return int(answer[2])
