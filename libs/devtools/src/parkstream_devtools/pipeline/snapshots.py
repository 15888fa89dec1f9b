"""What goes on, once or twice a second: cameras, queues, log, visits, summaries."""

import asyncio
import time

from aio_pika.abc import AbstractChannel
from msgspec import Struct, field
from parkstream_service.client import ServiceClient

from parkstream_devtools.pipeline.account import Milliseconds, Published
from parkstream_devtools.probes import queues


class Entries(Struct, frozen=True, kw_only=True):
    """The account of the entry cameras."""

    published: int = 0
    duplicates: int = 0
    placeholder: int = 0
    dropped: int = 0
    buffered: int = 0
    running: bool = False
    gates: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def to_record(self) -> int:
        """How many of them the log must have: a read without a plate becomes a dead letter."""
        return self.published - self.placeholder


class Exits(Entries, frozen=True, kw_only=True):
    """The account of the exit cameras; ``parked``: the cars that they still expect."""

    matched: int = 0
    unmatched: int = 0
    missed: int = 0
    misread: int = 0
    backdated: int = 0
    duplicate_read: int = 0
    parked: int = 0


def published_by(entries: Entries, exits: Exits) -> Published:
    """Return what both accounts mean for the log and the summary file."""
    return Published(
        entries=entries.to_record,
        exits=exits.to_record,
        matched=exits.matched,
        unmatched=exits.unmatched + exits.misread + exits.backdated,
        placeholders=entries.placeholder + exits.placeholder,
        entries_by_gate=entries.gates,
        exits_by_gate=exits.gates,
    )


class State(Struct, frozen=True, kw_only=True):
    """Where log, visits and outbox stand."""

    position: int = 0
    lag: int = 0
    pending: int = 0
    inside: int = 0
    outbox_depth: int = 0
    parked: int = 0
    unreadable: int = 0
    counters: dict[str, int] = field(default_factory=dict[str, int])


class Stats(Struct, frozen=True, kw_only=True):
    """Where the summary file stands; ``current`` counts visits by outcome."""

    lines: int = 0
    position: int | None = None
    """The greatest that it knows."""
    current: dict[str, int] = field(default_factory=dict[str, int])
    exit_to_disk_ms: Milliseconds | None = None
    pending_exit_to_disk_ms: Milliseconds | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """All of it at one moment (``at``: monotonic seconds)."""

    at: float
    entries: Entries
    exits: Exits
    state: State
    stats: Stats
    queued: int
    dead: int

    @property
    def waiting(self) -> int:
        """Everything that is on its way or pending."""
        on_its_way = self.entries.buffered + self.exits.buffered + self.queued
        return on_its_way + self.state.lag + self.state.pending + self.state.outbox_depth

    @property
    def settled(self) -> bool:
        """Whether the account may be drawn: all that was published is recorded, nothing waits or is pending."""
        moving = self.entries.running or self.exits.running
        # A delivery on its way to the log is in no queue and not in the log yet.
        refused = self.dead >= self.entries.placeholder + self.exits.placeholder
        arrived = self.recorded >= self.entries.to_record + self.exits.to_record and refused
        return not moving and self.waiting == 0 and arrived

    @property
    def recorded(self) -> int:
        """Sightings that the projection has taken in."""
        return self.state.counters.get("entered", 0) + self.state.counters.get("exited", 0)


class Addresses(Struct, frozen=True, kw_only=True):
    """Base URLs of the services."""

    entries: str
    exits: str
    console: str
    summaries: str


class Watch:
    """Looks at all services at once."""

    def __init__(self, addresses: Addresses, client: ServiceClient, rabbitmq: AbstractChannel) -> None:
        self._at = addresses
        self._client = client
        self._rabbitmq = rabbitmq

    async def look(self) -> Snapshot:
        """Return how things stand now; raise ``UnreachableError`` when somebody does not answer."""
        entries, exits, queued, state, stats = await asyncio.gather(
            self._client.get(f"{self._at.entries}/v1/account", Entries),
            self._client.get(f"{self._at.exits}/v1/account", Exits),
            queues(self._rabbitmq),
            self._client.get(f"{self._at.console}/v1/state", State),
            self._client.get(f"{self._at.summaries}/v1/stats", Stats),
        )
        return Snapshot(
            at=time.monotonic(),
            entries=entries,
            exits=exits,
            queued=queued.work,
            dead=queued.dead,
            state=state,
            stats=stats,
        )

    async def stop_cameras(self) -> None:
        """Have the generators make no more events."""
        await self._client.post(f"{self._at.entries}/v1/stop")
        await self._client.post(f"{self._at.exits}/v1/stop")
