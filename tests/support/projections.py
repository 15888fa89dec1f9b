"""Logs to project, and what a fold in memory makes of them: the truth that a projection is held to."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from eventlog_stores import NewLog
from parkstream_eventlog import Candidate, Record
from parkstream_events import wire
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import VehicleEntered, VehicleExited, moment_of
from parkstream_events.summaries import SummaryItem
from parkstream_projection import Outbox, Projector, Reads, Versions, recorded_event_of, state_hash
from parkstream_projection.visits import VISITS
from parkstream_service.redis import connect
from parkstream_visits import Emitted, Fold, RecordedEvent, State, summary_of

SECOND = 1_000_000
HOUR = 3_600 * SECOND


def sighting(  # noqa: PLR0913 - a sighting has these parts
    way: int, id_: str, plate: str, at_us: int, published_at_us: int | None = None, *, gate: str | None = None
) -> Candidate:
    """Return what a camera saw of *plate* at *at_us*: way 0 in, 1 out."""
    event = (VehicleExited if way else VehicleEntered)(id_, plate, moment_of(at_us), gate)
    return Candidate(wire.type_of(event), id_, wire.encode(event), at_us, ("entry", "exit")[way], published_at_us)


def untimed(visit_id: str) -> str:
    """Return the direction and the id of the event that *visit_id* is made of, without its time."""
    return visit_id.rpartition("@")[0]


def day_of_traffic(cars: int, start_us: int, spacing_us: int = SECOND) -> list[Candidate]:
    """Return cars that come and go in time order; each fifth exit's entry was missed, each seventh car stays."""
    seen: list[tuple[int, int, str, str]] = []
    for n in range(cars):
        at_us = start_us + n * spacing_us
        if n % 5:
            seen.append((at_us, 0, f"in-{n}", f"CAR{n}"))
        if n % 7:
            seen.append((at_us + (n % 11 + 1) * 3 * spacing_us, 1, f"out-{n}", f"CAR{n}"))
    return [sighting(way, id_, plate, at_us) for at_us, way, id_, plate in sorted(seen)]


def record_of(fact: RecordedEvent) -> Record:
    """Return the record that *fact* is read from."""
    id_ = fact.event.id
    return Record(
        fact.position,
        wire.type_of(fact.event),
        id_,
        wire.encode(fact.event),
        fact.recorded_at_us,
        fact.published_at_us,
        fact.traceparent,
    )


class Truth:
    """All *records* folded in memory."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.state = State()
        fold = Fold(self.state)
        self.emitted: list[Emitted] = [said for record in records for said in fold.fold(recorded_event_of(record))]

    @property
    def hash(self) -> str:
        return state_hash(self.state)

    @property
    def items(self) -> list[SummaryItem]:
        return [summary_of(spoken) for spoken in self.emitted]


class Process(Projector):
    """A projector with connections of its own, as another process has it."""

    def __init__(self, url: str, keys: BackendKeys, **more: Any) -> None:
        self.redis = connect(url, name=keys.prefix)
        self.log = NewLog(self.redis, keys, LOG_SCHEMA)
        super().__init__(self.redis, keys, VISITS, **more)


class Mall:
    """One mall's log and projection in a Redis, as any number of processes have it."""

    def __init__(self, url: str, mall: str) -> None:
        self.url = url
        self.keys = BackendKeys(mall)
        self.redis = connect(url)
        self.log = NewLog(self.redis, self.keys, LOG_SCHEMA)
        self.outbox = Outbox(self.redis, self.keys)
        self.reads = Reads(self.redis, self.keys)
        self.versions = Versions(self.redis, self.keys)
        self._clients = [self.redis]

    def projector(self, url: str | None = None, **more: Any) -> Process:
        """Return the projector of another process, which reaches Redis at *url*."""
        process = Process(url or self.url, self.keys, **more)
        self._clients.append(process.redis)
        return process

    async def records(self) -> list[Record]:
        """Return the whole log."""
        return await self.log.read(0, 1_000_000)

    async def truth(self) -> Truth:
        """Return what the log amounts to."""
        return Truth(await self.records())

    async def emitted(self) -> list[tuple[str, SummaryItem]]:
        """Return the outbox: its ids and items, taken or not."""
        entries = await self.redis.xrange(self.keys.outbox)
        return [(id_.decode(), msgspec.json.decode(fields[b"item"], type=SummaryItem)) for id_, fields in entries]

    async def kept(self) -> dict[bytes, Any]:
        """Return all that Redis holds of this mall, in a form that can be compared."""
        keys = [key async for key in self.redis.scan_iter(match="*" + self.keys.prefix.split("{")[1][:-2] + "}*")]
        return {key: await self._value(key) for key in sorted(keys)}

    async def _value(self, key: bytes) -> Any:
        """Return what is at *key*; a hash by its fields, because they move about when Redis has time."""
        is_hash = await self.redis.type(key) == b"hash"
        return await (self.redis.hgetall(key) if is_hash else self.redis.dump(key))

    async def version(self, number: int) -> dict[str, Any]:
        """Return all that Redis holds of a version of the projection, by value: its plates in no order."""
        names = ("meta", "plates", "hashes")
        hashes = {name: await self.redis.hgetall(self.keys.projection(number, name)) for name in names}
        timers = [self.keys.projection(number, f"timers:{way}") for way in range(3)]
        return {**hashes, **{key[-1]: await self.redis.zrange(key, 0, -1, withscores=True) for key in timers}}

    async def timers(self) -> list[dict[str, int]]:
        """Return what waits, per kind of timer."""
        found = []
        live = await self.versions.live()
        for way in range(3):
            pairs = await self.redis.zrange(self.keys.projection(live, f"timers:{way}"), 0, -1, withscores=True)
            found.append({member.decode(): int(due) for member, due in pairs})
        return found

    async def holds(self, truth: Truth) -> None:
        """Assert that the live projection and the outbox are exactly *truth*."""
        present = await self.reads.state()
        assert present.state_hash == truth.hash
        emitted = await self.emitted()
        assert [item for _, item in emitted] == truth.items
        assert [int(id_.split("-")[0]) for id_, _ in emitted] == [spoken.position for spoken in truth.emitted]
        assert await self.timers() == [queue._due for queue in truth.state.timers]
        names = await self.redis.hkeys(self.keys.projection(await self.versions.live(), "plates"))
        assert {name.decode() for name in names} == set(truth.state.plates)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


async def project(projector: Process, batch: int = 100) -> None:
    """Let *projector* take in the whole log."""
    checkpoint = await projector.load()
    while records := await projector.log.read(checkpoint, batch):
        checkpoint = (await projector.step(records)).position


def now_us() -> int:
    """Return the time, roughly that of Redis."""
    return time.time_ns() // 1_000
