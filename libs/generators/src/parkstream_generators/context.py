"""What a generator's process is made of."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from faststream.rabbit import RabbitBroker
from msgspec import Struct
from parkstream_events.keys import Database, EntryGeneratorKeys, ExitGeneratorKeys
from parkstream_messaging.confirmed_publisher import FAILURES
from parkstream_messaging.connection import PreparedBroker, make_broker
from parkstream_messaging.errors import MessagingError, TopologyMissingError
from parkstream_messaging.nodes_watch import NodesWatch
from parkstream_service.redis import Replicas, connect
from parkstream_service.retry import retried
from parkstream_telemetry import TelemetryOptions, names, start
from parkstream_telemetry.rabbitmq import TracingMiddleware

from parkstream_generators.event_publisher import event_publisher
from parkstream_generators.gates import Gates
from parkstream_generators.intent_store import IntentStore
from parkstream_generators.intents import Intent, SightingKind
from parkstream_generators.passages import MakeSighting, Passages
from parkstream_generators.publisher import Publisher
from parkstream_generators.redis_store import Store
from parkstream_generators.settings import CameraSettings

REPORT_EVERY_SECONDS: Final = 1.0


class Identity(Struct, frozen=True, kw_only=True):
    """Which camera it is: its service, its memory, and what it publishes: bodies of *type* with the routing *key*."""

    service: str
    database: Database
    keys: EntryGeneratorKeys | ExitGeneratorKeys
    key: str
    type: str
    make: MakeSighting
    description: str
    kinds: Sequence[SightingKind]
    """Those that there always are: their counts begin at 0."""
    checks: Sequence[Callable[[RabbitBroker], Awaitable[None]]]
    """What must be there before it publishes, and after each failure."""


class GeneratorContext:
    """The parts that both generators have."""

    def __init__(self, settings: CameraSettings, identity: Identity) -> None:
        self.settings = settings
        self.service = identity.service
        self.description = identity.description
        self.telemetry = start(TelemetryOptions.of(identity.service, settings))
        self.store = self._store(identity)
        self.intent_store = IntentStore(self.store, identity.keys)
        self.broker = self._broker(settings.rabbitmq_url)
        self.nodes_watch = NodesWatch(self.broker.nodes)
        self.publisher = Publisher(
            event_publisher(self.broker, identity.key, identity.type, identity.description),
            self.intent_store,
            self._check,
            self.broker.renew,
            buffer_max=settings.buffer_max,
            on_away=self._broker_away,
            on_confirmed=self._confirmed,
        )
        self.passages = Passages(
            identity.make,
            Gates(settings.gates_with_faults, identity.key),
            settings.faults,
            daily_ids=self.intent_store.daily_ids,
            began_us=time.time_ns() // 1000,
        )
        self.stopping = asyncio.Event()
        """Set when no more events are to be made."""
        self.wake = asyncio.Event()
        """Set when whoever makes events should look again, as after ``stop``."""
        self.confirmed: Counter[str] = Counter()
        """What RabbitMQ confirmed since the process began, by kind."""
        self._count({(kind, gate.name): 0 for gate in self.passages.gates.all for kind in identity.kinds})
        self._checks = identity.checks
        self.queues_problem = ""
        """What it waits for in RabbitMQ before it begins."""
        self._dropped = 0
        self._reported_at: dict[str, float] = {}
        self.telemetry.watch(names.BUFFERED, lambda: self.publisher.buffered)
        self.telemetry.watch(names.RABBITMQ_NODES_AWAY, lambda: len(self.nodes_watch.away))

    def _store(self, identity: Identity) -> Store:
        redis = connect(self.settings.redis_url, identity.database, name=identity.service)
        minimum = self.settings.redis_replicas_min
        return Store(redis, self._redis_away, Replicas(redis, minimum, identity.keys.replicated) if minimum else None)

    def _broker(self, url: str) -> PreparedBroker:
        return make_broker(
            url,
            middlewares=[TracingMiddleware(self.telemetry)] if self.telemetry.tracing else [],
            on_connected=lambda node: self.telemetry.log(names.EVENT_CONNECTED, node=node),
            prepare=self._prepare,
            fail_fast=False,
        )

    def stop(self) -> None:
        """Make no more events."""
        self.stopping.set()
        self.wake.set()

    @property
    def stopped(self) -> bool:
        """Whether no more events are to be made."""
        return self.stopping.is_set()

    def dropped(self, count: int) -> None:
        """Report that *count* events were dropped; a line a second at most, with all since the last."""
        if not count:
            return
        self.telemetry.add(names.DROPPED, count)
        self._dropped += count
        if self._may_report("dropping"):
            self.telemetry.log(names.EVENT_DROPPING, reason="buffer_full", count=self._dropped)
            self._dropped = 0

    async def _prepare(self, _: RabbitBroker) -> None:
        """Before anything is delivered: what handles it is there, and all queues are."""
        await self.store.open()
        self.publisher.offer(await self.intent_store.open(self.settings.first_seed))
        await retried(self._check, when=_passes, on_retry=self._queues_missing, most_seconds=1.0)

    async def _check(self) -> None:
        """Raise unless all queues are there; ready says what is missing until they are."""
        try:
            for check in self._checks:
                await check(self.broker)
        except MessagingError as error:
            self.queues_problem = str(error)
            raise
        self.queues_problem = ""

    def _queues_missing(self, error: Exception) -> None:
        if self._may_report("rabbitmq"):
            self.telemetry.log(names.EVENT_WAITING, dependency="rabbitmq", detail=f"{type(error).__name__}: {error}")

    def _redis_away(self, error: Exception) -> None:
        if self._may_report("redis"):
            self.telemetry.log(names.EVENT_WAITING, dependency="redis", detail=repr(error))

    def _broker_away(self, error: Exception, buffered: int) -> None:
        if self._may_report("rabbitmq"):
            self.telemetry.log(names.EVENT_BUFFERING, detail=repr(error), count=buffered)

    def _confirmed(self, intents: Sequence[Intent]) -> None:
        counts = Counter((intent.kind, intent.gate) for intent in intents)
        for (kind, _), count in counts.items():
            self.confirmed[kind] += count
        self._count(counts)

    def _count(self, published: Mapping[tuple[SightingKind, str], int]) -> None:
        for (kind, gate), count in published.items():
            self.telemetry.add(names.PUBLISHED, count, outcome=kind.value, **({"gate": gate} if gate else {}))

    def _may_report(self, what: str) -> bool:
        now = time.monotonic()
        if now - self._reported_at.get(what, -REPORT_EVERY_SECONDS) < REPORT_EVERY_SECONDS:
            return False
        self._reported_at[what] = now
        return True


def _passes(error: Exception) -> bool:
    return isinstance(error, (*FAILURES, TopologyMissingError))
